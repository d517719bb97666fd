#include <netinet/in.h>
#include <sys/socket.h>

#include "world.hpp"

using namespace kith;
using kith::test::loopback;
using kith::test::text;
using kith::test::UdpNode;
using kith::test::wait;

TEST_CASE("runtime/udp: batches go out and come back") {
  runtime::Loop loop;
  UdpNode a(loop), b(loop);
  b.echo = true;
  for (int i = 0; i < 100; ++i) a.udp->send(b.endpoint, text("datagram " + std::to_string(i)));
  CHECK(a.got.empty());
  a.udp->flush();
  REQUIRE(wait(loop, [&] { return a.got.size() == 100; }));
  for (int i = 0; i < 100; ++i)
    CHECK_EQ(a.got[static_cast<std::size_t>(i)], "datagram " + std::to_string(i));
  CHECK_EQ(a.from[0], b.endpoint);
  CHECK_LT(b.batches, 100);
  CHECK_EQ(a.udp->stats().sent, 100);
  CHECK_EQ(b.udp->stats().received, 100);
}

TEST_CASE("runtime/udp: a port nobody listens on is reported as refused") {
  runtime::Loop loop;
  UdpNode a(loop), b(loop);
  Endpoint closed;
  {
    UdpNode gone(loop);
    closed = gone.endpoint;
  }
  a.udp->send(closed, text("anyone?"));
  a.udp->flush();
  REQUIRE(wait(loop, [&] { return !a.refused.empty(); }));
  CHECK_EQ(a.refused[0], closed);
  // The error of one destination costs another nothing.
  for (int i = 0; i < 10; ++i) {
    a.udp->send(closed, text("anyone?"));
    a.udp->send(b.endpoint, text("hello"));
    a.udp->flush();
  }
  REQUIRE(wait(loop, [&] { return b.got.size() == 10 && a.refused.size() > 1; }));
}

TEST_CASE("runtime/udp: drain reads what waits without going through the loop") {
  runtime::Loop loop;
  UdpNode a(loop), b(loop);
  a.udp->send(b.endpoint, text("now"));
  a.udp->flush();
  CHECK(b.udp->drain());  // loopback delivers within the send
  CHECK_EQ(b.got.size(), 1);
  CHECK_FALSE(b.udp->drain());
}

TEST_CASE("runtime/udp: datagrams over the limit are counted, empty ones delivered") {
  runtime::Loop loop;
  UdpNode a(loop), b(loop);
  a.udp->send(b.endpoint, Buffer(Bytes(1201, 1)));
  a.udp->send(b.endpoint, Buffer(Bytes(9000, 1)));
  a.udp->send(b.endpoint, Buffer(Bytes(1200, 1)));
  a.udp->send(b.endpoint, Buffer());
  a.udp->flush();
  REQUIRE(wait(loop, [&] { return b.got.size() == 2; }));
  CHECK_EQ(b.got[0].size(), 1200);
  CHECK_EQ(b.got[1].size(), 0);
  CHECK_EQ(b.udp->stats().too_large, 2);
}

TEST_CASE("runtime/udp: what the kernel drops because nobody reads is counted") {
  runtime::Loop loop;
  UdpNode a(loop), b(loop);
  constexpr std::size_t sent = 8000;
  for (std::size_t i = 0; i < sent; ++i) a.udp->send(b.endpoint, Buffer(Bytes(1200, 1)));
  while (b.udp->drain()) {
  }
  a.udp->send(b.endpoint, text("the next one brings the count"));
  a.udp->flush();
  REQUIRE(b.udp->drain());
  CHECK_GT(b.udp->stats().kernel_drops, 0);
  CHECK_EQ(b.udp->stats().received + b.udp->stats().kernel_drops, sent + 1);
}

TEST_CASE("runtime/udp: what cannot be sent is counted and holds nothing up") {
  runtime::Loop loop;
  UdpNode a(loop), b(loop);
  a.udp->send({*parse_ip("::1"), 1}, text("no v6 socket"));
  a.udp->send({IpAddress::v4(192, 0, 2, 1), 9}, text("from loopback nothing leaves"));
  a.udp->send({b.endpoint.ip, 0}, text("no port"));
  a.udp->send(b.endpoint, text("after"));
  a.udp->flush();
  REQUIRE(wait(loop, [&] { return b.got.size() == 1; }));
  CHECK_EQ(a.udp->stats().unreachable, 3);
  for (int i = 0; i < 2000; ++i) a.udp->send(b.endpoint, text("more than the queue holds"));
  CHECK_EQ(a.udp->stats().overflow, 0);
}

TEST_CASE("runtime/ports: UDP and TCP share the number, an explicit busy one is an error") {
  const auto first = test::bind_loopback();
  CHECK_NE(first.endpoint.port, 0);
  runtime::PortOptions options;
  options.listen = {first.endpoint};
  const auto again = runtime::bind_ports(options);
  REQUIRE_FALSE(again);
  CHECK_EQ(again.error().code, EADDRINUSE);
  CHECK_NE(again.error().message.find(to_string(first.endpoint)), std::string::npos);
}

TEST_CASE(
    "runtime/ports: a movable port prefers the last one and else moves to the next free one") {
  runtime::PortOptions options;
  options.listen = {loopback()};
  options.movable = true;
  auto first = runtime::bind_ports(options);
  REQUIRE(first);
  CHECK_GE(first->front().endpoint.port, runtime::default_port);
  auto second = runtime::bind_ports(options);
  REQUIRE(second);
  CHECK_GT(second->front().endpoint.port, first->front().endpoint.port);
  const std::uint16_t last = second->front().endpoint.port;
  second->clear();
  options.last = last;
  auto third = runtime::bind_ports(options);
  REQUIRE(third);
  CHECK_EQ(third->front().endpoint.port, last);
}

TEST_CASE("runtime/ports: several addresses get the same number where they can") {
  runtime::PortOptions options;
  options.listen = {loopback(), {IpAddress::v4(127, 0, 0, 2), 0}};
  const auto bound = runtime::bind_ports(options);
  REQUIRE(bound);
  REQUIRE_EQ(bound->size(), 2);
  CHECK_EQ((*bound)[0].endpoint.port, (*bound)[1].endpoint.port);
}
