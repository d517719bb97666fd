// Health: Lifeguard's local health score [IV.A]: how much we distrust ourselves, 0 best. Probe
// interval and timeouts are multiplied by score + 1.
//
// Difference: a failed probe whose helpers all answered nack says nothing against us, as in
// memberlist and unlike the paper; a dead neighbour must not slow its observers down.
#pragma once

#include <algorithm>

#include "constants.hpp"

namespace kith::membership {

class Health {
 public:
  void better() { add(-1); }           // a probe was answered
  void worse(int by = 1) { add(by); }  // missed nacks, a refutation, loop lag
  int score() const { return score_; }
  Duration scaled(Duration base) const { return base * (score_ + 1); }

 private:
  void add(int by) { score_ = std::clamp(score_ + by, 0, health_max); }
  int score_ = 0;
};

}  // namespace kith::membership
