#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "seeds.hpp"
#include "world.hpp"

using namespace kith;
using namespace kith::test;
using wire::Verdict;

namespace {

double seconds_of(Duration d) { return static_cast<double>(d.count()) / 1e6; }

struct Detection {
  std::vector<double> first, all;  // seconds from the fault, a run each
  std::vector<double> each;        // every survivor of every run
  std::size_t false_deaths = 0, missing = 0;
};

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return -1;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

// Fifty seeds up to eight nodes, a few where a run costs most of a second.
std::uint64_t seeds_for(std::size_t n) { return seeds(n > 8 ? 5 : 50); }

template <class Fault>
Detection detect(std::size_t n, Fault fault, Verdict expected = Verdict::dead) {
  Detection result;
  for (std::uint64_t seed = 1; seed <= seeds_for(n); ++seed) {
    World world({.seed = seed});
    world.add(n);
    world.meet_all();
    world.run(seconds(20) + milliseconds(static_cast<std::int64_t>(seed * 77)));
    REQUIRE(world.agreed(n));
    world.changes().clear();
    const std::size_t victim = 1 + seed % (n - 1);
    const Instant start = world.now().mono;
    fault(world, victim);
    world.run(seconds(25));
    std::map<std::size_t, double> told;
    for (const Change& change : world.changes()) {
      if (change.verdict == Verdict::dead &&
          (change.subject != victim || expected != Verdict::dead) && change.observer != victim)
        ++result.false_deaths;
      if (change.subject == victim && change.verdict == expected && change.observer != victim)
        told.emplace(change.observer, seconds_of(change.at - start));
    }
    result.missing += n - 1 - told.size();
    double first = 1e9, all = 0;
    for (const auto& [observer, at] : told) {
      first = std::min(first, at);
      all = std::max(all, at);
      result.each.push_back(at);
    }
    result.first.push_back(first);
    result.all.push_back(all);
  }
  return result;
}

void print(const char* what, std::size_t n, const Detection& d) {
  std::printf(
      "%-8s n=%-3zu first median %.2f s, all median %.2f s, max %.2f s, false deaths %zu, missing "
      "%zu\n",
      what, n, quantile(d.first, 0.5), quantile(d.all, 0.5), quantile(d.all, 1), d.false_deaths,
      d.missing);
}

}  // namespace

TEST_CASE("membership: eight nodes started at once all see each other within half a second") {
  World world;
  world.add(8);
  world.meet_all();
  const Instant start = world.now().mono;
  while (!world.agreed(8) && world.now().mono - start < seconds(10)) world.run(milliseconds(5));
  std::printf("8 simultaneous starts agree after %.3f s\n", seconds_of(world.now().mono - start));
  CHECK_LT(world.now().mono - start, milliseconds(500));
  world.run(seconds(30));
  const auto packets = world.packets(), bytes = world.bytes();
  world.run(seconds(60));
  std::printf("idle: %.2f packets and %.0f B a second and node\n",
              static_cast<double>(world.packets() - packets) / 480,
              static_cast<double>(world.bytes() - bytes) / 480);
  CHECK_LT(world.packets() - packets, 60 * 8 * 5 / 2);
  CHECK(world.agreed(8));
}

TEST_CASE("membership: news reach all of a hundred over sessions with few") {
  World world({.seed = 9});
  world.add(100);
  world.meet_all();
  world.run(seconds(60));
  REQUIRE(world.agreed(100));
  std::vector<std::size_t> before;
  for (std::size_t i = 0; i < world.size(); ++i) before.push_back(world.sessions(i));
  const std::size_t told = world.changes().size();
  world.step(42, ms::LeaveRequested{});
  world.run(seconds(2));
  CHECK_EQ(world.changes().size() - told, 100);  // itself too
  CHECK(world.agreed(99));
  std::size_t most = 0;
  for (std::size_t i = 0; i < world.size(); ++i)
    most = std::max(most, world.sessions(i) - before[i]);
  CHECK_LE(most, 8);  // in place of the one that left, and for anti-entropy
}

TEST_CASE(
    "membership: a killed node is dead to all eight within 5 s, to half of them within 2.5 s") {
  for (const std::size_t n : {2, 3, 8, 32}) {
    const Detection d = detect(n, [](World& world, std::size_t victim) { world.kill(victim); });
    print("kill", n, d);
    CHECK_EQ(d.false_deaths, 0);
    CHECK_EQ(d.missing, 0);
    CHECK_LE(quantile(d.each, 0.5), n == 2 ? 5 : 2.5);
    CHECK_LE(quantile(d.each, 1), 5.0);
  }
}

TEST_CASE(
    "membership: a host that falls silent is dead to all within 7 s; to a lone witness within 14 "
    "s") {
  for (const std::size_t n : {2, 3, 8, 32}) {
    const Detection d = detect(n, [](World& world, std::size_t victim) { world.silence(victim); });
    print("silence", n, d);
    CHECK_EQ(d.false_deaths, 0);
    CHECK_EQ(d.missing, 0);
    CHECK_LE(quantile(d.each, 1), n == 2 ? 14.0 : 7.0);
  }
}

TEST_CASE("membership: a goodbye is known to all within a second and nobody is called dead") {
  for (const std::size_t n : {2, 3, 8, 32}) {
    const Detection d = detect(
        n,
        [](World& world, std::size_t victim) {
          world.step(victim, ms::LeaveRequested{});
          world.run(milliseconds(400));
          CHECK(world.left.contains(victim));
          world.kill(victim);
        },
        Verdict::left);
    print("leave", n, d);
    CHECK_EQ(d.false_deaths, 0);
    CHECK_EQ(d.missing, 0);
    CHECK_LE(quantile(d.each, 1), 1.0);
  }
}

TEST_CASE("membership: a node paused for 2.5 s is declared dead by nobody") {
  for (const std::size_t n : {2, 3, 4, 8, 32}) {
    const Detection d = detect(
        n, [](World& world, std::size_t victim) { world.pause(victim, milliseconds(2500)); });
    CHECK_EQ(d.false_deaths, 0);
    CHECK_EQ(d.each.size(), 0);
  }
}

TEST_CASE("membership: who was cut off itself does not count that as the silence of another") {
  for (std::uint64_t seed = 1; seed <= seeds(20); ++seed) {
    World world({.seed = seed});
    world.add(8);
    world.meet_all();
    world.run(seconds(15));
    REQUIRE(world.agreed(8));
    world.changes().clear();
    for (std::size_t other = 0; other < 7; ++other) world.cut(7, other);
    world.run(milliseconds(1500));
    world.pause(0, milliseconds(2300));
    world.run(milliseconds(100));
    for (std::size_t other = 0; other < 7; ++other) world.cut(7, other, false);
    world.run(seconds(10));
    const auto buried = std::count_if(world.changes().begin(), world.changes().end(), [](auto& c) {
      return c.subject == 0 && c.verdict == wire::Verdict::dead && !c.alone;
    });
    CHECK_EQ(buried, 0);
  }
}

TEST_CASE("membership: a node without a clock battery learns the time from its peers") {
  for (const Mode mode : {Mode::lan, Mode::public_}) {
    World world({.seed = 3, .mode = mode});
    world.add(5);
    world.set_clock(0, -hours(24 * 365 * 60));  // 1967
    world.meet_all();
    world.run(seconds(15));
    REQUIRE(world.agreed(5));
    const Now broken{world.now().mono, {world.now().wall.value - to_millis(hours(24 * 365 * 60))}};
    const std::int64_t off = world.at(0).corrected(broken).value - world.now().wall.value;
    // In public mode anybody may be a neighbour: nobody sets our clock.
    CHECK_EQ(std::abs(off) < 100, mode == Mode::lan);
    // The others are not led astray by it.
    CHECK_EQ(world.at(1).corrected(world.now()).value, world.now().wall.value);
  }
}
