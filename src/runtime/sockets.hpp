// Sockets: what udp, tcp and multicast share: address conversion, creation, options.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

#include "kith/base/address.hpp"
#include "kith/runtime/fd.hpp"

namespace kith::runtime {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress to_sockaddr(const Endpoint& endpoint);
Endpoint from_sockaddr(const SocketAddress& address);  // all zero for another family
in_addr to_in_addr(const IpAddress& ip);               // precondition: ip.is_v4()
in6_addr to_in6_addr(const IpAddress& ip);
int family_of(const IpAddress& ip);

// Non-blocking, close on exec, v6 only where v6. Invalid with errno set.
Fd make_socket(int family, int type);
bool set_option(int fd, int level, int name, int value);
Endpoint bound_endpoint(int fd);
std::string error_text(int code);

}  // namespace kith::runtime
