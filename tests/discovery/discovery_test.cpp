#include "kith/discovery/discovery.hpp"

#include <deque>

#include "../../src/discovery/beacon.hpp"
#include "kith/crypto/hash.hpp"
#include "laws.hpp"

using namespace kith;
using namespace kith::discovery;

namespace {

const Endpoint elsewhere{IpAddress::v4(192, 168, 1, 2), 4747};
const Now start{Instant(seconds(100)), UnixMillis{1'760'000'000'000}};

Config config_of(Byte lan_id, Byte boot) {
  Config config;
  config.network_name = "lan";
  config.lan.id.fill(lan_id);
  config.network = crypto::network_id(config.lan.id, "lan");
  config.boot.bytes.fill(boot);
  config.listen = {{IpAddress::v4(0, 0, 0, 0), 4747}};
  return config;
}

Interface ethernet() {
  Interface eth{2, "eth0"};
  eth.subnets = {{IpAddress::v4(192, 168, 1, 1), 96 + 24}};
  return eth;
}

Buffer beacon_of(const Config& config) {
  return encode_beacon({config.lan.holds_records, config.lan.id, config.boot}, config.network);
}

template <class T>
std::vector<T> all(Discovery::Outbox& out) {
  std::vector<T> found;
  for (Output& output : out.take())
    if (auto* one = std::get_if<T>(&output)) found.push_back(std::move(*one));
  return found;
}

Now at(Duration after) { return {start.mono + after, start.wall}; }

}  // namespace

TEST_CASE("discovery/target: what people write is understood or refused with a reason") {
  CHECK_EQ(parse_target("host")->port, 4747);
  CHECK_EQ(parse_target("host:99")->port, 99);
  CHECK_EQ(parse_target("[::1]:99")->host, "::1");
  CHECK_EQ(parse_target("[::1]")->port, 4747);
  const std::string key = to_zbase32(Bytes(32, 1));
  CHECK(parse_target(key + "@host:1")->pin);
  CHECK_EQ(parse_target("").error(), TargetError::empty);
  CHECK_EQ(parse_target("host:").error(), TargetError::bad_port);
  CHECK_EQ(parse_target("host:0").error(), TargetError::bad_port);
  CHECK_EQ(parse_target("host:70000").error(), TargetError::bad_port);
  CHECK_EQ(parse_target("::1").error(), TargetError::bad_host);
  CHECK_EQ(parse_target("http://host").error(), TargetError::bad_port);
  CHECK_EQ(parse_target("short@host").error(), TargetError::bad_key);
  CHECK_EQ(parse_target("[::1").error(), TargetError::bad_host);
}

TEST_CASE("discovery/beacon: only those who know the network read it, and one bit breaks it") {
  const Config config = config_of(1, 2);
  const Buffer bytes = beacon_of(config);
  CHECK(decode_beacon(bytes.view(), Mode::lan, {}, "lan"));
  CHECK_EQ(decode_beacon(bytes.view(), Mode::lan, {}, "other").error(), BeaconError::wrong_network);
  CHECK_EQ(decode_beacon(bytes.view(), Mode::private_, {}, "lan").error(),
           BeaconError::wrong_network);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    Bytes broken(bytes.view().begin(), bytes.view().end());
    broken[i] ^= 4;
    CHECK_FALSE(decode_beacon(broken, Mode::lan, {}, "lan"));
  }
}

TEST_CASE("discovery: a burst of four beacons at 0, 0.25, 1 and 3 s, then one in 24 to 36 s") {
  Discovery machine(config_of(1, 1), Rng(1));
  Discovery::Outbox out;
  machine.start(start, out);
  machine.step(InterfacesChanged{{ethernet()}}, start, out);
  out.clear();
  std::vector<std::int64_t> sent;
  for (int i = 0; i < 5; ++i) {
    const Instant due = *machine.next_deadline();
    machine.expire({due, start.wall}, out);
    if (!all<SendBeacon>(out).empty()) sent.push_back(to_millis(due - start.mono));
  }
  REQUIRE_EQ(sent.size(), 5);
  CHECK_EQ(std::vector(sent.begin(), sent.begin() + 4),
           std::vector<std::int64_t>{0, 250, 1000, 3000});
  CHECK_GE(sent[4] - 3000, 24'000);
  CHECK_LE(sent[4] - 3000, 36'000);
}

TEST_CASE("discovery: a new boot id of our network is dialled once and answered by unicast") {
  Discovery machine(config_of(1, 1), Rng(1));
  Discovery::Outbox out;
  machine.start(start, out);
  out.clear();
  const Buffer bytes = beacon_of(config_of(1, 2));
  machine.step(BeaconReceived{elsewhere, 2, bytes.view()}, start, out);
  int dials = 0, answers = 0;
  for (const Output& output : out.take()) {
    dials += std::holds_alternative<Dial>(output) ? 1 : 0;
    const auto* beacon = std::get_if<SendBeacon>(&output);
    answers += beacon && beacon->to == elsewhere ? 1 : 0;
  }
  CHECK_EQ(dials, 1);
  CHECK_EQ(answers, 1);
  machine.step(BeaconReceived{elsewhere, 2, bytes.view()}, at(seconds(1)), out);
  CHECK(all<Dial>(out).empty());
}

TEST_CASE("discovery: our own beacon is nobody's") {
  Discovery machine(config_of(1, 1), Rng(1));
  Discovery::Outbox out;
  const Buffer bytes = beacon_of(config_of(1, 1));
  machine.step(BeaconReceived{elsewhere, 2, bytes.view()}, start, out);
  const auto dropped = all<Dropped>(out);
  REQUIRE_EQ(dropped.size(), 1);
  CHECK_EQ(dropped[0].reason, DropReason::own_message);
}

TEST_CASE("discovery/lan: without records the smaller id wins; with records nobody moves") {
  Discovery::Outbox out;
  const auto hears = [&](Config us, Config them) {
    Discovery machine(us, Rng(1));
    const Buffer bytes = beacon_of(them);
    machine.step(BeaconReceived{elsewhere, 2, bytes.view()}, start, out);
    return all<AdoptLan>(out).size() == 1;
  };
  CHECK(hears(config_of(2, 1), config_of(1, 2)));
  CHECK_FALSE(hears(config_of(1, 1), config_of(2, 2)));
  Config rich = config_of(2, 2);
  rich.lan.holds_records = true;
  CHECK(hears(config_of(1, 1), rich));
  Config we_too = config_of(3, 1);
  we_too.lan.holds_records = true;
  CHECK_FALSE(hears(we_too, rich));
}

TEST_CASE(
    "discovery/lan: who came for a network's records goes on to no other one that holds some") {
  Config us = config_of(5, 1), rival = config_of(4, 3);
  us.adopted_records = true;
  rival.lan.holds_records = true;
  const Buffer bytes = beacon_of(rival);
  Discovery machine(us, Rng(1));
  Discovery::Outbox out;
  machine.start(start, out);
  CHECK(all<NetworkHolds>(out).at(0).any);
  machine.step(BeaconReceived{elsewhere, 2, bytes.view()}, at(seconds(1)), out);
  CHECK(all<AdoptLan>(out).empty());
  REQUIRE_EQ(machine.snapshot().other_lans.size(), 1);
  CHECK(machine.apart_from(elsewhere));
  SUBCASE("however long, in company") {
    machine.step(LiveChanged{2}, at(seconds(2)), out);
    machine.expire(at(seconds(20)), out);
    CHECK(all<AdoptLan>(out).empty());
    machine.step(LiveChanged{1}, at(seconds(21)), out);
    CHECK_EQ(all<AdoptLan>(out).size(), 1);
  }
  SUBCASE("but alone not for ever") {
    machine.expire(at(seconds(11)), out);
    const auto adopted = all<AdoptLan>(out);
    REQUIRE_EQ(adopted.size(), 1);
    CHECK_EQ(adopted[0].lan.id, rival.lan.id);
  }
}

TEST_CASE(
    "discovery/lan: between two that hold records the first adopted stays, unless a smaller id "
    "comes") {
  Config large = config_of(8, 2), larger = config_of(9, 3);
  large.lan.holds_records = larger.lan.holds_records = true;
  const Buffer first = beacon_of(large), second = beacon_of(larger);
  Discovery machine(config_of(5, 1), Rng(1));
  Discovery::Outbox out;
  machine.start(start, out);
  machine.step(BeaconReceived{elsewhere, 2, first.view()}, start, out);
  machine.step(BeaconReceived{elsewhere, 2, second.view()}, start, out);
  const auto adopted = all<AdoptLan>(out);
  REQUIRE_EQ(adopted.size(), 1);
  CHECK_EQ(adopted[0].lan.id, large.lan.id);
}

TEST_CASE("discovery/lan: a network heard no more, or whose daemon came over, is no longer shown") {
  Config us = config_of(5, 1), other = config_of(4, 2), over = config_of(5, 2);
  us.lan.holds_records = other.lan.holds_records = true;
  const Buffer foreign = beacon_of(other), same = beacon_of(over);
  Discovery machine(us, Rng(1));
  Discovery::Outbox out;
  machine.start(start, out);
  machine.step(BeaconReceived{elsewhere, 2, foreign.view()}, start, out);
  CHECK_EQ(machine.snapshot().other_lans.size(), 1);
  SUBCASE("silence") {
    machine.expire(at(seconds(101)), out);
    CHECK(machine.snapshot().other_lans.empty());
  }
  SUBCASE("it came over, left and came over again: dialled each time") {
    machine.step(BeaconReceived{elsewhere, 2, same.view()}, at(seconds(1)), out);
    CHECK(machine.snapshot().other_lans.empty());
    CHECK_EQ(all<Dial>(out).size(), 1);
    machine.step(BeaconReceived{elsewhere, 2, foreign.view()}, at(seconds(2)), out);
    machine.step(BeaconReceived{elsewhere, 2, same.view()}, at(seconds(3)), out);
    CHECK_EQ(all<Dial>(out).size(), 1);
  }
}

TEST_CASE("discovery/lan: a join takes the other network after a short wait, forced at once") {
  Discovery::Outbox out;
  const auto join = [&](bool adopt, bool holds) {
    Config us = config_of(1, 1);
    us.lan.holds_records = holds;
    Discovery machine(us, Rng(1));
    discovery::JoinRequested order{{7}, *parse_target("192.168.1.2"), false, {}};
    if (adopt) order.adopt_until = start.mono + seconds(10);
    machine.step(order, start, out);
    const Ticket dial = all<Dial>(out).at(0).ticket;
    Lan other;
    other.id.fill(9);
    machine.step(LanHeard{other, elsewhere, dial}, start, out);
    std::size_t adopted = all<AdoptLan>(out).size();
    machine.expire(at(milliseconds(500)), out);
    return std::pair(adopted, adopted + all<AdoptLan>(out).size());
  };
  CHECK_EQ(join(false, false), std::pair<std::size_t, std::size_t>(0, 1));
  CHECK_EQ(join(true, true), std::pair<std::size_t, std::size_t>(1, 1));
  CHECK_EQ(join(false, true), std::pair<std::size_t, std::size_t>(0, 0));
}

TEST_CASE("discovery: a target is resolved and dialled again for ever, faster while alone") {
  Config config = config_of(1, 1);
  config.join = {*parse_target("gate.example")};
  Discovery machine(config, Rng(1));
  Discovery::Outbox out;
  machine.start(start, out);
  Instant now = start.mono;
  int tries = 0;
  while (now < start.mono + minutes(1)) {
    now = std::max(now, *machine.next_deadline());
    machine.expire({now, start.wall}, out);
    for (const Resolve& order : all<Resolve>(out)) {
      ++tries;
      CHECK_EQ(*order.host, "gate.example");
      machine.step(Resolved{order.token, {}}, {now, start.wall}, out);
    }
  }
  CHECK_GE(tries, 10);
}

TEST_CASE(
    "discovery/saved: a peer that is down while others answer is tried on, one that answered is "
    "not") {
  Config config = config_of(1, 1);
  config.saved = {*parse_target("10.0.0.1"), *parse_target("10.0.0.2")};
  Discovery machine(config, Rng(1));
  Discovery::Outbox out;
  machine.start(start, out);
  machine.expire(start, out);
  const auto first = all<Dial>(out);
  REQUIRE_EQ(first.size(), 2);
  machine.step(DialFinished{first[0].ticket, true, false, {}}, start, out);
  machine.step(DialFinished{first[1].ticket, false, false, {}}, start, out);
  machine.step(LiveChanged{2}, start, out);
  machine.expire(at(seconds(1)), out);
  const auto second = all<Dial>(out);
  REQUIRE_EQ(second.size(), 1);
  CHECK_EQ(second[0].endpoint.ip, IpAddress::v4(10, 0, 0, 2));
  machine.expire(at(minutes(11)), out);
  machine.expire(at(minutes(13)), out);
  CHECK_EQ(machine.snapshot().targets, 0);
}

TEST_CASE("discovery: join --adopt gives up records once, and not for ever") {
  Config us = config_of(1, 1);
  Discovery machine(us, Rng(1));
  Discovery::Outbox out;
  machine.start(start, out);
  machine.step(JoinRequested{{7}, *parse_target("192.168.1.2"), false, start.mono + seconds(10)},
               start, out);
  auto dials = all<Dial>(out);
  REQUIRE_EQ(dials.size(), 1);
  machine.step(DialFinished{dials[0].ticket, true, false, {}}, at(milliseconds(5)), out);  // joined
  machine.step(RecordsHeld{true}, at(seconds(1)), out);  // and we keep records now
  machine.step(LiveChanged{3}, at(seconds(1)), out);
  out.clear();
  // The target's machine is set up anew (or its address is another's): an empty network.
  Dial again{};
  bool dialled = false;
  while (!dialled) {
    const Instant due = *machine.next_deadline();
    REQUIRE(due < start.mono + minutes(10));
    machine.expire({due, start.wall}, out);
    for (const Dial& dial : all<Dial>(out)) again = dial, dialled = true;
  }
  Lan empty;
  empty.id.fill(9);
  machine.step(LanHeard{empty, {IpAddress::v4(192, 168, 1, 2), 4747}, again.ticket}, at(minutes(2)),
               out);
  CHECK(all<AdoptLan>(out).empty());
}

TEST_CASE("discovery: join --adopt that nobody answered in time is over") {
  for (const bool late : {false, true}) {
    Config us = config_of(1, 1);
    us.lan.holds_records = true;
    Discovery machine(us, Rng(1));
    Discovery::Outbox out;
    machine.start(start, out);
    machine.step(JoinRequested{{7}, *parse_target("192.168.1.2"), false, start.mono + seconds(10)},
                 start, out);
    const Ticket dial = all<Dial>(out).at(0).ticket;
    Lan other;
    other.id.fill(9);
    machine.step(LanHeard{other, elsewhere, dial}, at(seconds(late ? 11 : 9)), out);
    CHECK_EQ(all<AdoptLan>(out).size(), late ? 0 : 1);
  }
}

TEST_CASE("discovery: a beacon from outside our subnets moves nobody") {
  Discovery machine(config_of(2, 1), Rng(1));
  Discovery::Outbox out;
  machine.start(start, out);
  machine.step(InterfacesChanged{{ethernet()}}, start, out);
  out.clear();
  Config theirs = config_of(1, 2);
  theirs.lan.holds_records = true;
  const Buffer bytes = beacon_of(theirs);
  machine.step(BeaconReceived{{IpAddress::v4(203, 0, 113, 9), 4747}, 0, bytes.view()}, start, out);
  int adoptions = 0, answers = 0;
  for (const Output& output : out.take()) {
    adoptions += std::holds_alternative<AdoptLan>(output);
    answers += std::holds_alternative<SendBeacon>(output);
  }
  CHECK_EQ(adoptions, 0);
  CHECK_EQ(answers, 0);
}

TEST_CASE("discovery/laws: any input in any state is legal, bounded and replayed to the letter") {
  const auto describe = [](const Output& output) { return std::to_string(output.index()); };
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Rng rng(seed);
    std::deque<Buffer> kept;
    std::vector<test::Timed<Input>> list;
    for (int i = 0; i < 2000; ++i) {
      const Duration after = milliseconds(static_cast<std::int64_t>(rng.below(400)));
      Input input = LiveChanged{rng.below(5)};
      switch (rng.below(8)) {
        case 0: {
          Config other =
              config_of(static_cast<Byte>(rng.below(4)), static_cast<Byte>(rng.below(200)));
          other.lan.holds_records = rng.chance(1, 4);
          kept.push_back(beacon_of(other));
          Bytes bytes(kept.back().view().begin(), kept.back().view().end());
          if (rng.chance(1, 3)) bytes[rng.below(bytes.size())] = static_cast<Byte>(rng.next());
          kept.back() = Buffer(bytes);
          input = BeaconReceived{elsewhere, 2, kept.back().view()};
          break;
        }
        case 1:
          input = InterfacesChanged{rng.chance(1, 2) ? std::vector{ethernet()}
                                                     : std::vector<Interface>{}};
          break;
        case 2:
          input = Resolved{{rng.below(50)}, {IpAddress::v4(10, 0, 0, 1)}};
          break;
        case 3:
          input = DialFinished{{rng.below(99)}, rng.chance(1, 2), rng.chance(1, 4), {}};
          break;
        case 4:
          input = JoinRequested{{rng.next()}, *parse_target("h" + std::to_string(rng.below(400)))};
          break;
        case 5:
          input = LanHeard{{}, elsewhere, Ticket{rng.below(99)}};
          break;
        case 6:
          input = RecordsHeld{rng.chance(1, 2)};
          break;
        default:
          break;
      }
      list.push_back({after, std::move(input)});
    }
    const auto make = [] { return Discovery(config_of(2, 1), Rng(3)); };
    test::check_laws<Discovery>("discovery", make, list, describe);
  }
}
