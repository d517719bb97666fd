// Interfaces: what addresses, subnets and gateways this machine has, and when that changes. Linux
// rtnetlink, because only it tells tentative IPv6 addresses and default gateways.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kith/base/address.hpp"
#include "kith/runtime/loop.hpp"

namespace kith::runtime {

struct InterfaceAddress {
  Subnet subnet;                       // ip is our own address, prefix counted in 16-byte form
  std::optional<IpAddress> broadcast;  // IPv4 only
  bool tentative = false;              // IPv6 duplicate detection still runs: sends would fail
};

struct Interface {
  std::string name;
  std::uint32_t index = 0;
  bool up = false;  // administratively up and, except for loopback, with a carrier
  bool loopback = false;
  bool multicast = false;
  std::vector<InterfaceAddress> addresses;
};

struct InterfaceList {
  std::vector<Interface> interfaces;  // by index
  std::vector<IpAddress> gateways;    // of default routes
};

// Empty when the kernel would not say.
InterfaceList list_interfaces();

// `fnmatch` of an interface name against patterns such as "docker*".
bool name_matches(std::string_view name, const std::vector<std::string>& patterns);

class InterfaceWatch {
 public:
  // `changed` runs on the loop, once for changes within 100 ms; also when an address stops being
  // tentative.
  InterfaceWatch(Loop& loop, std::function<void()> changed);
  ~InterfaceWatch();
  // Calls `changed` a second from now, for a list that could not be had. False: never.
  bool look_again();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith::runtime
