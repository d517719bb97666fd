#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

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

TEST_CASE(
    "runtime/multicast: on loopback a beacon reaches every daemon with the sender's own port") {
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

namespace {

constexpr int skipped = 77;

#define EXPECT(condition) \
  if (!(condition)) return (std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), 1)

UdpNode any_address(runtime::Loop& loop, const IpAddress& any) {
  runtime::PortOptions options;
  options.listen = {{any, 0}};
  auto bound = runtime::bind_ports(options);
  return UdpNode(loop, std::move(bound->front()));
}

// Two ends of a virtual cable in a network namespace of our own.
int live_on_a_cable() {
  if (::unshare(::geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWNET | CLONE_NEWUSER) != 0)
    return skipped;
  if (std::system("exec 2>/dev/null; ip link set lo up && ip link add v0 type veth peer name v1") !=
      0)
    return skipped;
  runtime::Loop loop;
  int changes = 0;
  const runtime::InterfaceWatch watch(loop, [&] { ++changes; });
  EXPECT(std::system("ip addr add 192.0.2.1/24 dev v0 && ip link set v0 up && ip link set v1 up && "
                     "ip route add default nexthop via 192.0.2.7 nexthop via 192.0.2.8") == 0);
  runtime::InterfaceList list;
  const auto settled = [](const runtime::Interface& interface) {
    return interface.up && std::ranges::any_of(interface.addresses, [](const auto& address) {
             return !address.subnet.ip.is_v4() && !address.tentative;
           });
  };
  int seen = 0;
  EXPECT(wait(loop, [&] {
    // Only a reported change may bring us on.
    if (std::exchange(seen, changes) != changes) list = runtime::list_interfaces();
    return seen > 0 && std::ranges::all_of(list.interfaces, settled);
  }));
  EXPECT(list.interfaces.size() == 3);
  EXPECT((list.gateways == std::vector{IpAddress::v4(192, 0, 2, 7), IpAddress::v4(192, 0, 2, 8)}));
  const auto v0 = std::ranges::find(list.interfaces, "v0", &runtime::Interface::name);
  EXPECT(v0 != list.interfaces.end());

  for (const IpAddress& any : {IpAddress::v4(0, 0, 0, 0), IpAddress::v6_any()}) {
    UdpNode node = any_address(loop, any);
    std::map<std::uint32_t, Endpoint> heard;
    runtime::Multicast beacon(
        loop, *node.udp,
        [&](const Endpoint& from, std::uint32_t interface, ByteView) { heard[interface] = from; });
    beacon.configure(list.interfaces);
    EXPECT(beacon.stats().joined == 4);  // v4 on lo and v0, v6 on v0 and v1
    EXPECT(beacon.send(v0->index, as_bytes("a beacon")));
    // v4 stays on its own end: the kernel takes the other for a forgery of its own address.
    EXPECT(wait(loop, [&] { return heard.size() == (any.is_v4() ? 1u : 2u); }));
    for (const auto& [interface, from] : heard) {
      EXPECT(from.port == node.endpoint.port);
      EXPECT(from.ip.is_v4() ? from.ip == IpAddress::v4(192, 0, 2, 1) : from.ip.scope == interface);
    }
  }
  return 0;
}

}  // namespace

TEST_CASE("runtime/multicast: on a cable both families arrive, and changes are reported") {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(live_on_a_cable());
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == skipped)
    MESSAGE("skipped: no network namespace of our own here");
  else
    CHECK_EQ(WEXITSTATUS(status), 0);
}
