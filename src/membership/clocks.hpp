// Clocks: what the wall clocks of the members we ask say, so that a board without a clock battery
// knows the time. The median of at least three, our own among them as for everybody else, wins when
// it is more than a minute from our own.
//
// Kept against our monotonic clock, so a correction outlives a change of our own wall clock, and
// ends by itself once somebody sets it right. An answer carries a raw clock, never a corrected one:
// a network agrees on what most of its clocks say and cannot talk itself away from it.
#pragma once

#include <algorithm>
#include <vector>

#include "constants.hpp"
#include "kith/base/ids.hpp"

namespace kith::membership {

class Clocks {
 public:
  // A member said `wall` in an answer that arrived now.
  void sample(const NodeId& member, UnixMillis wall, Instant now) {
    if (wall.value < build_date_ms || wall.value > clock_max_ms) return;
    std::erase_if(samples_, [&](const Sample& sample) {
      return sample.member == member || now - sample.at > clock_sample_life;
    });
    if (samples_.size() == clock_samples_limit) samples_.erase(samples_.begin());
    samples_.push_back({member, wall.value - to_millis(now - Instant{}), now});
    epochs_.clear();
    for (const Sample& sample : samples_) epochs_.push_back(sample.epoch);
    std::sort(epochs_.begin(), epochs_.end());
  }

  UnixMillis corrected(Now now) const {
    const std::int64_t own = std::max(now.wall.value, build_date_ms);
    if (epochs_.size() + 1 < clock_samples_min) return {own};
    const std::int64_t uptime = to_millis(now.mono - Instant{});
    const std::int64_t theirs = median(own - uptime) + uptime;
    const std::int64_t off = theirs > own ? theirs - own : own - theirs;
    return {off > to_millis(clock_off_max) ? theirs : own};
  }

 private:
  struct Sample {
    NodeId member;
    std::int64_t epoch;  // Unix ms at our monotonic zero, by that member's clock
    Instant at;
  };
  // The lower one of all epochs and ours.
  std::int64_t median(std::int64_t own) const {
    const std::size_t middle = epochs_.size() / 2;
    const std::size_t below = static_cast<std::size_t>(
        std::lower_bound(epochs_.begin(), epochs_.end(), own) - epochs_.begin());
    if (below == middle) return own;
    return below < middle ? epochs_[middle - 1] : epochs_[middle];
  }

  std::vector<Sample> samples_;       // oldest first, one a member
  std::vector<std::int64_t> epochs_;  // of the samples that live, in order
};

}  // namespace kith::membership
