// RetryBudget: how many resends this node allows itself, over all its requests. Without one, lost
// answers of an overloaded network bring more requests, and those more loss.
//
// Finagle's rule: a fifth of the first sends of the last ten seconds, and ten a second besides, so
// that a node with little to do resends as often as it needs. Whole numbers: a first send is worth
// one credit, a resend costs five. Credits and debts are forgotten after ten seconds, by the
// second.
#pragma once

#include <array>

#include "constants.hpp"
#include "kith/dht/dht.hpp"

namespace kith::dht {

class RetryBudget {
 public:
  explicit RetryBudget(const Tuning& tuning = {})
      : price_(tuning.retry_every), floor_(price_ * tuning.retry_floor * retry_memory.count()) {}

  void sent(Instant now);      // a request, for the first time
  bool withdraw(Instant now);  // whether one may be sent again now; then it is counted

 private:
  void forget_until(Instant now);

  std::int64_t price_, floor_;
  // The running second and those remembered before it.
  std::array<std::int64_t, retry_memory.count() + 1> seconds_{};
  std::int64_t balance_ = 0;  // their sum
  std::int64_t second_ = 0;   // the running one
};

}  // namespace kith::dht
