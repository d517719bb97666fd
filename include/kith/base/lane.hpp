// Lane: which queue a message waits in. Membership first, so a probe never waits behind a value.
#pragma once

#include <cstdint>

namespace kith {

enum class Lane : std::uint8_t { membership = 0, data = 1, repair = 2 };
inline constexpr std::uint8_t lane_count = 3;

enum class Mode : std::uint8_t { lan = 0, private_ = 1, public_ = 2 };

}  // namespace kith
