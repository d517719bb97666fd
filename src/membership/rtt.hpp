// Rtt: smoothed round trip and its variation [RFC 6298], the source of a peer's probe timeout.
#pragma once

#include <algorithm>
#include <optional>

#include "constants.hpp"

namespace kith::membership {

class Rtt {
 public:
  void sample(Duration measured) {
    if (smoothed_ < Duration{}) {
      smoothed_ = measured;
      variation_ = measured / 2;
      return;
    }
    const Duration error = measured > smoothed_ ? measured - smoothed_ : smoothed_ - measured;
    variation_ = (3 * variation_ + error) / 4;
    smoothed_ = (7 * smoothed_ + measured) / 8;
  }
  std::optional<Duration> smoothed() const {
    return smoothed_ < Duration{} ? std::nullopt : std::optional(smoothed_);
  }
  Duration timeout(Duration max) const {
    if (smoothed_ < Duration{}) return probe_timeout_unknown;
    return std::clamp(smoothed_ + 4 * variation_, probe_timeout_min, max);
  }

 private:
  Duration smoothed_{-1};  // less than zero: nothing measured yet
  Duration variation_{};
};

}  // namespace kith::membership
