// The node's own numbers, with unit and reason.
#pragma once

#include "kith/base/bytes.hpp"
#include "kith/base/time.hpp"

namespace kith::node {

inline constexpr Byte beacon_first_byte = 0x07;        // discovery's beacon, see PROTOCOL.md
inline constexpr Duration save_interval = minutes(1);  // peer cache and last-seen time
inline constexpr Duration save_soon = seconds(2);  // ... and after a change: a power cut may follow
inline constexpr Duration drain_limit = seconds(60);    // `leave` hands over at most this long
inline constexpr Duration announce_limit = seconds(1);  // SIGTERM must end within 5 s

}  // namespace kith::node
