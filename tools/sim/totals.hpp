// Totals: what came of a range of seeds, added up: the table of faults, and the file that keeps it.
#pragma once

#include <string>
#include <vector>

#include "kith/base/result.hpp"
#include "kith/sim/plan.hpp"
#include "kith/sim/run.hpp"

namespace kith::tool {

struct Totals {
  sim::PlanLimits limits;
  std::uint64_t first = 1, done = 0;  // seeds: first, first + 1, ...
  std::vector<std::uint64_t> failed;  // of them
  sim::Tally tally;                   // summed
  std::uint64_t host_seconds = 0;
  std::array<std::uint64_t, sim::act_count> seeds{};  // in which a fault fired
  std::array<std::array<std::uint64_t, sim::act_count>, sim::act_count> together{};  // in one seed

  void add(const sim::Scenario& scenario, const sim::Outcome& outcome);
  void add(const Totals& other);  // other seeds of the same limits
  void print() const;             // the table, to stdout
  std::string json() const;
};

// What json() wrote; else what is wrong with it.
Result<Totals, std::string> parse_totals(const std::string& json);

}  // namespace kith::tool
