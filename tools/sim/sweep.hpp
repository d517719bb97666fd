// sweep: many seeds, one scenario each, and what came of them.
#pragma once

#include <string>
#include <vector>

#include "totals.hpp"

namespace kith::tool {

struct Sweep {
  std::uint64_t first = 1, count = 100;
  sim::PlanLimits limits;
  bool stop = false;    // at the first seed that fails
  int seconds = 0;      // of wall time at most; 0: no limit
  std::string results;  // a file that keeps the totals: the sweep goes on where it ended
};

// Prints each failing seed with the command that repeats it, then the table of faults. Returns the
// number of seeds that failed, or what is wrong with the file of results.
Result<std::size_t, std::string> sweep(const Sweep& options);

// One table of several files of results.
Result<std::size_t, std::string> print_results(const std::vector<std::string>& paths);

}  // namespace kith::tool
