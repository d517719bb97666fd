// What sweeps keep: seeds added up are one, however they were divided, and a file of them comes
// back.
#include "totals.hpp"

#include "kith/sim/plan.hpp"

using namespace kith;
using namespace kith::sim;
using tool::Totals;

namespace {

const PlanLimits tiny{3, 4, seconds(45)};

Totals of(std::uint64_t first, std::uint64_t count) {
  Totals totals;
  totals.limits = tiny;
  totals.first = first;
  for (std::uint64_t i = 0; i < count; ++i) {
    const Scenario scenario = plan(first + i, tiny);
    totals.add(scenario, run(scenario));
  }
  return totals;
}

}  // namespace

TEST_CASE("sim/totals: six seeds in two files are six seeds in one") {
  Totals parts = of(1, 2);
  parts.add(of(3, 4));
  const Totals whole = of(1, 6);
  CHECK_EQ(parts.json(), whole.json());
  CHECK_EQ(whole.done, 6);
  CHECK(whole.tally.datagrams > 0);
}

TEST_CASE("sim/totals: what is kept comes back, failures too") {
  Totals totals = of(5, 2);
  Outcome bad;
  bad.findings.push_back({});
  totals.add(plan(7, tiny), bad);
  const auto back = tool::parse_totals(totals.json());
  REQUIRE(back);
  CHECK_EQ(back->json(), totals.json());
  CHECK_EQ(back->failed, std::vector<std::uint64_t>{7});
}

TEST_CASE("sim/totals: what is no such file is refused with a reason") {
  std::string other_schema = of(1, 1).json();
  other_schema.replace(other_schema.find("sweep/1"), 7, "sweep/9");
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[]"),
        std::string(R"({"schema":"kith-sim/sweep/1","hosts":[3]})"),
        std::string(R"({"schema":"kith-sim/sweep/1","hosts":"a"})"), other_schema}) {
    const auto read = tool::parse_totals(text);
    REQUIRE_FALSE(read);
    CHECK_FALSE(read.error().empty());
  }
}
