#include "kith/runtime/multicast.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <set>

#include "sockets.hpp"
#include "watch.hpp"

namespace kith::runtime {
namespace {

constexpr std::size_t beacon_limit = 1500;
constexpr int reads_per_wakeup = 64;

const IpAddress group_v4 = IpAddress::v4(239, 192, 75, 84);

IpAddress group_v6(std::uint32_t interface) {
  IpAddress ip;
  ip.bytes = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x6b, 0x69, 0x74, 0x68};
  ip.scope = interface;
  return ip;
}

// Bound to the wildcard, because a fallback broadcast must arrive too; shared with the beacons of
// other daemons on this host (SO_REUSEADDR gives every one of them a copy).
Fd make_receiver(int family, std::uint16_t port) {
  Fd fd = make_socket(family, SOCK_DGRAM);
  if (!fd) return fd;
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (family == AF_INET) {
    set_option(fd.get(), IPPROTO_IP, IP_MULTICAST_ALL, 0);
    set_option(fd.get(), IPPROTO_IP, IP_PKTINFO, 1);
  } else {
    set_option(fd.get(), IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
    set_option(fd.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  }
  const IpAddress any = family == AF_INET ? IpAddress::v4(0, 0, 0, 0) : IpAddress::v6_any();
  SocketAddress address = to_sockaddr({any, port});
  if (::bind(fd.get(), address.get(), address.length) != 0) return Fd();
  return fd;
}

std::uint32_t arrival_interface(msghdr& header) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(c), sizeof info);
      return static_cast<std::uint32_t>(info.ipi_ifindex);
    }
    if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(c), sizeof info);
      return info.ipi6_ifindex;
    }
  }
  return 0;
}

// The first usable address of one family on an interface.
const InterfaceAddress* usable(const Interface& interface, bool v4) {
  for (const InterfaceAddress& address : interface.addresses) {
    const IpAddress& ip = address.subnet.ip;
    if (ip.is_v4() == v4 && (v4 || (ip.is_link_local() && !address.tentative))) return &address;
  }
  return nullptr;
}

}  // namespace

struct Multicast::Impl {
  Impl(Loop& loop, Udp& u, Received r, std::uint16_t p) : udp(u), received(std::move(r)), port(p) {
    for (const int family : {AF_INET, AF_INET6}) {
      Fd fd = make_receiver(family, port);
      if (!fd) {
        note("receiver", errno);
        continue;
      }
      auto& watch = family == AF_INET ? v4 : v6;
      watch.emplace(loop, std::move(fd));
      watch->on_readable([this, w = &*watch] { read(*w); });
    }
  }

  void note(const std::string& what, int code) {
    ++stats.failed;
    stats.last_failure = what + ": " + error_text(code);
  }

  void read(Watch& watch) {
    for (int i = 0; i < reads_per_wakeup; ++i) {
      SocketAddress from;
      std::array<Byte, beacon_limit + 1> bytes;
      alignas(cmsghdr) std::array<char, 256> control;
      iovec part{bytes.data(), bytes.size()};
      msghdr header{};
      header.msg_name = from.get();
      header.msg_namelen = from.length;
      header.msg_iov = &part;
      header.msg_iovlen = 1;
      header.msg_control = control.data();
      header.msg_controllen = control.size();
      const ssize_t got = ::recvmsg(watch.fd(), &header, MSG_DONTWAIT);
      if (got < 0) return;
      const std::uint32_t interface = arrival_interface(header);
      const auto size = static_cast<std::size_t>(got);
      // Without the interface check a wildcard socket would hear broadcasts of excluded ones.
      if (size > beacon_limit || !interfaces.contains(interface)) continue;
      ++stats.received;
      received(from_sockaddr(from), interface, ByteView(bytes.data(), size));
    }
  }

  // --- membership -------------------------------------------------------------------------------

  // interface index, IPv4?, own IPv4 address (a change of it needs a new join)
  using Membership = std::tuple<std::uint32_t, bool, IpAddress>;

  void configure(const std::vector<Interface>& wanted) {
    interfaces.clear();
    std::set<Membership> now;
    for (const Interface& interface : wanted) {
      if (!interface.up) continue;
      interfaces[interface.index] = interface;
      if (const auto* own = usable(interface, true); own && v4)
        now.emplace(interface.index, true, own->subnet.ip);
      if (usable(interface, false) && !interface.loopback && v6)
        now.emplace(interface.index, false, IpAddress{});
    }
    for (const Membership& old : joined)
      if (!now.contains(old)) change(old, false);  // it may be gone already: no matter
    std::set<Membership> made;
    for (const Membership& membership : now) {
      const int code = joined.contains(membership) ? 0 : change(membership, true);
      if (code == 0 || code == EADDRINUSE)
        made.insert(membership);
      else
        note(interfaces[std::get<0>(membership)].name + " join", code);
    }
    joined = std::move(made);
    stats.joined = joined.size();
  }

  int change(const Membership& membership, bool join) {
    const auto& [index, is_v4, own] = membership;
    if (is_v4) {
      ip_mreqn request{};
      request.imr_multiaddr = to_in_addr(group_v4);
      request.imr_address = to_in_addr(own);  // loopback is found by its address only
      request.imr_ifindex = static_cast<int>(index);
      const int name = join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP;
      return ::setsockopt(v4->fd(), IPPROTO_IP, name, &request, sizeof request) == 0 ? 0 : errno;
    }
    ipv6_mreq request{};
    request.ipv6mr_multiaddr = to_in6_addr(group_v6(index));
    request.ipv6mr_interface = index;
    const int name = join ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP;
    return ::setsockopt(v6->fd(), IPPROTO_IPV6, name, &request, sizeof request) == 0 ? 0 : errno;
  }

  // --- sending ----------------------------------------------------------------------------------

  bool send(std::uint32_t index, ByteView bytes) {
    const auto it = interfaces.find(index);
    if (it == interfaces.end()) return false;
    const Interface& interface = it->second;
    bool sent = false;
    if (const auto* own = usable(interface, true)) sent = send_v4(interface, *own, bytes);
    if (const auto* own = usable(interface, false); own && !interface.loopback)
      sent = send_one(interface, *own, group_v6(index), bytes) || sent;
    if (sent) ++stats.sent;
    return sent;
  }

  bool send_v4(const Interface& interface, const InterfaceAddress& own, ByteView bytes) {
    if (send_one(interface, own, group_v4, bytes)) return true;
    return own.broadcast && send_one(interface, own, *own.broadcast, bytes);
  }

  bool send_one(const Interface& interface, const InterfaceAddress& own, const IpAddress& to,
                ByteView bytes) {
    const int code = udp.send_on(interface.index, own.subnet.ip, {to, port}, bytes);
    // No socket of ours covers that address or family: not meant to be sent there.
    if (code != 0 && code != EAFNOSUPPORT) note(interface.name + " " + to_string(to), code);
    return code == 0;
  }

  Udp& udp;
  Received received;
  std::uint16_t port;
  std::optional<Watch> v4, v6;
  std::map<std::uint32_t, Interface> interfaces;
  std::set<Membership> joined;
  MulticastStats stats;
};

Multicast::Multicast(Loop& loop, Udp& udp, Received received, std::uint16_t port)
    : impl_(std::make_unique<Impl>(loop, udp, std::move(received), port)) {}
Multicast::~Multicast() = default;

void Multicast::configure(const std::vector<Interface>& interfaces) {
  impl_->configure(interfaces);
}
bool Multicast::send(std::uint32_t interface, ByteView bytes) {
  return impl_->send(interface, bytes);
}
MulticastStats Multicast::stats() const { return impl_->stats; }

}  // namespace kith::runtime
