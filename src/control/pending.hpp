// What the API remembers of a request between its command and its report.
#pragma once

#include "kith/control/api.hpp"

namespace kith::control {

struct Api::Pending {
  std::string verb;    // "put", "del", "get", "lookup", "join", "ping", "forget"
  std::string target;  // of a join
  NodeId peer;         // of a ping
  bool as_json = false;
};

}  // namespace kith::control
