// plan: a seed is expanded to a scenario: which faults, how strong, when, and what clients do
// meanwhile. Each class of fault is switched on or off a seed [Groce 2012, swarm testing].
//
// The atlas: what is planned stays within what the protocol says it survives, so that every finding
// is a bug. Disks are lost on few hosts, and never where the rest could not answer for them.
#pragma once

#include "kith/sim/scenario.hpp"

namespace kith::sim {

struct PlanLimits {
  HostIndex hosts_min = 3, hosts_max = 200;  // log-uniform between
  Duration length = minutes(3);              // two thirds of it safety, then liveness
};

Scenario plan(std::uint64_t seed, const PlanLimits& limits = {});

}  // namespace kith::sim
