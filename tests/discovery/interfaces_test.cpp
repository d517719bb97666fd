// Which interfaces are the LAN, and what follows for who is heard and what is advertised.
#include "../../src/discovery/interfaces.hpp"

#include "../../src/discovery/beacon.hpp"
#include "kith/base/locality.hpp"
#include "kith/crypto/hash.hpp"

using namespace kith;
using namespace kith::discovery;

namespace {

Interface interface_at(std::uint32_t index, const std::string& name, const std::string& v4 = "") {
  Interface one{index, name};
  one.subnets = {{*parse_ip("fe80::1%" + std::to_string(index)), 64}};
  if (!v4.empty()) one.subnets.push_back({*parse_ip(v4), 96 + 24});
  return one;
}

Config lan_daemon(Byte boot) {
  Config config;
  config.network_name = "lan";
  config.network = crypto::network_id(config.lan.id, "lan");
  config.boot.bytes.fill(boot);
  config.listen = {{IpAddress::v6_any(), 4747}};
  return config;
}

Locality locality_of(const SubnetsEligible& found) {
  Locality locality;
  locality.set(found.subnets, found.gateways);
  return locality;
}

}  // namespace

TEST_CASE("discovery/interfaces: names are excluded by pattern, loopback never is") {
  CHECK(matches("docker*", "docker0"));
  CHECK(matches("*", ""));
  CHECK(matches("a*c", "abc"));
  CHECK_FALSE(matches("docker*", "eth0"));
  Interface lo{1, "lo", true, true};
  CHECK(eligible(lo, {"lo"}));
  Interface docker{3, "docker0"};
  CHECK_FALSE(eligible(docker, {"docker*"}));
}

TEST_CASE("discovery/interfaces: loopback is advertised only when there is nothing else") {
  Interface lo{1, "lo", true, true};
  lo.subnets = {{IpAddress::v4(127, 0, 0, 1), 96 + 8}};
  const std::vector<Endpoint> listen{{IpAddress::v4(0, 0, 0, 0), 5}};
  CHECK_EQ(advertised({lo}, listen, {}).size(), 1);
  const auto both = advertised({lo, interface_at(2, "eth0", "192.168.1.1")}, listen, {});
  REQUIRE_EQ(both.size(), 1);
  CHECK_EQ(to_string(both[0]), "192.168.1.1:5");
}

TEST_CASE("discovery/interfaces: link-local addresses are advertised last, and without a scope") {
  const std::vector<Endpoint> listen{{IpAddress::v4(0, 0, 0, 0), 5}, {IpAddress::v6_any(), 5}};
  const auto found = advertised({interface_at(2, "eth0", "192.168.1.1")}, listen, {});
  REQUIRE_EQ(found.size(), 2);
  CHECK_EQ(to_string(found[0]), "192.168.1.1:5");
  CHECK_EQ(to_string(found[1]), "[fe80::1]:5");
}

TEST_CASE("discovery/interfaces: nobody behind an excluded interface is heard, link-local or not") {
  const Now now{Instant(seconds(100)), UnixMillis{1'760'000'000'000}};
  Discovery machine(lan_daemon(1), Rng(1));
  Discovery::Outbox out;
  machine.start(now, out);
  machine.step(
      InterfacesChanged{{interface_at(2, "eth0", "192.168.1.1"),
                         interface_at(9, "docker0", "172.17.0.1"), interface_at(11, "wg0")}},
      now, out);
  const Config sender = lan_daemon(2);
  const Buffer bytes = encode_beacon({false, sender.lan.id, sender.boot}, sender.network);
  for (const char* from : {"fe80::66%9", "172.17.0.66", "fe80::66%11", "fe80::66%2"}) {
    out.clear();
    const IpAddress ip = *parse_ip(from);
    machine.step(BeaconReceived{{ip, 4747}, ip.scope, bytes.view()}, now, out);
    std::size_t dials = 0, answers = 0, refused = 0;
    for (const Output& output : out.take()) {
      dials += std::holds_alternative<Dial>(output);
      answers += std::holds_alternative<SendBeacon>(output);
      const auto* dropped = std::get_if<Dropped>(&output);
      refused += dropped && dropped->reason == DropReason::not_local;
    }
    INFO("from ", from);
    CHECK_EQ(refused, ip.scope == 2 ? 0 : 1);
    CHECK_EQ(dials + answers, ip.scope == 2 ? 2 : 0);
  }
}

TEST_CASE(
    "discovery/interfaces: a link is ours before it has an address, and when we listen on it") {
  Interface tentative{2, "eth0"}, loopback{1, "lo", true, true};
  loopback.subnets = {{*parse_ip("127.0.0.1"), 96 + 8}};
  const std::vector<Interface> list{loopback, tentative, interface_at(9, "docker0")};
  const std::vector<std::string> exclude{"docker*"};
  const Locality any = locality_of(subnets_of(list, {{IpAddress::v6_any(), 1}}, exclude));
  CHECK(any.eligible(*parse_ip("127.0.0.1")));
  CHECK(any.eligible(*parse_ip("::1")));
  CHECK(any.eligible(*parse_ip("fe80::5%2")));
  CHECK_FALSE(any.eligible(*parse_ip("fe80::5%9")));
  const Locality named = locality_of(subnets_of(list, {*parse_endpoint("[fe80::1%9]:1")}, exclude));
  CHECK(named.eligible(*parse_ip("fe80::5%9")));
}
