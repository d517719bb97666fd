// Records are with their keepers and nowhere else: as networks grow, leave and meet.
#include "world.hpp"

using namespace kith;
using namespace kith::dht;
using test::DhtWorld;

namespace {

std::size_t copies(DhtWorld& world) {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < world.size(); ++i) sum += world.node(i).disk.size();
  return sum;
}

}  // namespace

TEST_CASE("dht: what a lone side of a long cut acknowledged is found by all after it") {
  DhtWorld world(12);
  world.start_all();
  world.cut({0}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  world.run(minutes(11));  // both sides have retired the other: 0 is a network by itself
  for (int i = 0; i < 20; ++i)
    REQUIRE(world.put(0, "k" + std::to_string(i), "v").outcome == PutOutcome::applied);
  world.heal();
  world.run(seconds(10));
  for (int i = 0; i < 20; ++i) {
    const GetReport get = world.get(5, "k" + std::to_string(i));
    CHECK(get.found);
    CHECK(get.complete);
  }
  CHECK_EQ(copies(world), 20 * 8);  // and the lone one dropped what is not its to keep
}

TEST_CASE("dht: when a network has grown its records are with their keepers and nowhere else") {
  DhtWorld world(14);
  world.start_first(8);
  for (int i = 0; i < 30; ++i)
    REQUIRE(world.put(0, "k" + std::to_string(i), "v").outcome == PutOutcome::applied);
  CHECK_EQ(copies(world), 30 * 8);
  for (std::size_t i = 8; i < 14; ++i) world.start(i);
  world.run(minutes(4));
  CHECK_EQ(copies(world), 30 * 8);  // a copy that stays behind would outlive a later deletion
  for (int i = 0; i < 30; ++i) CHECK(world.get(13, "k" + std::to_string(i)).complete);
}

TEST_CASE("dht: a stray that the disk does not forget stays, and is dropped another time") {
  DhtWorld world(15);
  world.start_first(8);
  for (int i = 0; i < 30; ++i)
    REQUIRE(world.put(0, "k" + std::to_string(i), "v").outcome == PutOutcome::applied);
  world.node(0).disk_full = true;  // it neither writes nor forgets
  for (std::size_t i = 8; i < 14; ++i) world.start(i);
  world.run(minutes(4));
  CHECK_EQ(world.node(0).disk.size(), 30);
  CHECK_EQ(world.node(0).dht->snapshot().records, 30);
  world.node(0).disk_full = false;
  world.start(14);
  world.run(minutes(4));
  CHECK_EQ(copies(world), 30 * 8);
}

TEST_CASE("dht: half of a neighbourhood leaves at once, and all is still found") {
  DhtWorld world(24, 6);
  world.start_all();
  world.run(seconds(20));
  for (int i = 0; i < 60; ++i)
    REQUIRE(world.put(23, "k" + std::to_string(i), "v").outcome == PutOutcome::applied);
  for (std::size_t leaver = 0; leaver < 10; ++leaver) world.step(leaver, DrainRequested{});
  world.run(seconds(58));
  for (std::size_t leaver = 0; leaver < 10; ++leaver) {
    world.crash(leaver);
    for (std::size_t other = 10; other < 24; ++other)
      world.step(other, world.seen(leaver, Presence::left));
  }
  for (int i = 0; i < 60; ++i)
    for (const std::size_t at : {10, 17}) CHECK(world.get(at, "k" + std::to_string(i)).found);
}

TEST_CASE("dht: leaving hands over: a drained node takes no record with it") {
  DhtWorld world(10, 4);
  world.start_all();
  for (int i = 0; i < 40; ++i)
    world.put(static_cast<std::size_t>(i) % 10, "k" + std::to_string(i), "v");
  world.step(3, DrainRequested{});
  world.run(seconds(5));
  CHECK(world.node(3).drained);
}

TEST_CASE("dht: a network larger than a neighbourhood syncs whole, however many start at once") {
  for (const std::size_t size : {17, 32, 48}) {
    CAPTURE(size);
    DhtWorld world(size, size);
    world.start_all();
    world.run(seconds(20));
    CHECK(world.all_synced());
  }
}

TEST_CASE(
    "dht: twenty newcomers at once take over the ranges of twelve, who then leave one by one") {
  DhtWorld world(32, 8);
  for (std::size_t i = 0; i < 12; ++i) world.start(i);
  world.run(seconds(10));
  for (int i = 0; i < 60; ++i)
    CHECK(world.put(static_cast<std::size_t>(i) % 12, "k" + std::to_string(i), "v").outcome ==
          PutOutcome::applied);
  for (std::size_t i = 12; i < 32; ++i) world.start(i);
  world.run(seconds(20));
  REQUIRE(world.all_synced());
  for (std::size_t i = 0; i < 12; ++i) {
    world.kill(i);
    world.run(seconds(12));
    REQUIRE(world.all_synced());
  }
  for (int i = 0; i < 60; ++i) {
    const GetReport get = world.get(20, "k" + std::to_string(i));
    CHECK(get.complete);
    CHECK(get.found);
  }
}
