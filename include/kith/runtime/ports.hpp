// Ports: UDP and TCP on the same number, for every address we listen on.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "kith/base/address.hpp"
#include "kith/runtime/fd.hpp"

namespace kith::runtime {

inline constexpr std::uint16_t default_port = 4747;

struct PortOptions {
  std::vector<Endpoint> listen;  // at least one; port 0 means any
  // Nobody asked for a port: the numbers in `listen` are ignored; all addresses get one number,
  // `last` if it is free (0: none), else the first free one from default_port up.
  bool movable = false;
  std::uint16_t last = 0;
};

struct BoundPort {
  Endpoint endpoint;  // with the real port
  Fd udp;             // non-blocking; never SO_REUSEADDR, so two daemons cannot share it
  Fd tcp;             // non-blocking, listening; SO_REUSEADDR, so a restart need not wait
};

struct PortFailure {
  int code;             // errno
  std::string message;  // one line that names the address
};

// A v6 wildcard on a host without IPv6 is left out as long as another address is bound.
std::expected<std::vector<BoundPort>, PortFailure> bind_ports(const PortOptions& options);

}  // namespace kith::runtime
