// plan: a seed is expanded to a scenario: which faults, how strong, when, and what clients do
// meanwhile. Each class of fault is switched on or off a seed [Groce 2012, swarm testing].
//
// The atlas: what is planned stays within what the protocol says it survives, so that every finding
// is a bug. Disks are lost on few hosts, and never where the rest could not answer for them.
#pragma once

#include "kith/sim/scenario.hpp"

namespace kith::sim {

inline constexpr HostIndex plan_hosts_min = 1, plan_hosts_max = 4096;
inline constexpr Duration plan_length_min = seconds(45), plan_length_max = hours(24);

struct PlanLimits {
  HostIndex hosts_min = 3, hosts_max = 200;  // log-uniform between
  Duration length = minutes(3);              // two thirds of it safety, then liveness
};

// Precondition: plan_hosts_min <= hosts_min <= hosts_max <= plan_hosts_max, and so for the length.
Scenario plan(std::uint64_t seed, const PlanLimits& limits = {});

}  // namespace kith::sim
