#include "kith/base/address.hpp"

#include "kith/base/locality.hpp"

using namespace kith;

TEST_CASE("base/address: an endpoint survives text and back") {
  for (const char* text : {"10.0.0.1:4747", "[::1]:1", "[fe80::1%3]:65535", "127.0.0.1:0"}) {
    const auto endpoint = parse_endpoint(text);
    REQUIRE(endpoint);
    CHECK_EQ(to_string(*endpoint), text);
  }
}

TEST_CASE("base/address: nonsense is not an endpoint") {
  for (const char* text :
       {"", ":", "10.0.0.1", "10.0.0.1:", "10.0.0.1:65536", "::1:80", "[::1]", "a:b:c",
        "http://10.0.0.1:80", "10.0.0.256:1", "[10.0.0.1:1", "10.0.0.1:-1", "10.0.0.1%2:9"})
    CHECK_FALSE(parse_endpoint(text));
}

TEST_CASE("base/address: a scope belongs to a link-local address, and nothing follows a NUL") {
  CHECK_EQ(parse_ip("fe80::1%7")->scope, 7);
  for (const char* text : {"2001:db8::1%7", "::1%7", "::ffff:10.0.0.1%7", "::ffff:169.254.0.1%7"})
    CHECK_FALSE(parse_ip(text));
  CHECK_FALSE(parse_ip(std::string_view("10.0.0.1\0 and more", 17)));
  CHECK_FALSE(parse_endpoint(std::string_view("[::1\0x]:80", 11)));
}

TEST_CASE("base/address: a subnet contains what shares its prefix, across byte borders") {
  const Subnet subnet{IpAddress::v4(192, 168, 10, 0), 96 + 22};
  CHECK(subnet.contains(IpAddress::v4(192, 168, 11, 7)));
  CHECK_FALSE(subnet.contains(IpAddress::v4(192, 168, 12, 7)));
  CHECK_FALSE(subnet.contains(*parse_ip("fe80::1")));
}

TEST_CASE("base/address: the kinds of address are told apart") {
  CHECK(parse_ip("127.9.9.9")->is_loopback());
  CHECK(parse_ip("::1")->is_loopback());
  CHECK(parse_ip("fe80::1%2")->is_link_local());
  CHECK(parse_ip("169.254.1.1")->is_link_local());
  CHECK(parse_ip("0.0.0.0")->is_unspecified());
  CHECK(parse_ip("::")->is_unspecified());
  CHECK(parse_ip("ff02::1")->is_multicast());
  CHECK(parse_ip("239.192.1.1")->is_multicast());
}

TEST_CASE("base/locality: local is loopback, 169.254/16 and our subnets, but never a gateway") {
  Locality locality;
  const auto v4 = [](Byte a, Byte b, Byte c, Byte d) { return IpAddress::v4(a, b, c, d); };
  CHECK(locality.eligible(v4(127, 0, 0, 1)));
  CHECK(locality.eligible(v4(169, 254, 3, 3)));
  CHECK_FALSE(locality.eligible(v4(10, 0, 0, 5)));
  locality.set({{v4(10, 0, 0, 0), 120}}, {v4(10, 0, 0, 1)});
  CHECK(locality.eligible(v4(10, 0, 0, 5)));
  CHECK_FALSE(locality.eligible(v4(10, 0, 0, 1)));
  CHECK_FALSE(locality.eligible(v4(10, 0, 1, 5)));
}

TEST_CASE("base/locality: an IPv6 link-local address is local on the links that are ours only") {
  Locality locality;
  const auto on_link_2 = *parse_ip("fe80::5%2"), on_link_9 = *parse_ip("fe80::5%9");
  CHECK_FALSE(locality.eligible(on_link_2));
  locality.set({{*parse_ip("fe80::1%2"), 64}, {*parse_ip("10.0.0.0"), 120}},
               {*parse_ip("fe80::fe%2")});
  CHECK(locality.eligible(on_link_2));
  CHECK_FALSE(locality.eligible(on_link_9));
  CHECK_FALSE(locality.eligible(*parse_ip("fe80::5")));
  CHECK_FALSE(locality.eligible(*parse_ip("fe80::fe%2")));  // a gateway
}
