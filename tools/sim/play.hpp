// play: runs one scenario and tells what came of it, to people or as JSON.
#pragma once

#include <string>

#include "kith/sim/run.hpp"

namespace kith::tool {

inline constexpr int exit_found = 1, exit_usage = 2;

struct Play {
  std::string name = "scene";  // of the scenario, for who reads the report
  bool story = false;          // a line for everything that happens, first
  bool all = false;            // do not stop at the first finding
  bool json = false;           // one object, schema kith-sim/run/1
  bool measure = false;        // how long things took instead, schema kith-sim/figures/1
};

// Prints to stdout. 0, or exit_found when a sentence did not hold.
int play(const sim::Scenario& scenario, const Play& how);

}  // namespace kith::tool
