// figures: what a measured run took, for who compares it with real daemons.
#pragma once

#include <string>

#include "kith/sim/run.hpp"

namespace kith::tool {

// {schema, findings: [sentence], deaths: [{at_s, host, told_s: [each survivor's]}],
//  healings: [{at_s, whole_s|null}], puts: {ms: [each one's], rounds, commits, datagrams}}
std::string figures_json(const sim::Outcome& outcome);

}  // namespace kith::tool
