// Who counts and who was retired, over restarts and long absences: what a node has forgotten must
// not make a second majority.
#include "world.hpp"

using namespace kith;
using namespace kith::dht;
using test::DhtWorld;

namespace {

void two_majorities(bool forgotten) {
  DhtWorld world(8);
  world.start_all();
  world.run(seconds(5));
  REQUIRE(world.put(0, "k", "old").outcome == PutOutcome::applied);
  for (const std::size_t dead : {3, 4, 5}) world.crash(dead);
  for (const std::size_t dead : {3, 4, 5}) world.declare_dead(dead);
  world.run(seconds(30));
  REQUIRE_EQ(world.put(0, "other", "v").asked, 5);  // retired by the rule, not by time
  if (forgotten) {
    world.run(hours(24));
    for (const std::size_t one : {0, 1, 2, 6, 7})
      for (const std::size_t dead : {3, 4, 5}) world.step(one, MemberForgotten{world.id(dead)});
    world.run(seconds(1));
  }
  world.cut({0, 1, 2}, {6, 7});
  for (const std::size_t one : {0, 1, 2})
    for (const std::size_t back : {3, 4, 5}) world.hush(one, back);
  // They do not hear of 0, 1 and 2, nor these of them.
  for (const std::size_t one : {0, 1, 2}) world.node(one).up = false;
  for (const std::size_t back : {3, 4, 5}) world.start(back);
  for (const std::size_t one : {0, 1, 2}) world.node(one).up = true;
  world.run(milliseconds(100));
  const PutReport here = world.put(0, "k", "here");
  const PutReport there = world.put(6, "k", "there");
  const GetReport get = world.get(7, "absent");
  MESSAGE("three of five: ", here.outcome == PutOutcome::applied,
          " two and the three that are back: ", there.outcome == PutOutcome::applied, " of ",
          there.asked, ", read complete: ", get.complete);
  CHECK_FALSE((here.outcome == PutOutcome::applied && there.outcome == PutOutcome::applied));
  CHECK_FALSE((here.outcome == PutOutcome::applied && get.complete));
}

}  // namespace

TEST_CASE("dht/retired: who is back as it was makes no second majority") { two_majorities(false); }

TEST_CASE("dht/retired: nor when the roster has forgotten it after a day") { two_majorities(true); }

TEST_CASE("dht/retired: with which stamp is on disk after a second restart, too") {
  DhtWorld world(6);
  world.start_first(5);
  world.run(seconds(5));
  world.crash(4);
  const UnixMillis verdict = world.now().wall;
  for (const std::size_t one : {0, 1, 2, 3})
    world.step(one, world.seen(4, Presence::dead, verdict));
  world.run(seconds(10));
  REQUIRE_EQ(world.put(0, "k", "v").asked, 4);
  const auto knows = [&](std::size_t who) {
    const std::vector<Counting>& kept = world.node(who).counting;
    return std::any_of(kept.begin(), kept.end(), [&](const Counting& one) {
      return one.id == world.id(4) && one.as == Counting::As::retired;
    });
  };
  const auto power_cut = [&] {
    for (std::size_t i = 0; i < 6; ++i)
      if (world.node(i).up) world.crash(i);
    for (const std::size_t i : {0, 1, 2, 3}) world.start(i);
    world.run(seconds(5));
  };
  REQUIRE(knows(0));
  power_cut();  // nobody tells anybody of the dead any more
  CHECK(knows(0));
  world.start(5);  // somebody comes to count, and who counts is written
  world.run(seconds(5));
  for (const std::size_t one : {0, 1, 2, 3}) CHECK(knows(one));
  power_cut();
  world.step(0, world.seen(4, Presence::alive));  // it comes back as it was
  CHECK_EQ(world.put(0, "k", "v").asked, 5);      // 0 to 3 and 5
}

TEST_CASE(
    "dht/retired: after a power cut nobody is dropped, unmentioned, before the others have "
    "synced") {
  DhtWorld world(8);
  world.start_all();
  world.run(seconds(5));
  for (const std::size_t full : {5, 6, 7}) world.node(full).disk_full = true;
  const PutReport put = world.put(0, "k", "v");
  REQUIRE(put.outcome == PutOutcome::applied);  // on 0 to 4, of eight
  REQUIRE_EQ(put.needed, 5);
  for (std::size_t i = 0; i < 8; ++i) world.crash(i);
  for (std::size_t i = 3; i < 8; ++i)
    world.start(i);  // 0, 1 and 2 stay off, and no roster knows them
  world.run(seconds(20));
  CHECK_FALSE(
      world.get(5, "k").complete);  // five of eight are needed, two have it: honest or found
  world.run(seconds(15));
  for (const std::size_t slow : {5, 6, 7})
    for (const std::size_t other : {3, 4}) world.hush(slow, other);  // for a moment
  const GetReport get = world.get(5, "k");
  CHECK_FALSE((get.complete && !get.found));
}

TEST_CASE("dht/retired: who crashes just after another came to count remembers it") {
  DhtWorld world(2);
  world.start_first(1);
  world.start(1);
  while (world.node(1).synced.value == 0) world.run(milliseconds(1));
  world.run(milliseconds(20));
  REQUIRE_EQ(world.put(0, "before", "v").needed, 2);
  REQUIRE_EQ(world.get(0, "before").asked, 2);
  world.crash(0);
  world.crash(1);
  world.start(0);
  const PutReport put = world.put(0, "k", "v");  // alone
  world.crash(0);
  world.start(1);
  const GetReport get = world.get(1, "k");  // alone
  CHECK_FALSE((put.outcome == PutOutcome::applied && get.complete && !get.found));
}
