// What a disk says late or not at all: rotted copies, a long absence.
#include "world.hpp"

using namespace kith;
using namespace kith::dht;
using test::DhtWorld;

namespace {

// "k" is with 1 and 2 and not with 0; the copy of 1 rots, and 2 falls silent.
void rot_one_of_two_copies(DhtWorld& world) {
  world.start_all();
  world.node(0).disk_full = true;
  REQUIRE(world.put(1, "k", "v").outcome == PutOutcome::applied);
  world.node(0).disk_full = false;
  world.node(1).rotten.insert(world.key_of("k"));
}

}  // namespace

TEST_CASE("dht/disk: of a copy that rotted nobody is told that it never was") {
  for (const bool at_start : {false, true}) {
    DhtWorld world(3);
    rot_one_of_two_copies(world);
    if (at_start) {
      world.crash(1);
      world.start(1);
    }
    world.hush(0, 2);
    world.hush(1, 2);
    for (int i = 0; i < 3; ++i) {
      const GetReport get = world.get(0, "k");
      CHECK_FALSE(get.found);
      CHECK_FALSE(get.complete);
    }
    world.heal();
    world.run(seconds(40));
    world.hush(0, 2);
    world.hush(1, 2);
    const GetReport get = world.get(0, "k");
    CHECK(get.complete);
    CHECK_EQ(to_text(get.value.view()), "v");
  }
}

TEST_CASE("dht/disk: who was away for a month forgets all its shared records, however many") {
  DhtWorld world(2);
  world.start_first(1);
  for (int i = 0; i < 300; ++i) world.put(0, "k" + std::to_string(i), "v");
  CHECK_EQ(world.node(0).disk.size(), 300);
  world.crash(0);
  world.node(0).stored_synced = {};
  world.node(0).counting.clear();
  world.node(0).last_seen = {world.now().wall.value - to_millis(hours(30 * 24))};
  world.node(0).orders_limit = 40;
  const UnixMillis before = world.node(0).last_seen;
  world.start(0);
  CHECK(world.node(0).dht->forgetting());
  bool counted_too_soon = false;
  while (world.node(0).dht->forgetting()) {
    CHECK(world.node(0).last_seen == before);
    world.run(milliseconds(1));
    counted_too_soon |= world.node(0).dht->forgetting() && world.node(0).stored_synced.value > 0;
  }
  CHECK_FALSE(counted_too_soon);
  CHECK(world.node(0).disk.empty());
  CHECK(before < world.node(0).last_seen);
  world.run(seconds(5));
  CHECK(world.all_synced());
}

TEST_CASE(
    "dht/disk: a deletion that expires suppresses for 30 days all the same, restarts or not") {
  DhtWorld world(3);
  world.start_all();
  REQUIRE(world.put(0, "k", "v").outcome == PutOutcome::applied);
  world.run(seconds(1));
  world.cut({2}, {0, 1});
  PutRequested deletion{{}, "k"};
  deletion.tombstone = true;
  deletion.ttl = seconds(1);
  REQUIRE(world.put(0, deletion).outcome == PutOutcome::applied);
  world.run(minutes(11));
  for (std::size_t i = 0; i < 3; ++i) world.node(i).ahead = hours(25);
  world.run(minutes(61));
  REQUIRE_EQ(world.node(0).dht->snapshot().tombstones, 1);
  for (const std::size_t i : {0, 1}) {
    world.crash(i);
    world.start(i);
    world.run(seconds(5));
    CHECK_EQ(world.node(i).dht->snapshot().tombstones, 1);
  }
  world.heal();
  world.run(minutes(5));
  for (std::size_t i = 0; i < 3; ++i) CHECK_FALSE(world.get(i, "k").found);
  for (std::size_t i = 0; i < 3; ++i) world.node(i).ahead = hours(31 * 24);
  world.run(minutes(61));
  CHECK_EQ(world.node(0).dht->snapshot().tombstones, 0);
}

TEST_CASE("dht/disk: what expired goes from a disk, too, that is busy for a moment") {
  DhtWorld world(1);
  world.start_all();
  for (int i = 0; i < 300; ++i) {
    PutRequested put{{}, "k" + std::to_string(i)};
    put.value = Buffer(as_bytes("v"));
    put.ttl = seconds(60);
    world.begin_put(0, put);
  }
  world.run(seconds(1));
  REQUIRE_EQ(world.node(0).disk.size(), 300);
  world.node(0).orders_limit = 40;
  world.run(hours(26));
  CHECK_EQ(world.node(0).dht->snapshot().records, 0);
  CHECK_EQ(world.node(0).disk.size(), 0);
}

TEST_CASE("dht/disk: what comes to the place of something to be forgotten stays") {
  DhtWorld world(2);
  world.start_first(1);
  for (int i = 0; i < 300; ++i) world.put(0, "k" + std::to_string(i), "old");
  world.crash(0);
  world.node(0).last_seen = {world.now().wall.value - to_millis(hours(30 * 24))};
  world.node(0).orders_limit = 66;
  world.start(0);
  std::vector<Ticket> puts;
  for (int i = 0; i < 300; i += 30)
    puts.push_back(world.begin_put(0, "k" + std::to_string(i), "new"));
  world.run(seconds(120));
  CHECK_FALSE(world.node(0).dht->forgetting());
  std::size_t applied = 0;
  for (std::size_t i = 0; i < puts.size(); ++i) {
    const auto put = std::get<PutReport>(*world.finish(0, puts[i]));
    if (put.outcome != PutOutcome::applied) continue;
    ++applied;
    CHECK_EQ(to_text(world.get(0, put.name).value.view()), "new");
    CHECK(world.node(0).disk.contains(world.key_of(put.name)));
  }
  CHECK_GT(applied, 0);
  CHECK_EQ(world.node(0).disk.size(), applied);
}
