#include "kith/base/dropped.hpp"

#include <array>

#include "kith/base/assert.hpp"

namespace kith {
namespace {

constexpr std::array<std::string_view, drop_reason_count> names{
    "unknown_frame", "malformed",     "unknown_session",    "bad_mac",
    "not_authentic", "replayed",      "replayed_handshake", "not_local",
    "wrong_network", "under_load",    "too_large",          "unknown_message",
    "unexpected",    "expired",       "bad_signature",      "not_member",
    "stale",         "limit_reached", "send_failed",        "own_message"};
static_assert(!names.back().empty(), "every reason has a name");

}  // namespace

std::string_view to_string(DropReason reason) {
  const auto index = static_cast<std::size_t>(reason);
  KITH_ASSERT(index < names.size());
  return names[index];
}

}  // namespace kith
