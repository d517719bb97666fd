// Interfaces: which of the host's interfaces count as "the LAN", and what they say about us.
#pragma once

#include "kith/discovery/discovery.hpp"

namespace kith::discovery {

// Shell-style pattern with `*` only: "docker*".
bool matches(std::string_view pattern, std::string_view name);

// Up, not excluded by name; the kernel's link kind is not consulted. Loopback always qualifies.
bool eligible(const Interface& interface, const std::vector<std::string>& exclude);

// Whether one of the bound addresses receives what is sent to `ip`.
bool covered(const std::vector<Endpoint>& listen, const IpAddress& ip);

// Whom lan mode may talk to: their subnets, and the link-local addresses of their links. The link
// of a link-local address that we listen on is one of them: who gave that address means it.
SubnetsEligible subnets_of(const std::vector<Interface>& interfaces,
                           const std::vector<Endpoint>& listen,
                           const std::vector<std::string>& exclude);

// What to advertise, best first: global before private before link-local; loopback only when there
// is nothing else. Ports come from the listen address that covers each.
std::vector<Endpoint> advertised(const std::vector<Interface>& interfaces,
                                 const std::vector<Endpoint>& listen,
                                 const std::vector<std::string>& exclude);

}  // namespace kith::discovery
