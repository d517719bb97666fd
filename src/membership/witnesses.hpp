// Witnesses: the peers heard most recently. The evidence gate asks "how many others have we heard
// since?"; its answer never needs more than gate_max, so sixteen names are enough.
#pragma once

#include <algorithm>
#include <vector>

#include "kith/base/ids.hpp"
#include "kith/base/time.hpp"

namespace kith::membership {

class Witnesses {
 public:
  void heard(const NodeId& peer, Instant now) {
    const auto it = std::find_if(recent_.begin(), recent_.end(),
                                 [&](const Heard& h) { return h.peer == peer; });
    if (it != recent_.end())
      std::rotate(recent_.begin(), it, it + 1);
    else
      recent_.insert(recent_.begin(), Heard{peer, now});
    recent_.front().when = now;
    if (recent_.size() > limit) recent_.pop_back();
  }

  template <class Counts>
  std::size_t since(Instant start, Counts&& counts) const {
    return static_cast<std::size_t>(
        std::count_if(recent_.begin(), recent_.end(),
                      [&](const Heard& h) { return h.when > start && counts(h.peer); }));
  }

 private:
  static constexpr std::size_t limit = 16;
  struct Heard {
    NodeId peer;
    Instant when;
  };
  std::vector<Heard> recent_;  // latest first
};

}  // namespace kith::membership
