// Daemon: wires node + runtime + storage + control, and runs until it is told to leave.
#pragma once

#include "settings.hpp"

namespace kith::app {

struct Exit {
  int code = 0;         // 0, 1 (the machine said no), 2 (something a person wrote)
  std::string message;  // one line: what, where, what to do; empty with 0
};

// Returns when the daemon has ended. `check_only`: everything that can be checked without starting.
Exit run_daemon(const Settings& settings, bool check_only);

}  // namespace kith::app
