#include "kith/runtime/interfaces.hpp"

#include <fnmatch.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "netlink.hpp"
#include "watch.hpp"

namespace kith::runtime {
namespace {

constexpr Duration settle_time = milliseconds(100);
constexpr Duration retry_time = seconds(1);

template <class T>
std::optional<T> head_of(ByteView body) {
  if (body.size() < sizeof(T)) return std::nullopt;
  T out{};
  std::memcpy(&out, body.data(), sizeof out);
  return out;
}

std::optional<IpAddress> to_ip(ByteView bytes, std::uint32_t interface) {
  if (bytes.size() == 4) return IpAddress::v4(bytes[0], bytes[1], bytes[2], bytes[3]);
  if (bytes.size() != 16) return std::nullopt;
  IpAddress ip;
  std::ranges::copy(bytes, ip.bytes.begin());
  if (ip.is_link_local() && !ip.is_v4()) ip.scope = interface;
  return ip;
}

using Table = std::map<std::uint32_t, Interface>;

void read_link(Table& table, ByteView body) {
  const auto link = head_of<ifinfomsg>(body);
  if (!link || link->ifi_index <= 0) return;
  const auto index = static_cast<std::uint32_t>(link->ifi_index);
  Interface& interface = table[index];
  interface.index = index;
  interface.loopback = link->ifi_flags & IFF_LOOPBACK;
  interface.multicast = link->ifi_flags & IFF_MULTICAST;
  // Running: with a carrier. Loopback and some virtual links never claim one.
  interface.up =
      (link->ifi_flags & IFF_UP) && (interface.loopback || (link->ifi_flags & IFF_RUNNING));
  each_attribute(body, sizeof(ifinfomsg), [&](std::uint16_t type, ByteView value) {
    if (type == IFLA_IFNAME && !value.empty())
      interface.name = to_text(value.first(value.size() - 1));
  });
}

void read_address(Table& table, ByteView body) {
  const auto head = head_of<ifaddrmsg>(body);
  if (!head || !table.contains(head->ifa_index)) return;
  const bool v4 = head->ifa_family == AF_INET;
  if (!v4 && head->ifa_family != AF_INET6) return;
  std::optional<IpAddress> own, peer, broadcast;
  std::uint32_t flags = head->ifa_flags;
  each_attribute(body, sizeof(ifaddrmsg), [&](std::uint16_t type, ByteView value) {
    if (type == IFA_LOCAL) own = to_ip(value, head->ifa_index);
    if (type == IFA_ADDRESS) peer = to_ip(value, head->ifa_index);
    if (type == IFA_BROADCAST) broadcast = to_ip(value, head->ifa_index);
    if (type == IFA_FLAGS && value.size() == 4) std::memcpy(&flags, value.data(), 4);
  });
  // On a point-to-point link ADDRESS is the other end and LOCAL ours; else LOCAL may be missing.
  if (!own) own = peer;
  if (!own || (flags & IFA_F_DADFAILED)) return;
  InterfaceAddress address;
  address.subnet = {*own, head->ifa_prefixlen + (v4 ? 96 : 0)};
  address.broadcast = broadcast;
  address.tentative = !v4 && (flags & IFA_F_TENTATIVE) && !(flags & IFA_F_OPTIMISTIC);
  table[head->ifa_index].addresses.push_back(address);
}

void add_gateway(std::vector<IpAddress>& gateways, ByteView address, std::uint32_t interface) {
  const auto ip = to_ip(address, interface);
  if (ip && std::ranges::find(gateways, *ip) == gateways.end()) gateways.push_back(*ip);
}

// Several routers for one destination: a list of next hops, each with attributes of its own.
void read_next_hops(std::vector<IpAddress>& gateways, ByteView hops) {
  while (const auto hop = head_of<rtnexthop>(hops)) {
    if (hop->rtnh_len < sizeof(rtnexthop) || hop->rtnh_len > hops.size()) return;
    each_attribute(hops.first(hop->rtnh_len), sizeof(rtnexthop),
                   [&](std::uint16_t type, ByteView value) {
                     if (type == RTA_GATEWAY)
                       add_gateway(gateways, value, static_cast<std::uint32_t>(hop->rtnh_ifindex));
                   });
    hops = hops.subspan(std::min<std::size_t>(RTNH_ALIGN(hop->rtnh_len), hops.size()));
  }
}

void read_route(std::vector<IpAddress>& gateways, ByteView body) {
  const auto route = head_of<rtmsg>(body);
  if (!route || route->rtm_dst_len != 0 || route->rtm_type != RTN_UNICAST) return;
  std::uint32_t interface = 0;
  ByteView gateway;
  each_attribute(body, sizeof(rtmsg), [&](std::uint16_t type, ByteView value) {
    if (type == RTA_OIF && value.size() == 4) std::memcpy(&interface, value.data(), 4);
    if (type == RTA_GATEWAY) gateway = value;
    if (type == RTA_MULTIPATH) read_next_hops(gateways, value);
  });
  add_gateway(gateways, gateway, interface);
}

}  // namespace

InterfaceList list_interfaces() {
  InterfaceList out;
  const Fd fd = open_netlink(0);
  if (!fd) return out;
  Table table;
  dump_table(fd.get(), RTM_GETLINK, [&](std::uint16_t type, ByteView body) {
    if (type == RTM_NEWLINK) read_link(table, body);
  });
  dump_table(fd.get(), RTM_GETADDR, [&](std::uint16_t type, ByteView body) {
    if (type == RTM_NEWADDR) read_address(table, body);
  });
  dump_table(fd.get(), RTM_GETROUTE, [&](std::uint16_t type, ByteView body) {
    if (type == RTM_NEWROUTE) read_route(out.gateways, body);
  });
  for (auto& [index, interface] : table) out.interfaces.push_back(std::move(interface));
  return out;
}

bool name_matches(std::string_view name, const std::vector<std::string>& patterns) {
  const std::string text(name);
  return std::ranges::any_of(patterns, [&](const std::string& pattern) {
    return ::fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
  });
}

struct InterfaceWatch::Impl {
  Impl(Loop& loop, Fd fd, std::function<void()> c)
      : changed(std::move(c)), watch(loop, std::move(fd)), timer(loop) {
    watch.on_readable([this] { drain(); });
  }

  // What changed does not matter, the whole list is read again: also after ENOBUFS, when the kernel
  // had more to say than fitted. Of routes only default ones count: a router's table never rests.
  void drain() {
    Bytes buffer(32 << 10);
    ssize_t got;
    bool counts = false;
    while ((got = ::recv(watch.fd(), buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0)
      each_message(ByteView(buffer.data(), static_cast<std::size_t>(got)),
                   [&](std::uint16_t type, ByteView body) {
                     const bool route = type == RTM_NEWROUTE || type == RTM_DELROUTE;
                     const auto head = route ? head_of<rtmsg>(body) : std::nullopt;
                     counts = counts || !head || head->rtm_dst_len == 0;
                   });
    if (got < 0 && errno == ENOBUFS) counts = true;
    if (counts) call_after(settle_time);
  }

  void call_after(Duration pause) {
    if (settling) return;
    settling = true;
    timer.set(pause, [this] {
      settling = false;
      changed();
    });
  }

  std::function<void()> changed;
  Watch watch;
  Timer timer;
  bool settling = false;
};

InterfaceWatch::InterfaceWatch(Loop& loop, std::function<void()> changed) {
  // Addresses that stop being tentative are announced as new ones.
  Fd fd = open_netlink(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
                       RTMGRP_IPV6_ROUTE);
  if (fd) impl_ = std::make_unique<Impl>(loop, std::move(fd), std::move(changed));
}

InterfaceWatch::~InterfaceWatch() = default;

bool InterfaceWatch::look_again() {
  if (impl_) impl_->call_after(retry_time);
  return impl_ != nullptr;
}

}  // namespace kith::runtime
