// Clocks: what the wall clocks of the members we ask say, so that a board without a clock battery
// knows the time. The median of at least three wins when it is more than a minute from our own.
//
// Kept against our monotonic clock, so a correction outlives a change of our own wall clock, and
// ends by itself once somebody sets it right. Stamps are raw clocks, never corrected ones: a
// network agrees on what most of its clocks say and cannot talk itself away from it.
#pragma once

#include <algorithm>
#include <vector>

#include "constants.hpp"
#include "kith/base/bounded.hpp"
#include "kith/base/ids.hpp"

namespace kith::membership {

class Clocks {
 public:
  // A member said `wall` in an answer that arrived now.
  void sample(const NodeId& member, UnixMillis wall, Instant now) {
    if (wall.value < build_date_ms || wall.value > clock_max_ms) return;
    samples_.put(member, {wall.value - to_millis(now - Instant{}), now});
    std::vector<std::int64_t> epochs;
    samples_.each([&](const Sample& sample) {
      if (now - sample.at <= clock_sample_life) epochs.push_back(sample.epoch);
    });
    median_.reset();
    if (epochs.size() < clock_samples_min) return;
    const auto middle = epochs.begin() + static_cast<std::ptrdiff_t>((epochs.size() - 1) / 2);
    std::nth_element(epochs.begin(), middle, epochs.end());
    median_ = *middle;
  }

  bool known() const { return median_.has_value(); }  // so many have told us the time

  UnixMillis corrected(Now now) const {
    const std::int64_t own = std::max(now.wall.value, build_date_ms);
    if (!median_) return {own};
    const std::int64_t theirs = *median_ + to_millis(now.mono - Instant{});
    const std::int64_t off = theirs > own ? theirs - own : own - theirs;
    return {off > to_millis(clock_off_max) ? theirs : own};
  }

 private:
  struct Sample {
    std::int64_t epoch;  // Unix ms at our monotonic zero, by that member's clock
    Instant at;
  };
  LruMap<NodeId, Sample> samples_{clock_samples_limit};
  std::optional<std::int64_t> median_;
};

}  // namespace kith::membership
