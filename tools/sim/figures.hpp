// figures: a run as JSON: what came of it, or how long things took, for who compares it with real
// daemons.
#pragma once

#include <string>

#include "kith/sim/run.hpp"
#include "kith/sim/scenario.hpp"

namespace kith::tool {

// {schema, scenario, nodes, minutes, seed, passed, sentences, findings: [{sentence, at_s, what}],
// trace,
//  healed_after_s, events, datagrams, bytes, puts, applied, gets, complete, deaths, faults: {name:
//  n}}
std::string outcome_json(const std::string& name, const sim::Scenario& scenario,
                         const sim::Outcome& outcome);

// {schema, findings: [sentence], deaths: [{at_s, host, told_s: [each survivor's]}],
//  healings: [{at_s, whole_s|null}], puts: {ms: [each one's], rounds, commits, datagrams}}
std::string figures_json(const sim::Outcome& outcome);

}  // namespace kith::tool
