// Whom beacons make us dial, and how often.
#include <algorithm>
#include <set>

#include "../../src/discovery/beacon.hpp"
#include "kith/crypto/hash.hpp"
#include "kith/discovery/discovery.hpp"

using namespace kith;
using namespace kith::discovery;

namespace {

Config private_daemon(std::uint64_t boot) {
  Config config;
  config.mode = Mode::private_;
  config.network = crypto::network_id(Bytes(32, 5), "ours");
  store_le(config.boot.bytes.data(), boot);
  return config;
}

Endpoint host(Byte last, std::uint16_t port = 4747) {
  return {IpAddress::v4(192, 168, 1, last), port};
}

// A daemon of the network that hears others' beacons.
struct Listener {
  Discovery machine{private_daemon(1), Rng(1)};
  Discovery::Outbox out;
  Now now{Instant(seconds(100)), UnixMillis{1'760'000'000'000}};
  int answers = 0;  // beacons sent by unicast

  Listener() {
    machine.start(now, out);
    company(2);
  }
  void pass(Duration time) { now.mono += time; }
  void company(std::size_t live) {
    machine.step(LiveChanged{live}, now, out);
    out.clear();
  }
  std::vector<Dial> hear(std::uint64_t boot, const Endpoint& from) {
    const Config sender = private_daemon(boot);
    const Buffer bytes = encode_beacon({false, {}, sender.boot}, sender.network);
    machine.step(BeaconReceived{from, 2, bytes.view()}, now, out);
    std::vector<Dial> dials;
    for (Output& output : out.take()) {
      if (auto* dial = std::get_if<Dial>(&output)) dials.push_back(*dial);
      answers += std::holds_alternative<SendBeacon>(output) ? 1 : 0;
    }
    return dials;
  }
  void finish(const std::vector<Dial>& dials, bool ok) {
    for (const Dial& dial : dials) machine.step(DialFinished{dial.ticket, ok, false, {}}, now, out);
  }
  // The number of dials that were made, each ended at once.
  std::size_t meet(std::uint64_t boot, const Endpoint& from, bool ok) {
    const auto dials = hear(boot, from);
    finish(dials, ok);
    return dials.size();
  }
};

}  // namespace

TEST_CASE(
    "discovery/beacons: a host heard at two addresses is dialled at both, though one is dead") {
  Listener us;
  const Endpoint filtered{*parse_ip("fe80::2%2"), 4747};
  for (int i = 0; i < 3; ++i) {  // both families carry the beacon, the filtered one a bit faster
    CHECK_EQ(us.meet(2, filtered, false), i == 0 ? 1 : 0);
    CHECK_EQ(us.meet(2, host(2), true), i == 0 ? 1 : 0);
    us.pass(seconds(30));
  }
}

TEST_CASE("discovery/beacons: a beacon that a stranger plays again does not hide its sender") {
  Listener us;
  for (int i = 0; i < 90; ++i) {  // a stranger without our key, ten times a second
    us.meet(2, host(66), false);
    us.pass(milliseconds(100));
  }
  const int answers = us.answers;
  CHECK_EQ(us.meet(2, host(2), true), 1);
  CHECK_EQ(us.answers, answers + 1);
}

TEST_CASE(
    "discovery/beacons: of who answered a beacon played again brings no more than it is long") {
  Listener us;
  us.meet(2, host(2), true);
  us.pass(seconds(1));
  const int answers = us.answers;
  for (int i = 0; i < 5; ++i) {
    CHECK_EQ(us.meet(2, host(66), false), 0);
    us.pass(seconds(30));
  }
  CHECK_EQ(us.answers, answers + 1);  // and that once
}

TEST_CASE("discovery/beacons: who answered is dialled once in ten minutes, not at each beacon") {
  Listener us;
  std::size_t dials = 0;
  for (int i = 0; i < 60; ++i) {  // half an hour
    dials += us.meet(2, host(2), true);
    us.pass(seconds(30));
  }
  CHECK_EQ(dials, 3);
}

TEST_CASE(
    "discovery/beacons: who did not answer is dialled at the next beacon, not within a burst") {
  Listener us;
  CHECK_EQ(us.meet(2, host(2), false), 1);
  us.pass(seconds(3));
  CHECK_EQ(us.meet(2, host(2), false), 0);
  for (int i = 0; i < 4; ++i) {
    us.pass(seconds(30));
    CHECK_EQ(us.meet(2, host(2), false), 1);
  }
}

TEST_CASE("discovery/beacons: a daemon that was killed and runs again is dialled at once") {
  Listener us;
  CHECK_EQ(us.meet(2, host(2), true), 1);
  us.pass(seconds(1));
  CHECK_EQ(us.meet(3, host(2), true), 1);
  us.pass(seconds(30));
  CHECK_EQ(us.meet(3, host(2), true), 0);
}

TEST_CASE("discovery/beacons: who answered is dialled again after a member was lost, and alone") {
  Listener us;
  const std::vector<Byte> both{2, 3};
  us.company(3);
  for (const Byte one : both) CHECK_EQ(us.meet(one, host(one), true), 1);
  us.pass(seconds(30));
  us.company(2);  // one of them; which, nobody says here
  for (const Byte one : both) CHECK_EQ(us.meet(one, host(one), true), 1);
  us.pass(seconds(30));  // membership may not have got back whom it lost
  for (const Byte one : both) CHECK_EQ(us.meet(one, host(one), true), 1);
  us.pass(seconds(30));
  for (const Byte one : both) CHECK_EQ(us.meet(one, host(one), true), 0);
  us.company(1);
  us.pass(minutes(2));
  for (int i = 0; i < 3; ++i) {
    CHECK_EQ(us.meet(2, host(2), true), 1);
    us.pass(seconds(30));
  }
}

TEST_CASE("discovery/beacons: forged ones hold 64 dials at most, 4 a host, and no join up") {
  Listener us;
  std::vector<Dial> forged;
  const auto forge = [&](Byte source, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto port = static_cast<std::uint16_t>(10'000 + i);
      for (const Dial& dial : us.hear(source * 1000u + i, host(source, port)))
        forged.push_back(dial);
    }
  };
  forge(66, 300);
  CHECK_EQ(forged.size(), 4);
  CHECK_EQ(us.meet(2, host(2), true), 1);  // another's are not held back
  for (Byte source = 67; source < 167; ++source) forge(source, 4);
  CHECK_EQ(forged.size(), 64);
  CHECK_EQ(us.hear(3, host(3)).size(), 0);
  us.machine.step(JoinRequested{{7}, *parse_target("192.168.1.4"), false, {}}, us.now, us.out);
  const auto output = us.out.take();
  CHECK(std::any_of(output.begin(), output.end(),
                    [](const Output& one) { return std::holds_alternative<Dial>(one); }));
  us.pass(seconds(3));
  us.finish(forged, false);
  CHECK_EQ(us.meet(3, host(3), true), 1);  // at its next beacon
}

TEST_CASE("discovery/beacons: a hundred hosts that start at once are all met within their burst") {
  Listener us;
  std::set<Endpoint> met;
  std::vector<Dial> in_flight;
  for (const Duration since :
       {milliseconds(0), milliseconds(250), milliseconds(750), milliseconds(2000)}) {
    us.pass(since);
    if (since == seconds(2)) us.finish(std::exchange(in_flight, {}), true);  // answered, if late
    for (Byte one = 2; one < 102; ++one)
      for (const Dial& dial : us.hear(one, host(one))) {
        in_flight.push_back(dial);
        met.insert(dial.endpoint);
      }
    CHECK_LE(in_flight.size(), 64);
  }
  CHECK_EQ(met.size(), 100);
}
