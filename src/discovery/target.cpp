#include <charconv>

#include "constants.hpp"
#include "kith/discovery/discovery.hpp"

namespace kith::discovery {
namespace {

bool valid_host(std::string_view host) {
  if (host.empty() || host.size() > 253) return false;
  for (const char c : host) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && c != '-' && c != '.' && c != '_' && c != ':' && c != '%') return false;
  }
  return true;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

}  // namespace

std::string_view to_string(TargetError error) {
  switch (error) {
    case TargetError::empty:
      return "it is empty";
    case TargetError::bad_key:
      return "the part before @ is not a node's public key (52 characters of z-base-32)";
    case TargetError::bad_port:
      return "the port is not a number from 1 to 65535";
    case TargetError::bad_host:
      return "the host is neither a name nor an address (IPv6 goes in brackets)";
  }
  return "?";
}

Result<Target, TargetError> parse_target(std::string_view text) {
  if (text.empty()) return fail(TargetError::empty);
  Target target;
  target.text = std::string(text);
  target.port = default_port;
  if (const auto at = text.find('@'); at != std::string_view::npos) {
    const auto key = from_zbase32(text.substr(0, at));
    if (!key || key->size() != PublicKey::size) return fail(TargetError::bad_key);
    target.pin = PublicKey::from(*key);
    text.remove_prefix(at + 1);
  }
  std::string_view host = text, port;
  if (!text.empty() && text.front() == '[') {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return fail(TargetError::bad_host);
    host = text.substr(1, close - 1);
    const std::string_view rest = text.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') return fail(TargetError::bad_host);
    if (!rest.empty()) port = rest.substr(1);
    if (!rest.empty() && port.empty()) return fail(TargetError::bad_port);
    if (!parse_ip(host)) return fail(TargetError::bad_host);
  } else if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    if (text.find(':', colon + 1) != std::string_view::npos) return fail(TargetError::bad_host);
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port.empty()) return fail(TargetError::bad_port);
  }
  if (!valid_host(host)) return fail(TargetError::bad_host);
  if (!port.empty()) {
    const auto number = parse_port(port);
    if (!number) return fail(TargetError::bad_port);
    target.port = *number;
  }
  target.host = std::string(host);
  return target;
}

bool beats(const Lan& a, const Lan& b) {
  if (a.holds_records != b.holds_records) return a.holds_records;
  return a.id < b.id;
}

}  // namespace kith::discovery
