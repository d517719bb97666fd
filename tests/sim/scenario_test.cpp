// Scenarios as text, and what a seed is expanded to.
#include "kith/sim/scenario.hpp"

#include <set>

#include "kith/sim/plan.hpp"

using namespace kith;
using namespace kith::sim;

TEST_CASE("sim/scenario: what is printed is what is read") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const Scenario scenario = plan(seed);
    const auto read = parse_scenario(to_string(scenario));
    REQUIRE(read);
    CHECK(*read == scenario);
  }
}

TEST_CASE("sim/scenario: times that were measured are read and printed as quantiles") {
  const std::string lines =
      "kith scenario 1\nsalt 3\nhosts 2\nlength 60\nlatency 0.00002 0.000025 0.00009\n"
      "disk 0.0004 0.0004 0.002 0.01\njob 0.00006 0.00006\nstep 0.00004\n0 start *\n";
  const auto scenario = parse_scenario(lines);
  REQUIRE(scenario);
  CHECK_EQ(scenario->latency.points[1], microseconds(25));
  CHECK_EQ(to_string(*scenario), lines);
}

TEST_CASE("sim/scenario: every act has a name of its own, and every lie") {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < lie_count; ++i)
    CHECK(names.insert(to_string(static_cast<Lie>(i))).second);
  names.clear();
  for (std::size_t i = 0; i <= static_cast<std::size_t>(Act::heal); ++i) {
    const std::string_view name = to_string(static_cast<Act>(i));
    CHECK_FALSE(name.empty());
    CHECK(names.insert(name).second);
  }
}

TEST_CASE("sim/scenario: what is wrong is said with its line") {
  const auto error = [](const std::string& lines) {
    const auto read = parse_scenario(lines);
    return read ? std::string("none") : read.error();
  };
  const std::string head = "kith scenario 1\nhosts 3\n";
  CHECK_EQ(error(""), "line 1: empty");
  CHECK_EQ(error("hello\n"), "line 1: not a scenario: it begins \"kith scenario 1\"");
  CHECK_EQ(error(head + "# a remark\n\n1 kill 2 for 3\n"), "none");
  const std::string_view event =
      "line 3: not an event: SECONDS ACT HOSTS|* [amount N] [size N] [for SECONDS]";
  for (const char* line : {"1 kill", "1 murder 2", "1 kill 2,1", "1 kill 2 for", "1 kill 2 for -1",
                           "1.0000001 kill 2", "1 put 1 amount 99999999999999999999", "1 kill ,"})
    CHECK_EQ(error(head + line + "\n"), event);
  const std::string_view place = "line 3: no such host, too large, or out of order";
  CHECK_EQ(error(head + "1 kill 3\n"), place);
  CHECK_EQ(error(head + "1 put * amount 4\n"), place);
  CHECK_EQ(error(head + "1 put 1 amount 4 size 65537\n"), place);
  CHECK_EQ(error(head + "1 rare 1 amount " + std::to_string(std::int64_t{1} << rare_count) + "\n"),
           place);
  CHECK_EQ(error(head + "1 rare 1 amount -1\n"), place);
  CHECK_EQ(error(head + "5 kill 1\n4 kill 1\n"),
           "line 4: no such host, too large, or out of order");
  const std::string_view setting =
      "line 3: not a setting: salt, hosts, length, latency, disk, job or step, before all events";
  for (const char* line : {"hosts 0", "hosts", "latency 2 1", "latency 2", "disk 1 2 1.5",
                           "job 1 x", "colour blue", "length x"})
    CHECK_EQ(error(head + line + "\n"), setting);
}

TEST_CASE("sim/plan: a plan stays within its limits and its atlas") {
  std::set<Act> seen;
  std::int64_t rare = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const Scenario scenario = plan(seed, {.hosts_min = 3, .hosts_max = 40});
    CHECK(scenario.hosts >= 3);
    CHECK(scenario.hosts <= 40);
    std::size_t losses = 0, gone = 0, twins = 0, liars = 0;
    Duration before{};
    for (const Event& event : scenario.events) {
      CHECK(event.at >= before);
      before = event.at;
      seen.insert(event.act);
      if (event.act == Act::rare) rare |= event.amount;
      losses += event.act == Act::wipe || event.act == Act::rollback || event.act == Act::rot;
      twins += event.act == Act::twin;
      liars += event.act == Act::lie ? event.hosts.size() : 0;
      if (event.act == Act::heal) gone = event.hosts.size();
    }
    CHECK(losses <= 1);
    CHECK(losses + gone <= 1);
    CHECK(losses + twins + liars <= 1);
    if (scenario.hosts < 5) CHECK_EQ(liars, 0);
  }
  CHECK_EQ(seen.size(), static_cast<std::size_t>(Act::heal) + 1);  // every fault is planned by some
  CHECK_EQ(rare, (std::int64_t{1} << rare_count) - 1);
}

TEST_CASE("sim/plan: while many join at once there is no other trouble") {
  std::size_t storms = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const Scenario scenario = plan(seed, {.hosts_min = 3, .hosts_max = 40});
    Duration joined{};
    for (const Event& event : scenario.events)
      if (event.act == Act::start) joined = event.at;
    if (joined < seconds(20)) continue;
    ++storms;
    for (const Event& event : scenario.events) {
      const bool trouble = event.act < Act::put && event.act != Act::start;
      const bool over = event.at + event.span < joined - seconds(1) || event.at > joined;
      if (trouble) CHECK(over);
    }
  }
  CHECK(storms > 10);
}

TEST_CASE("sim/plan: the smallest network and the shortest run have a plan") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const Scenario scenario = plan(seed, {plan_hosts_min, plan_hosts_min, plan_length_min});
    CHECK_EQ(scenario.hosts, plan_hosts_min);
    CHECK(scenario.events.back().at <= scenario.length);
  }
}
