// sweep: many seeds, one scenario each, and what came of them.
#pragma once

#include <map>
#include <set>

#include "kith/sim/plan.hpp"
#include "kith/sim/run.hpp"

namespace kith::tool {

struct Sweep {
  std::uint64_t first = 1, count = 100;
  sim::PlanLimits limits;
  bool stop = false;  // at the first seed that fails
  int seconds = 0;    // of wall time at most; 0: no limit
};

// Prints one line a failing seed with the command that repeats it, then the table of faults.
// Returns the number of seeds that failed.
std::size_t sweep(const Sweep& options);

}  // namespace kith::tool
