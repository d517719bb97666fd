// Discovery under any sequence of beacons, names, interfaces, dial results and time: bounded
// dials and beacons, nothing sent that is not its own beacon.
#include "beacon.hpp"
#include "constants.hpp"
#include "drive.hpp"
#include "keys.hpp"
#include "kith/crypto/hash.hpp"
#include "target.hpp"

using namespace kith;
namespace ds = kith::discovery;

namespace {

class World {
 public:
  explicit World(fuzz::Input& in)
      : in_(in),
        driver_(make(in.below(3)), [this](ds::Output&& output, std::deque<ds::Input>& answers) {
          on(output, answers);
        }) {
    driver_.act([](ds::Discovery& machine, Now now, auto& out) { machine.start(now, out); });
  }

  void step() {
    const std::size_t op = in_.below(9);
    if (op == 0) return driver_.advance(in_.pause());
    const Endpoint from{IpAddress::v4(10, 0, 0, in_.u8()), 4747};
    if (op == 1) {
      const Bytes bytes = fuzz::copy(in_.chunk());
      return driver_.step(ds::BeaconReceived{from, 1, bytes});
    }
    if (op == 2) {
      const Buffer beacon = genuine();
      return driver_.step(ds::BeaconReceived{from, 1, beacon.view()});
    }
    driver_.step(fact(op, from));
  }

  void check() const {
    KITH_ASSERT(driver_.machine.snapshot().targets <= ds::targets_limit);
    KITH_ASSERT(driver_.machine.snapshot().other_lans.size() <= ds::lans_limit);
  }

 private:
  static ds::Discovery make(std::size_t mode) {
    ds::Config config;
    config.mode = static_cast<Mode>(mode);
    config.network_name = "lan";
    config.lan.id.fill(9);
    config.network = crypto::network_id(config.lan.id, "lan");
    config.boot.bytes.fill(1);
    config.self = fuzz::identity(0)->id();
    config.listen = {{IpAddress::v4(0, 0, 0, 0), 4747}};
    config.join = {*ds::parse_target("peer.example"), *ds::parse_target("10.0.0.9")};
    return ds::Discovery(config, Rng(3));
  }

  ByteArray<16> lan() {
    ByteArray<16> id{};
    id.fill(static_cast<Byte>(in_.below(12)));
    return id;
  }
  Buffer genuine() {
    ds::Beacon beacon;
    beacon.lan = lan();
    beacon.boot.bytes.fill(in_.u8());
    beacon.holds_records = in_.flip();
    return ds::encode_beacon(beacon, crypto::network_id(beacon.lan, "lan"));
  }
  std::vector<IpAddress> addresses() {
    std::vector<IpAddress> made;
    for (std::size_t left = in_.below(12); left > 0; --left)
      made.push_back(IpAddress::v4(10, 0, in_.u8(), 1));
    return made;
  }
  ds::Input interfaces() {
    ds::InterfacesChanged changed;
    for (std::size_t left = in_.below(5); left > 0; --left) {
      const std::uint8_t shape = in_.u8();
      ds::Interface one;
      one.index = 1 + shape % 4;
      one.name = shape & 0x80 ? "docker0" : "eth0";
      one.up = (shape & 0x40) == 0;
      one.loopback = (shape & 0x30) == 0x30;
      for (const IpAddress& ip : addresses()) one.subnets.push_back({ip, 96 + 24});
      changed.interfaces.push_back(one);
    }
    return changed;
  }
  ds::Input fact(std::size_t op, const Endpoint& from) {
    switch (op) {
      case 3:
        return interfaces();
      case 4:
        return ds::Resolved{{in_.u8()}, addresses()};
      case 5: {
        const NodeId peer = fuzz::identity(in_.u8())->id();
        const std::uint8_t how = in_.u8();
        return ds::DialFinished{last_dial_, (how & 1) != 0, (how & 2) != 0, peer};
      }
      case 6: {
        const auto target = ds::parse_target(as_text(in_.chunk()));
        if (!target) return ds::RecordsHeld{in_.flip()};
        ds::JoinRequested order{{in_.u8()}, *target, in_.flip(), {}};
        if (in_.flip()) order.adopt_until = driver_.now.mono + seconds(in_.u8());
        return order;
      }
      case 7: {
        const ds::Lan heard{lan(), in_.flip()};
        if (in_.flip()) return ds::LanHeard{heard, from, last_dial_};
        return ds::LanHeard{heard, from, std::nullopt};
      }
      default:
        return ds::LiveChanged{in_.below(5)};
    }
  }

  void on(const ds::Output& output, std::deque<ds::Input>& answers) {
    if (const auto* dial = std::get_if<ds::Dial>(&output)) {
      last_dial_ = dial->ticket;
      KITH_ASSERT(dial->endpoint.port != 0);
    }
    if (const auto* sent = std::get_if<ds::SendBeacon>(&output))
      KITH_ASSERT(sent->bytes.size() == ds::beacon_size);
    if (const auto* found = std::get_if<ds::AddressesFound>(&output))
      KITH_ASSERT(found->addresses.size() <= ds::advertised_limit);
    if (const auto* order = std::get_if<ds::Resolve>(&output); order && order->host->size() % 2)
      answers.push_back(ds::Resolved{order->token, {IpAddress::v4(10, 0, 0, 5)}});
  }

  fuzz::Input& in_;
  Ticket last_dial_;
  fuzz::Driver<ds::Discovery> driver_;
};

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Script lan, joins;
  lan.u8(0).u8(3).u8(0).u8(1).u8(1).u8(3).u8(7).u8(8).u8(9);
  for (std::size_t i = 0; i < 8; ++i)
    lan.u8(2).u8(i).u8(i).u8(i).u8(i).u8(0).u8(0xa0 + i).u8(5).u8(0).u8(i).u8(i % 4);
  joins.u8(1).u8(6).u8(0).chunk(as_bytes("10.0.0.7:99")).u8(3).u8(0).u8(1);
  for (std::size_t i = 0; i < 8; ++i)
    joins.u8(0).u8(0xe0 + i).u8(5).u8(0).u8(3).u8(i % 4).u8(8).u8(0).u8(i);
  return {lan, joins};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, std::min<std::size_t>(size, 1024));
  World world(in);
  for (int steps = 0; !in.empty() && steps < 200; ++steps) world.step();
  world.check();
  return 0;
}
