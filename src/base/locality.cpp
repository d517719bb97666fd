#include "kith/base/locality.hpp"

#include <algorithm>

namespace kith {

void Locality::set(std::vector<Subnet> subnets, std::vector<IpAddress> gateways) {
  subnets_ = std::move(subnets);
  gateways_ = std::move(gateways);
  if (subnets_.size() > limit) subnets_.resize(limit);
  if (gateways_.size() > limit) gateways_.resize(limit);
}

bool Locality::eligible(const IpAddress& ip) const {
  if (std::find(gateways_.begin(), gateways_.end(), ip) != gateways_.end()) return false;
  if (ip.is_loopback() || (ip.is_v4() && ip.is_link_local())) return true;
  return std::any_of(subnets_.begin(), subnets_.end(), [&](const Subnet& subnet) {
    return subnet.contains(ip) && subnet.ip.scope == ip.scope;  // every link has a fe80::/10
  });
}

}  // namespace kith
