// named: scenarios made to measure: one idea each, for any number of hosts, any length, any seed.
// The first is what a seed plans; all end their trouble after two thirds, so that the checkers of
// the second phase have their say.
#pragma once

#include <span>
#include <string_view>

#include "kith/sim/plan.hpp"

namespace kith::sim {

struct NamedScenario {
  std::string_view name;
  std::string_view what;  // a line for people
  // Precondition: plan's (plan.hpp).
  Scenario (*make)(HostIndex hosts, Duration length, std::uint64_t seed);
};

std::span<const NamedScenario> named_scenarios();

}  // namespace kith::sim
