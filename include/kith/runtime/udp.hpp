// Udp: the daemon's datagram sockets. Asio only says when they are ready; then they are drained in
// batches by recvmmsg and filled by sendmmsg: 2.5 us a datagram instead of 4.5.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "kith/base/address.hpp"
#include "kith/base/buffer.hpp"
#include "kith/runtime/fd.hpp"
#include "kith/runtime/loop.hpp"

namespace kith::runtime {

struct Datagram {
  Endpoint from;
  Endpoint local;  // the socket it came in on, as bound
  ByteView bytes;  // valid for the call
};

struct UdpHandlers {
  // One batch, 1 to 32. Never called from inside send or flush.
  std::function<void(std::span<const Datagram>)> received;
  // ICMP said that nobody listens there.
  std::function<void(const Endpoint& to)> refused;
};

struct UdpStats {
  std::uint64_t received = 0, sent = 0;
  std::uint64_t too_large = 0;     // longer than `datagram_limit`: dropped
  std::uint64_t kernel_drops = 0;  // the receive buffer was full
  std::uint64_t unreachable = 0;   // sends refused: no route, no socket of that family, a firewall
  std::uint64_t overflow = 0;      // sends dropped because our queue was full
  std::uint64_t failed = 0;        // sends refused for another reason
};

class Udp {
 public:
  static constexpr std::size_t datagram_limit = 1200;
  static constexpr std::size_t queue_limit = 1024;  // datagrams waiting to be sent

  struct Socket {
    Endpoint endpoint;
    Fd fd;
  };
  Udp(Loop& loop, std::vector<Socket> sockets, UdpHandlers handlers);
  ~Udp();

  // Queues; goes out when a batch is full or with flush(), which the driver calls once a turn. The
  // queue grows only while the kernel's buffer is full; at its limit the newest is dropped.
  void send(const Endpoint& to, Buffer bytes);
  void flush();

  // Reads at most one batch from every socket, now; true when there was something.
  bool drain();

  // Sends at once on one interface from one of its addresses (the beacon: multicast, broadcast).
  // 0 or errno.
  int send_on(std::uint32_t interface, const IpAddress& source, const Endpoint& to, ByteView bytes);

  UdpStats stats() const;
  std::vector<Endpoint> endpoints() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith::runtime
