// The parts of a world: the disk that crashes, the network and its fates, the agenda.
#include <set>

#include "agenda.hpp"
#include "checkers/checkers.hpp"
#include "disk.hpp"
#include "network.hpp"
#include "word_map.hpp"

using namespace kith;
using namespace kith::sim;

namespace {

Cell cell(Byte name) { return {Table::record, Bytes{name}}; }
Disk::Write entry(Byte name, std::string_view value, std::uint64_t token = 1) {
  return {{token}, cell(name), Buffer(as_bytes(value)), Instant{}};
}
std::string shown(const Disk& disk, Byte name) {
  const auto value = disk.read(cell(name));
  return value ? to_text(value->view()) : "none";
}

}  // namespace

TEST_CASE(
    "sim/disk: what was not durable at a crash survives as a prefix, never a later write alone") {
  for (std::uint64_t luck = 0; luck < 3; ++luck) {
    Disk disk;
    CHECK(disk.write(entry(1, "old")));
    disk.commit(Instant{});
    CHECK(disk.write(entry(1, "new")));
    CHECK_FALSE(disk.write(entry(2, "later")));  // a commit is under way: it waits for the next
    CHECK_EQ(shown(disk, 1), "new");             // the process sees its own writes
    disk.crash(luck);
    CHECK_EQ(shown(disk, 1), luck > 0 ? "new" : "old");
    CHECK_EQ(shown(disk, 2), luck > 1 ? "later" : "none");
    CHECK_FALSE(disk.committing());
  }
}

TEST_CASE("sim/disk: a group is acknowledged when all of it is durable, the next begins then") {
  Disk disk;
  disk.write(entry(1, "a", 11));
  disk.write(entry(2, "b", 12));
  disk.write(entry(3, "c", 13));
  CHECK_EQ(disk.commit(Instant{}), std::vector<Token>{{11}});
  CHECK_EQ(disk.commit(Instant{}), std::vector<Token>{{12}, {13}});
  CHECK_FALSE(disk.committing());
}

TEST_CASE("sim/disk: rolled back it is as it was, wiped it is empty") {
  Disk disk;
  disk.remember(seconds(10));
  const Instant start(seconds(1));
  disk.write(entry(1, "first"));
  disk.commit(start);
  disk.write(entry(1, "second"));
  disk.commit(start + seconds(1));
  disk.write({{1}, cell(1), std::nullopt, start});
  disk.commit(start + seconds(2));
  CHECK_EQ(shown(disk, 1), "none");
  disk.roll_back(start + seconds(1));
  CHECK_EQ(shown(disk, 1), "second");
  disk.roll_back(start);
  CHECK_EQ(shown(disk, 1), "first");
  disk.wipe();
  CHECK_EQ(shown(disk, 1), "none");
}

TEST_CASE("sim/disk: it is rolled back no further than it was told to remember") {
  Disk disk;
  disk.remember(seconds(1));
  const Instant start(seconds(1));
  disk.write(entry(1, "first"));
  disk.commit(start);
  disk.write(entry(1, "second"));
  disk.commit(start + seconds(1));
  disk.write(entry(1, "third"));
  disk.commit(start + seconds(2));
  disk.roll_back(start);
  CHECK_EQ(shown(disk, 1), "second");
}

TEST_CASE("sim/chance: what is drawn from quantiles falls between each two of them equally often") {
  const Spread spread{{microseconds(10), microseconds(20), microseconds(20), microseconds(1000)}};
  const Chance chance(5);
  std::size_t low = 0, middle = 0, high = 0;
  for (std::uint64_t i = 0; i < 30'000; ++i) {
    const Duration drawn = chance.of(spread, Concern::latency, {i});
    CHECK(drawn >= microseconds(10));
    CHECK(drawn <= microseconds(1000));
    ++(drawn < microseconds(20) ? low : drawn > microseconds(20) ? high : middle);
  }
  CHECK(low > 8'700);  // 10/11 of a third
  CHECK(low < 9'500);
  CHECK(high > 9'600);
  CHECK(high < 10'400);
  const Spread even{{milliseconds(5), milliseconds(60)}};  // two points: as ever
  for (std::uint64_t i = 0; i < 100; ++i)
    CHECK_EQ(chance.of(even, Concern::disk, {i}),
             chance.between(milliseconds(5), milliseconds(60), Concern::disk, {i}));
}

TEST_CASE("sim/network: cuts, mutes and loss do what they say and are counted") {
  Scenario scenario;
  scenario.hosts = 3;
  Tally tally;
  Network network(scenario, tally);
  const Buffer bytes(as_bytes("a datagram"));
  const auto arrives = [&](HostIndex from, HostIndex to, std::uint64_t nonce = 1) {
    return network.datagram(from, to, bytes, Instant{}, nonce).size();
  };
  const Event cut{{}, Act::cut, {0}, seconds(1), 0, 0}, mute{{}, Act::mute, {1}, seconds(1), 0, 0};
  network.begin(cut);
  CHECK_EQ(arrives(0, 1) + arrives(1, 0), 0);
  CHECK_EQ(arrives(1, 2), 1);
  network.end(cut);
  network.begin(mute);
  CHECK_EQ(arrives(1, 2), 0);
  CHECK_EQ(arrives(2, 1), 1);
  network.end(mute);
  const Event loss{{}, Act::loss, {}, seconds(1), 300, 0};
  network.begin(loss);
  std::size_t arrived = 0;
  for (std::uint64_t i = 0; i < 10'000; ++i) arrived += arrives(0, 1, i);
  CHECK(arrived > 6800);
  CHECK(arrived < 7200);
  CHECK_EQ(tally.fired[static_cast<std::size_t>(Act::loss)], 10'000 - arrived);
}

TEST_CASE("sim/network: a twin hangs on its original's cable") {
  Scenario scenario;
  scenario.hosts = 3;
  Tally tally;
  Network network(scenario, tally);
  constexpr HostIndex twin = 3;
  network.add_twin(0);
  const Event cut{{}, Act::cut, {0}, seconds(1), 0, 0};
  network.begin(cut);
  CHECK(network.passes(0, twin));
  CHECK_FALSE(network.passes(twin, 1));
  CHECK_FALSE(network.passes(2, twin));
  network.end(cut);
  CHECK(network.passes(twin, 1));
}

TEST_CASE("sim/network: a bridge reaches both sides, which do not reach each other") {
  Scenario scenario;
  scenario.hosts = 5;
  Tally tally;
  Network network(scenario, tally);
  const Event bridge{{}, Act::bridge, {0, 1}, seconds(1), 4, 0};
  network.begin(bridge);
  CHECK(network.passes(0, 1));
  CHECK(network.passes(2, 3));
  CHECK_FALSE(network.passes(1, 2));
  CHECK_FALSE(network.passes(3, 0));
  for (HostIndex other = 0; other < 4; ++other) CHECK(network.passes(4, other));
}

TEST_CASE("sim/network: in a ring everybody reaches a majority, and no two the same one") {
  for (HostIndex hosts = 5; hosts <= 24; ++hosts) {
    Scenario scenario;
    scenario.hosts = hosts;
    Tally tally;
    Network network(scenario, tally);
    const Event ring{{}, Act::ring, {}, seconds(1), 0, 0};
    network.begin(ring);
    std::set<std::vector<HostIndex>> reached;
    for (HostIndex from = 0; from < hosts; ++from) {
      std::vector<HostIndex> by;
      for (HostIndex to = 0; to < hosts; ++to) {
        CHECK_EQ(network.passes(from, to), network.passes(to, from));
        if (network.passes(from, to)) by.push_back(to);
      }
      CHECK(by.size() >= hosts / 2 + 1);
      CHECK(by.size() < hosts);
      reached.insert(by);
    }
    CHECK_EQ(reached.size(), hosts);
  }
}

TEST_CASE("sim/word_map: map and set agree with std::map") {
  WordMap words;
  WordSet met;
  std::map<std::uint64_t, std::uint64_t> tree;
  Rng rng(21);
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t key = 1 + rng.below(5'000) * 64;  // most of them want the same places
    REQUIRE_EQ(words.contains(key), tree.contains(key));
    REQUIRE_EQ(met.contains(key), tree.contains(key));
    if (!rng.chance(1, 3)) continue;
    REQUIRE_EQ(met.insert(key), !tree.contains(key));
    REQUIRE_EQ(words[key]++, tree[key]++);
  }
}

TEST_CASE("sim/network: a packet's fate does not depend on other packets") {
  Scenario scenario;
  Tally tally;
  Network all(scenario, tally), some(scenario, tally);
  const Event loss{{}, Act::loss, {}, seconds(1), 500, 0};
  all.begin(loss);
  some.begin(loss);
  const Buffer bytes(as_bytes("a datagram"));
  for (std::uint64_t i = 0; i < 100; ++i) {
    const std::size_t arrived = all.datagram(0, 1, bytes, Instant{}, i).size();
    if (i % 2 == 0) CHECK_EQ(some.datagram(0, 1, bytes, Instant{}, i).size(), arrived);
  }
}

TEST_CASE("sim/agenda: by time, then by order of planning") {
  Agenda agenda;
  agenda.add({Instant(seconds(2)), 1, 0, Wake{}});
  agenda.add({Instant(seconds(1)), 2, 0, Wake{}});
  agenda.add({Instant(seconds(1)), 3, 0, Wake{}});
  CHECK_EQ(agenda.pop().host, 2);
  CHECK_EQ(agenda.pop().host, 3);
  CHECK_EQ(agenda.pop().host, 1);
  CHECK(agenda.empty());
}

TEST_CASE("sim/checkers: a datagram that came again counts, one of a later handshake does not") {
  const auto frame = [](Byte type) {  // of index 7, with counter 0
    Bytes bytes(29);
    bytes[0] = type, bytes[1] = 7;
    return Buffer(std::move(bytes));
  };
  for (const Byte handshake : {Byte{0x03}, Byte{0x04}, Byte{0}}) {
    std::vector<std::string> told;
    RunOptions options;
    options.story = [&](const std::string& line) { told.push_back(line); };
    Scenario one;
    one.hosts = 1, one.length = seconds(1);
    World world(one, options);
    world.run();
    told.clear();
    const auto checker = counters_are_taken_once();
    checker->on_datagram(world, 0, frame(0x06).view());
    checker->on_second(world);
    if (handshake != 0) checker->on_send(world, 0, {Endpoint{}, frame(handshake)});
    checker->on_datagram(world, 0, frame(0x06).view());
    checker->on_second(world);
    CHECK_EQ(told.size(), handshake == 0 ? 1 : 0);
  }
}
