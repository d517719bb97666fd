// Addresses: one 16-byte form for IPv4 (mapped) and IPv6, with the scope a link-local one needs.
#pragma once

#include <compare>

#include "kith/base/bytes.hpp"

namespace kith {

struct IpAddress {
  ByteArray<16> bytes{};    // IPv4 as ::ffff:a.b.c.d
  std::uint32_t scope = 0;  // interface index, only for fe80::/10

  auto operator<=>(const IpAddress&) const = default;
  bool is_v4() const;
  bool is_loopback() const;
  bool is_link_local() const;
  bool is_unspecified() const;  // 0.0.0.0 or ::
  bool is_multicast() const;    // also 255.255.255.255
  static IpAddress v4(Byte a, Byte b, Byte c, Byte d);
  static IpAddress v6_any() { return {}; }
};

struct Endpoint {
  IpAddress ip;
  std::uint16_t port = 0;
  auto operator<=>(const Endpoint&) const = default;
};

// A subnet as configured on an interface: `contains` compares the first `prefix` bits.
struct Subnet {
  IpAddress ip;
  int prefix = 128;  // counted in the 16-byte form: an IPv4 /24 is 120
  bool contains(const IpAddress& other) const;
  auto operator<=>(const Subnet&) const = default;
};

std::string to_string(const IpAddress& ip);       // "10.0.0.1", "fe80::1%3"
std::string to_string(const Endpoint& endpoint);  // "10.0.0.1:4747", "[fe80::1%3]:4747"
std::optional<IpAddress> parse_ip(std::string_view text);
std::optional<Endpoint> parse_endpoint(std::string_view text);  // IP:PORT, v6 in brackets

}  // namespace kith
