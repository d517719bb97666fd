// Stamps: the time that accusations are dated by and `synced` is compared with. Who published
// `synced` past the stamp of a death has looked since, so a new stamp must be later than all that
// was published before, whatever the wall clocks say: it goes by the wall clock, or by the stamp
// furthest ahead that was ever seen, whichever is later [hybrid logical clocks, Kulkarni 2014].
//
// Unlike there it ticks on from a stamp that was ahead. So the network goes by one clock, and
// "heard since" can be told by it; a clock that is set back, or wrong, moves it forward at most.
#pragma once

#include <algorithm>

#include "constants.hpp"
#include "kith/base/time.hpp"

namespace kith::membership {

class Stamps {
 public:
  void see(UnixMillis stamp, Instant now) {
    if (stamp.value <= stamp_max_ms)
      epoch_ = std::max(epoch_, stamp.value - to_millis(now - Instant{}));
  }
  // Later than all that were seen or made.
  UnixMillis next(Now now, UnixMillis wall) {
    const UnixMillis stamp{at(now.mono, now, wall).value + 1};
    see(stamp, now.mono);
    return stamp;
  }
  // What a stamp of that moment would have said.
  UnixMillis at(Instant when, Now now, UnixMillis wall) const {
    const std::int64_t ours = wall.value - to_millis(now.mono - Instant{});
    return {std::max(ours, epoch_) + to_millis(when - Instant{})};
  }

 private:
  std::int64_t epoch_ = 0;  // Unix ms at our monotonic zero, by the clock furthest ahead
};

}  // namespace kith::membership
