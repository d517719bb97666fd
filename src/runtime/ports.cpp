#include "kith/runtime/ports.hpp"

#include <algorithm>
#include <cerrno>

#include "kith/runtime/multicast.hpp"
#include "sockets.hpp"

namespace kith::runtime {
namespace {

constexpr int movable_tries = 1000;  // instances on one host
constexpr int random_tries = 32;     // UDP gave a number that TCP does not have
constexpr int backlog = 256;
constexpr int buffer_bytes = 4 << 20;  // best effort: net.core.[rw]mem_max caps it

using Bound = std::expected<BoundPort, int>;

Bound bind_number(Endpoint endpoint) {
  const int family = family_of(endpoint.ip);
  BoundPort out{endpoint, make_socket(family, SOCK_DGRAM), make_socket(family, SOCK_STREAM)};
  if (!out.udp || !out.tcp) return std::unexpected(errno);
  SocketAddress address = to_sockaddr(endpoint);
  if (::bind(out.udp.get(), address.get(), address.length) != 0) return std::unexpected(errno);
  out.endpoint.port = bound_endpoint(out.udp.get()).port;
  address = to_sockaddr(out.endpoint);
  set_option(out.tcp.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (::bind(out.tcp.get(), address.get(), address.length) != 0 ||
      ::listen(out.tcp.get(), backlog) != 0)
    return std::unexpected(errno);
  set_option(out.udp.get(), SOL_SOCKET, SO_RCVBUF, buffer_bytes);
  set_option(out.udp.get(), SOL_SOCKET, SO_SNDBUF, buffer_bytes);
  return out;
}

// `hint`: the number another address of ours got, tried first.
Bound bind_any(Endpoint endpoint, std::uint16_t hint) {
  if (hint != 0) {
    endpoint.port = hint;
    if (Bound bound = bind_number(endpoint)) return bound;
    endpoint.port = 0;
  }
  Bound bound = bind_number(endpoint);
  for (int i = 1; i < random_tries && !bound && bound.error() == EADDRINUSE; ++i)
    bound = bind_number(endpoint);
  return bound;
}

bool no_ipv6(const Endpoint& endpoint, int code) {
  return endpoint.ip == IpAddress::v6_any() && (code == EAFNOSUPPORT || code == EADDRNOTAVAIL);
}

using All = std::expected<std::vector<BoundPort>, PortFailure>;

All bind_all(const std::vector<Endpoint>& listen) {
  std::vector<BoundPort> out;
  std::optional<PortFailure> left_out;
  for (const Endpoint& endpoint : listen) {
    Bound bound = endpoint.port != 0 ? bind_number(endpoint)
                                     : bind_any(endpoint, out.empty() ? 0 : out[0].endpoint.port);
    if (bound) {
      out.push_back(std::move(*bound));
      continue;
    }
    PortFailure failure{bound.error(), "cannot listen on " + to_string(endpoint) + ": " +
                                           error_text(bound.error()) +
                                           "; give another with --listen"};
    if (!no_ipv6(endpoint, bound.error())) return std::unexpected(std::move(failure));
    left_out = std::move(failure);
  }
  if (out.empty() && left_out) return std::unexpected(std::move(*left_out));
  return out;
}

}  // namespace

std::expected<std::vector<BoundPort>, PortFailure> bind_ports(const PortOptions& options) {
  if (!options.movable) return bind_all(options.listen);
  std::vector<Endpoint> listen = options.listen;
  const auto attempt = [&](int port) {
    for (Endpoint& endpoint : listen) endpoint.port = static_cast<std::uint16_t>(port);
    return bind_all(listen);
  };
  if (options.last != 0)
    if (All bound = attempt(options.last)) return bound;
  All bound = attempt(default_port);
  for (int i = 1; i < movable_tries && !bound && bound.error().code == EADDRINUSE; ++i)
    if (default_port + i != Multicast::beacon_port)  // every daemon of the host shares that one
      bound = attempt(default_port + i);
  return bound;
}

}  // namespace kith::runtime
