#include "kith/runtime/udp.hpp"

#include <linux/errqueue.h>
#include <netinet/ip.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <deque>

#include "sockets.hpp"
#include "watch.hpp"

namespace kith::runtime {
namespace {

constexpr int batch = 32;
constexpr std::size_t slot = 2048;     // a datagram longer than this is cut, and too large anyway
constexpr int errors_per_wakeup = 64;  // ICMP errors fetched at once

// Whether a failed send says something about the destination and not about us.
bool is_unreachable(int code) {
  return code == ENETUNREACH || code == EHOSTUNREACH || code == EADDRNOTAVAIL || code == EPERM ||
         code == EACCES || code == ENETDOWN || code == EAFNOSUPPORT || code == EINVAL;
}

// An ICMP error for an *earlier* datagram is reported on the next call, whatever that one is.
bool may_be_of_another(int code) {
  return code == ECONNREFUSED || code == EHOSTUNREACH || code == ENETUNREACH || code == EPROTO;
}

}  // namespace

struct Udp::Impl {
  struct Outgoing {
    Endpoint to;
    Buffer bytes;
  };
  struct Port {
    Endpoint endpoint;
    Watch watch;
    std::deque<Outgoing> queue;
    bool blocked = false;            // the send buffer is full; once_writable is set
    std::uint32_t kernel_drops = 0;  // as last told; the kernel's counter wraps at 32 bits
  };
  // What recvmmsg and sendmmsg fill; one set for all sockets, there is one thread.
  struct Slots {
    std::array<mmsghdr, batch> headers{};
    std::array<iovec, batch> parts{};
    std::array<SocketAddress, batch> addresses{};
    std::array<std::array<char, CMSG_SPACE(sizeof(std::uint32_t))>, batch> control{};
    std::vector<Byte> bytes = std::vector<Byte>(batch * slot);
    std::vector<Datagram> datagrams;
  };

  Impl(Loop& loop, std::vector<Socket> sockets, UdpHandlers h) : handlers(std::move(h)) {
    for (Socket& socket : sockets) {
      configure(socket.fd.get(), socket.endpoint.ip.is_v4());
      ports.push_back(std::make_unique<Port>(
          Port{socket.endpoint, Watch(loop, std::move(socket.fd)), {}, false, 0}));
    }
    for (const auto& port : ports)
      port->watch.on_readable([this, p = port.get()] {
        read_errors(*p);
        read_batch(*p);
      });
  }

  static void configure(int fd, bool v4) {
    set_option(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
    if (v4) {
      set_option(fd, IPPROTO_IP, IP_RECVERR, 1);
      set_option(fd, SOL_SOCKET, SO_BROADCAST, 1);
      set_option(fd, IPPROTO_IP, IP_MULTICAST_TTL, 1);
      set_option(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 1);
      set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);  // 1 200 fits nearly anywhere
    } else {
      set_option(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
      set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 1);
      set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1);
    }
  }

  // --- receiving --------------------------------------------------------------------------------

  void prepare_receive() {
    for (std::size_t i = 0; i < batch; ++i) {
      slots.parts[i] = {slots.bytes.data() + i * slot, slot};
      slots.addresses[i].length = sizeof(sockaddr_storage);
      msghdr& header = slots.headers[i].msg_hdr;
      header = {};
      header.msg_name = slots.addresses[i].get();
      header.msg_namelen = sizeof(sockaddr_storage);
      header.msg_iov = &slots.parts[i];
      header.msg_iovlen = 1;
      header.msg_control = slots.control[i].data();
      header.msg_controllen = slots.control[i].size();
    }
  }

  bool read_batch(Port& port) {
    prepare_receive();
    int got;
    int tries = 3;
    do got = ::recvmmsg(port.watch.fd(), slots.headers.data(), batch, MSG_DONTWAIT, nullptr);
    while (got < 0 && errno != EAGAIN && --tries > 0);  // a pending ICMP error, or a signal
    if (got <= 0) return false;
    slots.datagrams.clear();
    for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i) {
      const mmsghdr& header = slots.headers[i];
      count_kernel_drops(port, header.msg_hdr);
      ++stats.received;
      if (header.msg_len > datagram_limit || (header.msg_hdr.msg_flags & MSG_TRUNC)) {
        ++stats.too_large;
        continue;
      }
      slots.addresses[i].length = header.msg_hdr.msg_namelen;
      slots.datagrams.push_back({from_sockaddr(slots.addresses[i]), port.endpoint,
                                 ByteView(slots.bytes.data() + i * slot, header.msg_len)});
    }
    if (!slots.datagrams.empty()) handlers.received(slots.datagrams);
    return true;
  }

  void count_kernel_drops(Port& port, const msghdr& header) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(const_cast<msghdr*>(&header), c)) {
      if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL) continue;
      std::uint32_t total = 0;
      std::memcpy(&total, CMSG_DATA(c), sizeof total);
      stats.kernel_drops += total - port.kernel_drops;
      port.kernel_drops = total;
    }
  }

  // The error queue names the destination that an ICMP error is about.
  void read_errors(Port& port) {
    for (int i = 0; i < errors_per_wakeup; ++i) {
      SocketAddress to;
      std::array<char, 512> control;
      Byte ignored;
      iovec part{&ignored, 1};
      msghdr header{};
      header.msg_name = to.get();
      header.msg_namelen = to.length;
      header.msg_iov = &part;
      header.msg_iovlen = 1;
      header.msg_control = control.data();
      header.msg_controllen = control.size();
      if (::recvmsg(port.watch.fd(), &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return;
      if (is_refusal(header)) handlers.refused(from_sockaddr(to));
    }
  }

  static bool is_refusal(msghdr& header) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
      const bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
      const bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
      if (!v4 && !v6) continue;
      sock_extended_err error{};
      std::memcpy(&error, CMSG_DATA(c), sizeof error);
      if (error.ee_errno == ECONNREFUSED && error.ee_origin != SO_EE_ORIGIN_LOCAL) return true;
    }
    return false;
  }

  // --- sending ----------------------------------------------------------------------------------

  // The socket of the destination's family; of several the one whose side of the machine it is on.
  // Of several there still, the one whose address is nearest to what the kernel would send from.
  Port* port_for(const IpAddress& to) {
    Port *found = nullptr, *other_side = nullptr;
    std::optional<IpAddress> source;
    int best = -1;
    for (const auto& port : ports) {
      const IpAddress& own = port->endpoint.ip;
      if (own.is_v4() != to.is_v4()) continue;
      if (own.is_unspecified()) return port.get();
      if (own.is_loopback() != to.is_loopback()) {
        if (!other_side) other_side = port.get();
        continue;
      }
      if (!found) {
        found = port.get();
        continue;
      }
      if (!source) {
        source = source_towards(to);
        best = common_bits(found->endpoint.ip, *source);
      }
      if (const int bits = common_bits(own, *source); bits > best) {
        best = bits;
        found = port.get();
      }
    }
    return found ? found : other_side;
  }

  static int common_bits(const IpAddress& a, const IpAddress& b) {
    int bits = 0;
    for (std::size_t i = 0; i < a.bytes.size(); ++i) {
      const int same = std::countl_zero(static_cast<unsigned char>(a.bytes[i] ^ b.bytes[i]));
      bits += same;
      if (same < 8) break;
    }
    return bits;
  }

  // The routing table's answer; the destination itself where there is none.
  IpAddress source_towards(const IpAddress& to) {
    Fd& probe = to.is_v4() ? probe_v4 : probe_v6;
    if (!probe) probe = make_socket(family_of(to), SOCK_DGRAM);
    const SocketAddress address = to_sockaddr({to, 9});
    if (!probe || ::connect(probe.get(), address.get(), address.length) != 0) return to;
    return bound_endpoint(probe.get()).ip;
  }

  void send(const Endpoint& to, Buffer bytes) {
    Port* port = port_for(to.ip);
    if (!port || to.port == 0) {
      ++stats.unreachable;
    } else if (port->queue.size() >= queue_limit) {
      ++stats.overflow;
    } else {
      port->queue.push_back({to, std::move(bytes)});
      if (port->queue.size() >= batch) flush(*port);
    }
  }

  void flush(Port& port) {
    int retries = 2;
    while (!port.queue.empty() && !port.blocked) {
      const std::size_t count = prepare_send(port);
      const int sent = ::sendmmsg(port.watch.fd(), slots.headers.data(),
                                  static_cast<unsigned>(count), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent > 0) {
        stats.sent += static_cast<std::uint64_t>(sent);
        port.queue.erase(port.queue.begin(), port.queue.begin() + sent);
        retries = 2;
      } else if (errno == EAGAIN) {
        block(port);
      } else if (errno == ENOBUFS) {  // the interface's queue dropped it, as any router might
        ++stats.overflow;
        port.queue.pop_front();
      } else if (errno != EINTR && !(may_be_of_another(errno) && retries-- > 0)) {
        ++(is_unreachable(errno) ? stats.unreachable : stats.failed);
        port.queue.pop_front();
        retries = 2;
      }
    }
  }

  void block(Port& port) {
    port.blocked = true;
    port.watch.once_writable([this, p = &port] {
      p->blocked = false;
      flush(*p);
    });
  }

  std::size_t prepare_send(Port& port) {
    const std::size_t count = std::min<std::size_t>(batch, port.queue.size());
    for (std::size_t i = 0; i < count; ++i) {
      const Outgoing& out = port.queue[i];
      slots.addresses[i] = to_sockaddr(out.to);
      slots.parts[i] = {const_cast<Byte*>(out.bytes.data()), out.bytes.size()};
      msghdr& header = slots.headers[i].msg_hdr;
      header = {};
      header.msg_name = slots.addresses[i].get();
      header.msg_namelen = slots.addresses[i].length;
      header.msg_iov = &slots.parts[i];
      header.msg_iovlen = 1;
    }
    return count;
  }

  int send_on(std::uint32_t interface, const IpAddress& source, const Endpoint& to,
              ByteView bytes) {
    const auto port = std::ranges::find_if(ports, [&](const auto& p) {
      const IpAddress& own = p->endpoint.ip;
      return own.is_v4() == to.ip.is_v4() && (own.is_unspecified() || own == source);
    });
    if (port == ports.end()) return EAFNOSUPPORT;
    SocketAddress address = to_sockaddr(to);
    iovec part{const_cast<Byte*>(bytes.data()), bytes.size()};
    alignas(cmsghdr) std::array<char, 64> control{};
    msghdr header{};
    header.msg_name = address.get();
    header.msg_namelen = address.length;
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    header.msg_controllen = from_interface(header, interface, source);
    for (int tries = 3;;) {
      if (::sendmsg((*port)->watch.fd(), &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return 0;
      if (errno != EINTR && !(may_be_of_another(errno) && --tries > 0)) return errno;
    }
  }

  // Which interface and own address a single datagram leaves by; returns the control length.
  static std::size_t from_interface(msghdr& header, std::uint32_t interface,
                                    const IpAddress& source) {
    cmsghdr* c = CMSG_FIRSTHDR(&header);
    if (source.is_v4()) {
      in_pktinfo info{};
      info.ipi_ifindex = static_cast<int>(interface);
      info.ipi_spec_dst = to_in_addr(source);
      c->cmsg_level = IPPROTO_IP;
      c->cmsg_type = IP_PKTINFO;
      c->cmsg_len = CMSG_LEN(sizeof info);
      std::memcpy(CMSG_DATA(c), &info, sizeof info);
      return CMSG_SPACE(sizeof info);
    }
    in6_pktinfo info{};
    info.ipi6_ifindex = interface;
    info.ipi6_addr = to_in6_addr(source);
    c->cmsg_level = IPPROTO_IPV6;
    c->cmsg_type = IPV6_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(c), &info, sizeof info);
    return CMSG_SPACE(sizeof info);
  }

  std::vector<std::unique_ptr<Port>> ports;
  Fd probe_v4, probe_v6;  // connected to ask the routing table; they send nothing
  UdpHandlers handlers;
  Slots slots;
  UdpStats stats;
};

Udp::Udp(Loop& loop, std::vector<Socket> sockets, UdpHandlers handlers)
    : impl_(std::make_unique<Impl>(loop, std::move(sockets), std::move(handlers))) {}
Udp::~Udp() = default;

void Udp::send(const Endpoint& to, Buffer bytes) { impl_->send(to, std::move(bytes)); }

void Udp::flush() {
  for (const auto& port : impl_->ports) impl_->flush(*port);
}

bool Udp::drain() {
  bool any = false;
  for (const auto& port : impl_->ports) any = impl_->read_batch(*port) || any;
  return any;
}

int Udp::send_on(std::uint32_t interface, const IpAddress& source, const Endpoint& to,
                 ByteView bytes) {
  return impl_->send_on(interface, source, to, bytes);
}

UdpStats Udp::stats() const { return impl_->stats; }

std::vector<Endpoint> Udp::endpoints() const {
  std::vector<Endpoint> out;
  for (const auto& port : impl_->ports) out.push_back(port->endpoint);
  return out;
}

}  // namespace kith::runtime
