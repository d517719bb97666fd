#include "retry_budget.hpp"

#include <algorithm>

namespace kith::dht {

void RetryBudget::forget_until(Instant now) {
  const auto second = std::chrono::floor<seconds>(now.time_since_epoch()).count();
  const auto slots = static_cast<std::int64_t>(seconds_.size());
  const std::int64_t passed = std::clamp<std::int64_t>(second - second_, 0, slots);
  for (std::int64_t i = 0; i < passed; ++i) {
    std::int64_t& oldest = seconds_[static_cast<std::size_t>((second - i) % slots)];
    balance_ -= oldest;
    oldest = 0;
  }
  second_ = std::max(second_, second);
}

void RetryBudget::sent(Instant now) {
  forget_until(now);
  ++seconds_[static_cast<std::size_t>(second_) % seconds_.size()];
  ++balance_;
}

bool RetryBudget::withdraw(Instant now) {
  forget_until(now);
  if (balance_ + floor_ < price_) return false;
  seconds_[static_cast<std::size_t>(second_) % seconds_.size()] -= price_;
  balance_ -= price_;
  return true;
}

}  // namespace kith::dht
