// Locality: who may talk to a node in lan mode. Loopback, IPv4 link-local or inside one of its
// subnets (a link's fe80::/10, with its scope, is one), and never a gateway: it forwards for the
// whole world, so what comes from it may be anybody.
#pragma once

#include <vector>

#include "kith/base/address.hpp"

namespace kith {

class Locality {
 public:
  static constexpr std::size_t limit = 256;  // subnets, and gateways; the rest is not local

  void set(std::vector<Subnet> subnets, std::vector<IpAddress> gateways);
  bool eligible(const IpAddress& ip) const;

 private:
  std::vector<Subnet> subnets_;
  std::vector<IpAddress> gateways_;
};

}  // namespace kith
