#include "sockets.hpp"

#include <unistd.h>

#include <algorithm>
#include <system_error>

namespace kith::runtime {

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

in_addr to_in_addr(const IpAddress& ip) {
  in_addr out{};
  std::memcpy(&out, ip.bytes.data() + 12, 4);
  return out;
}

in6_addr to_in6_addr(const IpAddress& ip) {
  in6_addr out{};
  std::memcpy(&out, ip.bytes.data(), 16);
  return out;
}

int family_of(const IpAddress& ip) { return ip.is_v4() ? AF_INET : AF_INET6; }

SocketAddress to_sockaddr(const Endpoint& endpoint) {
  SocketAddress out;
  if (endpoint.ip.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    v4.sin_addr = to_in_addr(endpoint.ip);
    std::memcpy(&out.storage, &v4, sizeof v4);
    out.length = sizeof v4;
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    v6.sin6_addr = to_in6_addr(endpoint.ip);
    v6.sin6_scope_id = endpoint.ip.scope;
    std::memcpy(&out.storage, &v6, sizeof v6);
    out.length = sizeof v6;
  }
  return out;
}

Endpoint from_sockaddr(const SocketAddress& address) {
  Endpoint out;
  if (address.storage.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address.storage, sizeof v4);
    ByteArray<4> ip{};
    std::memcpy(ip.data(), &v4.sin_addr, 4);
    out = {IpAddress::v4(ip[0], ip[1], ip[2], ip[3]), ntohs(v4.sin_port)};
  } else if (address.storage.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address.storage, sizeof v6);
    std::memcpy(out.ip.bytes.data(), &v6.sin6_addr, 16);
    // The kernel fills a scope for more than link-local ones; ours is for fe80::/10 only.
    out.ip.scope = out.ip.is_link_local() ? v6.sin6_scope_id : 0;
    out.port = ntohs(v6.sin6_port);
  }
  return out;
}

Fd make_socket(int family, int type) {
  Fd fd(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd && family == AF_INET6 && !set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1)) return Fd();
  return fd;
}

bool set_option(int fd, int level, int name, int value) {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

Endpoint bound_endpoint(int fd) {
  SocketAddress address;
  if (::getsockname(fd, address.get(), &address.length) != 0) return {};
  return from_sockaddr(address);
}

std::string error_text(int code) { return std::generic_category().message(code); }

}  // namespace kith::runtime
