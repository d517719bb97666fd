// ReplayWindow: which counters of the last 8192 were seen, as a ring of words [RFC 6479]. Moving
// the window clears whole words instead of shifting bits, which costs one word (64) of its width.
//
// Words come when a counter first reaches them: of the sessions of a large network most carry a few
// packets and would hold a kilobyte of zeros each.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace kith::session {

class ReplayWindow {
 public:
  static constexpr std::uint64_t bits = 8192;
  static constexpr std::uint64_t words = bits / 64;
  static constexpr std::uint64_t usable = bits - 64;

  // True once for each counter; false when it was seen or is older than the window.
  // Ask only after the packet has proven authentic, or anyone could move the window.
  bool accept(std::uint64_t counter) {
    if (counter + usable < next_) return false;
    if (counter >= next_) advance(counter);
    const std::uint64_t mask = 1ull << (counter % 64);
    std::uint64_t& word = words_[(counter / 64) % words_.size()];
    if (word & mask) return false;
    word |= mask;
    return true;
  }
  // Of all accepted counters this is the greatest.
  bool newest(std::uint64_t counter) const { return counter + 1 == next_; }

 private:
  static_assert(std::has_single_bit(words));
  void advance(std::uint64_t counter) {
    // Until it is whole the ring has not come round, so no word changes its place.
    if (const std::uint64_t needed = std::min(counter / 64 + 1, words); needed > words_.size())
      words_.resize(std::bit_ceil(needed));
    const std::uint64_t from = next_ == 0 ? 0 : (next_ - 1) / 64;
    const std::uint64_t steps = std::min<std::uint64_t>(counter / 64 - from, words_.size());
    for (std::uint64_t i = 1; i <= steps; ++i) words_[(from + i) % words_.size()] = 0;
    next_ = counter + 1;
  }

  std::uint64_t next_ = 0;  // greatest seen + 1
  std::vector<std::uint64_t> words_;
};

}  // namespace kith::session
