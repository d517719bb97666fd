#include "kith/base/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace kith {
namespace {

constexpr ByteArray<12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

template <class Int>
std::optional<Int> parse_number(std::string_view text) {
  Int value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

IpAddress IpAddress::v4(Byte a, Byte b, Byte c, Byte d) {
  IpAddress ip;
  std::copy(mapped_prefix.begin(), mapped_prefix.end(), ip.bytes.begin());
  ip.bytes[12] = a;
  ip.bytes[13] = b;
  ip.bytes[14] = c;
  ip.bytes[15] = d;
  return ip;
}

bool IpAddress::is_v4() const {
  return std::equal(mapped_prefix.begin(), mapped_prefix.end(), bytes.begin());
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes[12] == 127;
  IpAddress one;
  one.bytes[15] = 1;
  return bytes == one.bytes;
}

bool IpAddress::is_link_local() const {
  if (is_v4()) return bytes[12] == 169 && bytes[13] == 254;
  return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

bool IpAddress::is_unspecified() const {
  return bytes == ByteArray<16>{} || bytes == v4(0, 0, 0, 0).bytes;
}

bool IpAddress::is_multicast() const {
  if (is_v4()) return (bytes[12] & 0xf0) == 0xe0 || bytes == v4(255, 255, 255, 255).bytes;
  return bytes[0] == 0xff;
}

bool Subnet::contains(const IpAddress& other) const {
  const auto whole = static_cast<std::size_t>(prefix / 8);
  if (!std::equal(ip.bytes.begin(), ip.bytes.begin() + static_cast<std::ptrdiff_t>(whole),
                  other.bytes.begin()))
    return false;
  const int rest = prefix % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<Byte>(0xff << (8 - rest));
  return (ip.bytes[whole] & mask) == (other.bytes[whole] & mask);
}

std::string to_string(const IpAddress& ip) {
  char text[INET6_ADDRSTRLEN];
  if (ip.is_v4()) {
    ::inet_ntop(AF_INET, ip.bytes.data() + 12, text, sizeof text);
    return text;
  }
  ::inet_ntop(AF_INET6, ip.bytes.data(), text, sizeof text);
  std::string out = text;
  if (ip.scope != 0) out += "%" + std::to_string(ip.scope);
  return out;
}

std::string to_string(const Endpoint& endpoint) {
  const std::string ip = to_string(endpoint.ip);
  const std::string port = std::to_string(endpoint.port);
  return endpoint.ip.is_v4() ? ip + ":" + port : "[" + ip + "]:" + port;
}

std::optional<IpAddress> parse_ip(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return std::nullopt;  // inet_pton would stop there
  IpAddress ip;
  const auto percent = text.find('%');
  const std::string host(text.substr(0, percent));
  if (percent == std::string_view::npos) {
    ByteArray<4> four{};
    if (::inet_pton(AF_INET, host.c_str(), four.data()) == 1)
      return IpAddress::v4(four[0], four[1], four[2], four[3]);
  } else {
    const auto scope = parse_number<std::uint32_t>(text.substr(percent + 1));
    if (!scope) return std::nullopt;
    ip.scope = *scope;
  }
  if (::inet_pton(AF_INET6, host.c_str(), ip.bytes.data()) != 1) return std::nullopt;
  if (ip.scope != 0 && (ip.is_v4() || !ip.is_link_local())) return std::nullopt;
  return ip;
}

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && host.find(':') != std::string_view::npos) return std::nullopt;
  const auto ip = parse_ip(host);
  const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
  if (!ip || !port) return std::nullopt;
  return Endpoint{*ip, *port};
}

}  // namespace kith
