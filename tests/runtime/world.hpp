// World: a loop, loopback sockets, and waiting for a condition with a deadline.
#pragma once

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "kith/runtime/clock.hpp"
#include "kith/runtime/loop.hpp"
#include "kith/runtime/ports.hpp"
#include "kith/runtime/udp.hpp"
#include "temp_dir.hpp"

namespace kith::test {

inline Endpoint loopback(std::uint16_t port = 0) { return {IpAddress::v4(127, 0, 0, 1), port}; }
inline Buffer text(std::string_view from) { return Buffer(as_bytes(from)); }

// Runs the loop until `done`; false when it did not come within ten seconds.
template <class Done>
bool wait(runtime::Loop& loop, Done done) {
  loop.run_until(done, seconds(10));
  return done();
}

// Runs the loop for what is already under way.
inline void settle(runtime::Loop& loop) {
  bool seen = false;
  loop.post([&] { seen = true; });
  wait(loop, [&] { return seen; });
}

inline runtime::BoundPort bind_loopback() {
  runtime::PortOptions options;
  options.listen = {loopback()};
  auto bound = runtime::bind_ports(options);
  REQUIRE(bound);
  return std::move(bound->front());
}

// One UDP node on 127.0.0.1 that remembers what it got.
struct UdpNode {
  explicit UdpNode(runtime::Loop& loop) : UdpNode(loop, bind_loopback()) {}
  UdpNode(runtime::Loop& loop, runtime::BoundPort bound) : endpoint(bound.endpoint) {
    std::vector<runtime::Udp::Socket> sockets;
    sockets.push_back({bound.endpoint, std::move(bound.udp)});
    runtime::UdpHandlers handlers;
    handlers.received = [this](std::span<const runtime::Datagram> batch) {
      ++batches;
      for (const auto& datagram : batch) {
        got.push_back(to_text(datagram.bytes));
        from.push_back(datagram.from);
        if (echo) udp->send(datagram.from, Buffer(datagram.bytes));
      }
      udp->flush();
    };
    handlers.refused = [this](const Endpoint& to) { refused.push_back(to); };
    udp.emplace(loop, std::move(sockets), std::move(handlers));
  }

  Endpoint endpoint;
  bool echo = false;
  int batches = 0;
  std::vector<std::string> got;
  std::vector<Endpoint> from, refused;
  std::optional<runtime::Udp> udp;
};

}  // namespace kith::test
