// The command line of kith-sim: sweeps of seeds, one seed told as a story, scenario files, the
// smallest scenario that still fails.
#pragma once

namespace kith::tool {

// What main() does: returns its exit code.
int simulate(int argc, char** argv);

}  // namespace kith::tool
