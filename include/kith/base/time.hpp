// Time as a value: the core never asks what time it is, it is told.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>

namespace kith {

using Duration = std::chrono::microseconds;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// The monotonic axis (CLOCK_BOOTTIME in the daemon, a counter in the simulator). It has no now().
struct MonoAxis {
  using rep = std::int64_t;
  using period = std::micro;
  using duration = Duration;
  using time_point = std::chrono::time_point<MonoAxis, Duration>;
  static constexpr bool is_steady = true;
};
using Instant = MonoAxis::time_point;

// Milliseconds since the Unix epoch, as the local wall clock says; may jump in either direction.
struct UnixMillis {
  std::int64_t value = 0;
  auto operator<=>(const UnixMillis&) const = default;
};

struct Now {
  Instant mono;
  UnixMillis wall;
};

// RFC 3339 UTC with milliseconds: "2026-01-02T03:04:05.678Z".
std::string to_rfc3339(UnixMillis wall);

inline std::int64_t to_millis(Duration d) {
  return std::chrono::duration_cast<milliseconds>(d).count();
}

}  // namespace kith
