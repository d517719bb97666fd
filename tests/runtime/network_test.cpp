#include <algorithm>
#include <sys/socket.h>

#include "kith/runtime/interfaces.hpp"
#include "kith/runtime/multicast.hpp"
#include "world.hpp"

using namespace kith;
using kith::test::UdpNode;
using kith::test::wait;

namespace {

std::vector<runtime::Interface> only_loopback() {
  auto interfaces = runtime::list_interfaces().interfaces;
  std::erase_if(interfaces, [](const auto& interface) { return !interface.loopback; });
  return interfaces;
}

}  // namespace

TEST_CASE("runtime/interfaces: loopback is there, with its address and subnet") {
  const auto list = only_loopback();
  REQUIRE_EQ(list.size(), 1);
  CHECK_EQ(list[0].name, "lo");
  CHECK(list[0].up);
  const auto has = [&](const IpAddress& ip, int prefix) {
    return std::ranges::any_of(list[0].addresses, [&](const auto& address) {
      return address.subnet.ip == ip && address.subnet.prefix == prefix;
    });
  };
  CHECK(has(IpAddress::v4(127, 0, 0, 1), 96 + 8));
  CHECK(runtime::name_matches("docker0", {"veth*", "docker*"}));
  CHECK_FALSE(runtime::name_matches("eth0", {"veth*", "docker*"}));
}

TEST_CASE("runtime/multicast: on loopback a beacon reaches every daemon with the sender's own port") {
  constexpr std::uint16_t port = 47480;
  runtime::Loop loop;
  UdpNode a(loop), b(loop), c(loop);
  std::map<std::string, std::vector<Endpoint>> heard;
  const auto listener = [&](const std::string& name) {
    return [&heard, name](const Endpoint& from, std::uint32_t interface, ByteView bytes) {
      CHECK_EQ(to_text(bytes), "a beacon");
      CHECK_GT(interface, 0);
      heard[name].push_back(from);
    };
  };
  runtime::Multicast at_a(loop, *a.udp, listener("a"), port);
  runtime::Multicast at_b(loop, *b.udp, listener("b"), port);
  runtime::Multicast at_c(loop, *c.udp, listener("c"), port);
  const auto interfaces = only_loopback();
  for (auto* beacon : {&at_a, &at_b, &at_c}) {
    beacon->configure(interfaces);
    beacon->configure(interfaces);  // again: no second join, no failure
    CHECK_EQ(beacon->stats().joined, 1);
    CHECK_EQ(beacon->stats().last_failure, "");
  }
  CHECK(at_a.send(interfaces[0].index, as_bytes("a beacon")));
  REQUIRE(wait(loop, [&] { return heard.size() == 3; }));
  CHECK_EQ(heard["b"].at(0), a.endpoint);
  CHECK_EQ(heard["c"].at(0), a.endpoint);

  at_b.configure({});
  CHECK_EQ(at_b.stats().joined, 0);
  CHECK_FALSE(at_b.send(interfaces[0].index, as_bytes("a beacon")));
  heard.clear();
  CHECK(at_a.send(interfaces[0].index, as_bytes("a beacon")));
  REQUIRE(wait(loop, [&] { return heard.contains("c"); }));
  CHECK_FALSE(heard.contains("b"));
  CHECK_FALSE(at_a.send(4711, as_bytes("no such interface")));
}
