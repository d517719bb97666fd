// shrink: the smallest scenario, found by taking away, that still fails the same invariant:
// fewer events [ddmin, Zeller 2002], fewer hosts, shorter spans, a shorter run.
#pragma once

#include "kith/sim/run.hpp"

namespace kith::sim {

struct Shrunk {
  Scenario scenario;
  Finding finding;
  std::size_t runs = 0;
};

// Precondition: `scenario` fails. `budget`: so many runs at most. `progress`, if any, hears of
// every step that made it smaller.
Shrunk shrink(const Scenario& scenario, const Finding& finding, std::size_t budget,
              const std::function<void(const Scenario&)>& progress = {});

}  // namespace kith::sim
