// What liars, losses, full disks, broken clocks and many deaths at once do not do.
#include <algorithm>

#include "constants.hpp"
#include "rings.hpp"
#include "seeds.hpp"
#include "solo.hpp"
#include "world.hpp"

using namespace kith;
using namespace kith::test;
using wire::Verdict;

namespace {

std::size_t deaths(const World& world, std::size_t observer_not = ~std::size_t{0}) {
  std::size_t count = 0;
  for (const Change& change : world.changes())
    count += change.verdict == Verdict::dead && change.observer != observer_not ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("membership: a refutation with a higher incarnation cancels the timeout") {
  World world;
  REQUIRE(world.settle(8));
  const Incarnation before = world.at(0).find(world.id(2))->record->incarnation;
  for (std::size_t accuser = 3; accuser < 7; ++accuser) world.suspicion_by(accuser, 2, 0);
  world.run(milliseconds(200));
  CHECK_GT(world.at(0).find(world.id(2))->record->incarnation, before);
  CHECK_GE(world.at(2).snapshot().refutations, 1);
  world.run(seconds(30));
  CHECK_EQ(deaths(world), 0);
  for (std::size_t i = 0; i < 8; ++i) CHECK_EQ(world.verdict(i, 2), Verdict::alive);
}

TEST_CASE(
    "membership: a member that only one cannot reach is refused a death by those who hear it") {
  World world;
  REQUIRE(world.settle(8));
  world.cut(0, 1);
  world.run(seconds(120));
  CHECK_EQ(deaths(world), 0);
}

TEST_CASE(
    "membership: a newcomer learns the dead with their certificates and never sees them alive") {
  World world;
  REQUIRE(world.settle(8));
  world.kill(2);
  world.run(seconds(8));
  const std::size_t late = world.add();
  world.changes().clear();
  world.meet(late, 0);
  world.run(seconds(1));
  CHECK_EQ(world.verdict(late, 2), Verdict::dead);
  CHECK_FALSE(world.at(late).find(world.id(2))->alone);
  CHECK_GT(world.at(late).find(world.id(2))->verdict_stamp.value, 0);
  for (const Change& change : world.changes())
    if (change.observer == late && change.subject == 2) CHECK_EQ(change.verdict, Verdict::dead);
}

TEST_CASE("membership: a lonely verdict becomes a proper one when a third node comes") {
  World world;
  REQUIRE(world.settle(2));
  world.kill(1);
  world.run(seconds(8));
  CHECK(world.at(0).find(world.id(1))->alone);
  const std::size_t third = world.add();
  world.meet(third, 0);
  world.run(seconds(12));
  for (const std::size_t node : {std::size_t{0}, third}) {
    CHECK_EQ(world.verdict(node, 1), Verdict::dead);
    CHECK_FALSE(world.at(node).find(world.id(1))->alone);
  }
}

TEST_CASE("membership: one given up by itself is dead to all once the others show why") {
  World world({.seed = 3});
  REQUIRE(world.settle(5));
  const auto cut = [&](std::size_t a, const std::vector<std::size_t>& others, bool on) {
    for (const std::size_t b : others) world.cut(a, b, on);
  };
  // The others accuse both; they hear each other for three seconds longer.
  cut(0, {2, 3, 4}, true);
  cut(1, {2, 3, 4}, true);
  world.run(seconds(3));
  world.cut(0, 1);
  world.run(seconds(30));
  REQUIRE(world.at(0).find(world.id(1))->alone);
  cut(0, {2, 3, 4}, false);
  world.run(seconds(20));
  CHECK_EQ(world.verdict(0, 1), Verdict::dead);
  CHECK_FALSE(world.at(0).find(world.id(1))->alone);
  CHECK_EQ(world.at(0).find(world.id(1))->verdict_stamp,
           world.at(2).find(world.id(1))->verdict_stamp);
}

TEST_CASE(
    "membership: one datagram in five lost kills nobody in ten minutes, and a death is still "
    "found") {
  for (std::uint64_t seed = 1; seed <= seeds(3); ++seed) {
    World world({.seed = seed, .loss_per_mille = 200});
    REQUIRE(world.settle(8));
    world.run(minutes(10));
    CHECK_EQ(deaths(world), 0);
    world.kill(4);
    world.run(seconds(8));
    for (std::size_t i = 0; i < 8; ++i)
      if (i != 4) CHECK_EQ(world.verdict(i, 4), Verdict::dead);
  }
}

TEST_CASE("membership: a node that sends but hears nothing convinces nobody but itself") {
  for (std::uint64_t seed = 1; seed <= seeds(5); ++seed) {
    World world({.seed = seed});
    REQUIRE(world.settle(16));
    world.deafen(3);
    world.run(seconds(120));
    for (const Change& change : world.changes()) {  // the others may bury it: it answers nobody
      if (change.verdict != Verdict::dead) continue;
      CHECK((change.subject == 3 || change.observer == 3));
      if (change.observer == 3) CHECK(change.alone);
    }
    world.deafen(3, false);
    world.run(seconds(10));  // each that answers leads to the next
    CHECK(world.agreed(16));
  }
}

TEST_CASE("membership: a pause after another's short deafness buries nobody") {
  for (std::uint64_t seed = 1; seed <= seeds(40); ++seed) {
    World world({.seed = seed});
    REQUIRE(world.settle(5));
    world.deafen(2);
    world.run(milliseconds(2400));
    world.deafen(2, false);
    world.run(milliseconds(200 * (seed % 6)));
    world.pause(1, milliseconds(2400));
    world.run(seconds(10));
    CHECK_EQ(deaths(world), 0);
    CHECK(world.agreed(5));
  }
}

TEST_CASE("membership: a split network is one again within 5 s, and healing buries nobody") {
  for (std::uint64_t seed = 1; seed <= seeds(10); ++seed) {
    World world({.seed = seed});
    REQUIRE(world.settle(8));
    const auto cut = [&](bool on) {
      for (std::size_t a = 0; a < 4; ++a)
        for (std::size_t b = 4; b < 8; ++b) world.cut(a, b, on);
    };
    cut(true);
    world.run(seconds(15));
    for (std::size_t i = 0; i < 8; ++i) REQUIRE_EQ(world.at(i).live_count(), 4);
    world.changes().clear();
    cut(false);
    world.run(seconds(5));
    CHECK(world.agreed(8));
    CHECK_EQ(deaths(world), 0);
  }
}

TEST_CASE(
    "membership: half of thirty-two die at once and every survivor knows all of them within 12 s") {
  World world;
  REQUIRE(world.settle(32));
  for (std::size_t i = 0; i < 16; ++i) world.kill(2 * i);
  world.run(seconds(12));
  for (std::size_t i = 1; i < 32; i += 2) CHECK_EQ(world.at(i).live_count(), 16);
  for (const Change& change : world.changes())
    if (change.verdict == Verdict::dead) CHECK_EQ(change.subject % 2, 0);
}

TEST_CASE(
    "membership: everybody restarts within ten seconds and ten seconds later nobody is wrong") {
  World world;
  REQUIRE(world.settle(16));
  for (std::size_t i = 0; i < 16; ++i) {
    world.kill(i);
    world.run(milliseconds(600));
    world.restart(i);
    world.meet(i, (i + 1) % 16);
  }
  world.run(seconds(10));
  CHECK(world.agreed(16));
}

TEST_CASE("membership: members that may not accuse cannot bury anybody, however many they are") {
  World world;
  REQUIRE(world.settle(40));
  ms::Rings rings(world.network());
  for (std::size_t i = 0; i < 40; ++i) rings.insert(world.id(i));
  const auto all = [](const NodeId&) { return true; };
  std::size_t liars = 0;
  world.silence(7);  // so that it cannot refute; its own observers need their three seconds
  for (std::size_t i = 1; i < 40; ++i) {
    if (i == 7 || rings.may_accuse(world.id(i), world.id(7), all)) continue;
    ++liars;
    world.suspicion_by(i, 7, 0);
  }
  REQUIRE_GT(liars, 5);
  world.run(milliseconds(50));
  CHECK_EQ(world.verdict(0, 7), Verdict::alive);
}

TEST_CASE("membership: a later stamp of a death is everybody's within seconds") {
  World world;
  REQUIRE(world.settle(12));
  world.kill(11);
  world.run(seconds(10));
  const UnixMillis first = world.at(0).find(world.id(11))->verdict_stamp;
  world.later_proof_by(3, 11, 0);
  world.run(seconds(2));
  const UnixMillis stamp = world.at(0).find(world.id(11))->verdict_stamp;
  REQUIRE(stamp > first);
  for (std::size_t i = 1; i < 11; ++i) {
    CAPTURE(i);
    CHECK(world.at(i).find(world.id(11))->verdict_stamp == stamp);
  }
}

TEST_CASE(
    "membership: after a cut nobody is dead to the small side alone, and a death there has one "
    "stamp") {
  for (std::uint64_t seed = 1; seed <= seeds(10); ++seed) {
    World world({.seed = seed});
    REQUIRE(world.settle(24));
    for (std::size_t a = 0; a < 5; ++a)
      for (std::size_t b = 5; b < 24; ++b) world.cut(a, b);
    world.run(seconds(20));
    world.kill(4);  // dead to the others already
    world.run(seconds(10));
    for (std::size_t a = 0; a < 5; ++a)
      for (std::size_t b = 5; b < 24; ++b) world.cut(a, b, false);
    world.run(seconds(20));
    REQUIRE(world.agreed(23));
    const UnixMillis stamp = world.at(0).find(world.id(4))->verdict_stamp;
    for (std::size_t i = 1; i < 24; ++i)
      if (i != 4) CHECK(world.at(i).find(world.id(4))->verdict_stamp == stamp);
  }
}

TEST_CASE("membership: who lives again to those that cannot prove its death has refuted it") {
  World world;
  REQUIRE(world.settle(24));
  std::vector<Incarnation> before;
  for (std::size_t b = 0; b < 24; ++b)
    before.push_back(world.at(b).find(world.id(b))->record->incarnation);
  for (std::size_t a = 0; a < 5; ++a)
    for (std::size_t b = 5; b < 24; ++b) world.cut(a, b);
  world.run(seconds(20));
  std::vector<std::size_t> buried;  // with a certificate, by those who are few
  for (std::size_t b = 5; b < 24; ++b)
    if (world.verdict(0, b) == Verdict::dead && !world.at(0).find(world.id(b))->alone)
      buried.push_back(b);
  REQUIRE_FALSE(buried.empty());
  for (std::size_t a = 0; a < 5; ++a)
    for (std::size_t b = 5; b < 24; ++b) world.cut(a, b, false);
  world.run(seconds(20));
  REQUIRE(world.agreed(24));
  for (const std::size_t b : buried) {
    CAPTURE(b);
    CHECK(world.at(0).find(world.id(b))->record->incarnation > before[b]);
  }
}

TEST_CASE("membership: one accusation shown three times is no certificate") {
  World world;
  REQUIRE(world.settle(8));
  world.silence(5);
  wire::GossipPush push;
  push.gossip.suspicions.push_back(world.suspicion_of(1, 5, 0));
  world.inject(1, 0, push);
  world.run(milliseconds(50));
  REQUIRE_EQ(world.verdict(0, 5), Verdict::suspect);
  push.gossip.references.push_back(push.gossip.suspicions.front().subject);
  push.gossip.references.front().verdict = Verdict::dead;
  for (int i = 0; i < 2; ++i) push.gossip.suspicions.push_back(push.gossip.suspicions.front());
  world.run(seconds(1));
  world.inject(1, 0, push);
  world.run(milliseconds(50));
  CHECK_EQ(world.verdict(0, 5), Verdict::suspect);
}

TEST_CASE("membership: accusations that all come at once make no small quorum for each other") {
  World world;
  REQUIRE(world.settle(8));
  for (const std::size_t dead : {5, 6, 7}) world.kill(dead);
  world.run(seconds(8));
  REQUIRE_EQ(world.verdict(0, 5), Verdict::dead);
  // As when a cut ends that held them back: 1, 2 and 3 accuse each other, and 4 tells of it.
  const std::vector<std::size_t> others{1, 2, 3};
  wire::GossipPush burst;
  for (const std::size_t accused : others) {
    world.cut(0, accused);  // its answers take a while
    burst.gossip.suspicions.push_back(world.suspicion_of(accused % 3 + 1, accused, 0));
  }
  world.inject(4, 0, burst);
  world.run(milliseconds(5));
  for (const std::size_t accused : others) {
    REQUIRE_EQ(world.verdict(0, accused), Verdict::suspect);
    wire::GossipPush two;
    for (const std::size_t accuser : others)
      if (accuser != accused)
        two.gossip.suspicions.push_back(world.suspicion_of(accuser, accused, 0));
    two.gossip.references.push_back(two.gossip.suspicions.front().subject);
    two.gossip.references.back().verdict = Verdict::dead;
    world.inject(4, 0, two);
  }
  world.run(milliseconds(5));
  for (const std::size_t accused : others) CHECK_NE(world.verdict(0, accused), Verdict::dead);
}

TEST_CASE(
    "membership: time that was lost accuses nobody: own suspicions are dropped and asked anew") {
  World world;
  REQUIRE(world.settle(2));
  world.silence(1);
  world.run(seconds(4));
  REQUIRE_EQ(world.verdict(0, 1), Verdict::suspect);
  world.step(0, ms::TimeSkipped{hours(1)});
  CHECK_EQ(world.verdict(0, 1), Verdict::alive);
  world.run(seconds(10));
  CHECK_NE(world.verdict(0, 1), Verdict::dead);  // the lonely window began again
}
