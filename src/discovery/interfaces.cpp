#include "interfaces.hpp"

#include <algorithm>

#include "constants.hpp"

namespace kith::discovery {
namespace {

// Smaller is better.
int rank(const IpAddress& ip) {
  if (ip.is_loopback()) return 4;
  if (ip.is_link_local()) return 3;
  const bool unique_local = !ip.is_v4() && (ip.bytes[0] & 0xfe) == 0xfc;
  return ip.is_v4() ? 0 : (unique_local ? 2 : 1);
}

Subnet link_local_of(std::uint32_t interface) {
  IpAddress ip;
  ip.bytes[0] = 0xfe;
  ip.bytes[1] = 0x80;
  ip.scope = interface;
  return {ip, 10};
}

const Endpoint* covering(const std::vector<Endpoint>& listen, const IpAddress& ip) {
  for (const Endpoint& endpoint : listen) {
    const bool same_family = endpoint.ip.is_v4() == ip.is_v4();
    const bool same = endpoint.ip.bytes == ip.bytes;
    if (same_family && (same || endpoint.ip.is_unspecified())) return &endpoint;
  }
  return nullptr;
}

}  // namespace

bool matches(std::string_view pattern, std::string_view name) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  name.remove_prefix(star);
  pattern.remove_prefix(star + 1);
  for (std::size_t skip = 0; skip <= name.size(); ++skip)
    if (matches(pattern, name.substr(skip))) return true;
  return false;
}

bool eligible(const Interface& interface, const std::vector<std::string>& exclude) {
  if (!interface.up) return false;
  if (interface.loopback) return true;
  return std::none_of(exclude.begin(), exclude.end(),
                      [&](const std::string& pattern) { return matches(pattern, interface.name); });
}

bool covered(const std::vector<Endpoint>& listen, const IpAddress& ip) {
  return covering(listen, ip) != nullptr;
}

SubnetsEligible subnets_of(const std::vector<Interface>& interfaces,
                           const std::vector<Endpoint>& listen,
                           const std::vector<std::string>& exclude) {
  SubnetsEligible all;
  for (const Interface& interface : interfaces) {
    if (!eligible(interface, exclude)) continue;
    all.subnets.insert(all.subnets.end(), interface.subnets.begin(), interface.subnets.end());
    all.subnets.push_back(link_local_of(interface.index));  // also while its own is tentative
    all.gateways.insert(all.gateways.end(), interface.gateways.begin(), interface.gateways.end());
  }
  for (const Endpoint& endpoint : listen)
    if (endpoint.ip.scope != 0) all.subnets.push_back(link_local_of(endpoint.ip.scope));
  return all;
}

std::vector<Endpoint> advertised(const std::vector<Interface>& interfaces,
                                 const std::vector<Endpoint>& listen,
                                 const std::vector<std::string>& exclude) {
  std::vector<Endpoint> found;
  for (const Interface& interface : interfaces) {
    if (!eligible(interface, exclude)) continue;
    for (const Subnet& subnet : interface.subnets)
      if (const Endpoint* endpoint = covering(listen, subnet.ip)) {
        IpAddress ip = subnet.ip;
        // A scope means something on one host only. Without one Linux sends datagrams to where its
        // first route for fe80::/64 leads: on the only link of a host without a beacon and without
        // other addresses that is how two meet who were told of a third.
        ip.scope = 0;
        found.push_back({ip, endpoint->port});
      }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Endpoint& a, const Endpoint& b) { return rank(a.ip) < rank(b.ip); });
  const bool elsewhere = !found.empty() && !found.front().ip.is_loopback();
  if (elsewhere) std::erase_if(found, [](const Endpoint& e) { return e.ip.is_loopback(); });
  if (found.size() > advertised_limit) found.resize(advertised_limit);
  return found;
}

}  // namespace kith::discovery
