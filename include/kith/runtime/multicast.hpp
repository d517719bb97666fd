// Multicast: the sockets of the LAN beacon. Receives on a shared port; sends through the daemon's
// own UDP sockets, so that the receiver sees the port to answer to.
//
// IPv4 239.192.75.84 with TTL 1, IPv6 ff02::6b69:7468, port 4748. IPv6 is left out on loopback
// (unreachable on Linux). Where a multicast send fails the interface's broadcast address is tried.
// Nothing here is ever fatal: failures are counted.
#pragma once

#include "kith/runtime/interfaces.hpp"
#include "kith/runtime/udp.hpp"

namespace kith::runtime {

struct MulticastStats {
  std::uint64_t received = 0, sent = 0, failed = 0;
  std::size_t joined = 0;    // (interface, family) pairs
  std::string last_failure;  // "eth0 ff02::6b69:7468: Network is unreachable"
};

class Multicast {
 public:
  static constexpr std::uint16_t beacon_port = 4748;
  using Received =
      std::function<void(const Endpoint& from, std::uint32_t interface, ByteView bytes)>;

  // `port` is for tests.
  Multicast(Loop& loop, Udp& udp, Received received, std::uint16_t port = beacon_port);
  ~Multicast();

  // The interfaces to hear and speak on; replaces the ones before. Call on every change.
  void configure(const std::vector<Interface>& interfaces);
  // One beacon on one configured interface, each family once. True when one went out.
  bool send(std::uint32_t interface, ByteView bytes);
  MulticastStats stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith::runtime
