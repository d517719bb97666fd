// Chance: fates as a pure function of what they befall, so that nothing shifts when an event is
// taken out of a scenario. splitmix64's finisher [Steele 2014] over the words, one by one.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "kith/base/time.hpp"
#include "kith/sim/scenario.hpp"

namespace kith::sim {

inline constexpr Instant beginning{seconds(1000)};  // of every world, on its monotonic axis

enum class Concern : std::uint64_t {  // separate streams: one fault never moves another
  latency = 1,
  loss,
  duplicate,
  replay,
  replay_delay,
  reorder,
  reorder_delay,
  corrupt,
  corrupt_place,
  truncate,
  truncate_place,
  disk,
  disk_busy,
  crash,
  rot,
  identity,
  node,
  secret,
  boot,
  job,
  lie,
  tomorrow,
  load,
  skip,
  receipt,
};

constexpr std::uint64_t mixed(std::uint64_t word) {
  word += 0x9e3779b97f4a7c15ull;
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ull;
  word = (word ^ (word >> 27)) * 0x94d049bb133111ebull;
  return word ^ (word >> 31);
}

class Chance {
 public:
  explicit Chance(std::uint64_t salt) : salt_(mixed(salt)) {}

  std::uint64_t word(Concern concern, std::initializer_list<std::uint64_t> of) const {
    std::uint64_t state = salt_ ^ mixed(static_cast<std::uint64_t>(concern));
    for (const std::uint64_t part : of) state = mixed(state ^ part);
    return state;
  }
  std::uint64_t below(std::uint64_t limit, Concern concern,
                      std::initializer_list<std::uint64_t> of) const {
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(word(concern, of)) * limit) >>
                                      64);
  }
  bool per_mille(std::int64_t amount, Concern concern,
                 std::initializer_list<std::uint64_t> of) const {
    return amount > 0 && below(1000, concern, of) < static_cast<std::uint64_t>(amount);
  }
  Duration between(Duration low, Duration high, Concern concern,
                   std::initializer_list<std::uint64_t> of) const {
    const auto width = static_cast<std::uint64_t>((high - low).count()) + 1;
    return low + Duration(static_cast<std::int64_t>(below(width, concern, of)));
  }
  Duration of(const Spread& spread, Concern concern,
              std::initializer_list<std::uint64_t> of) const {
    const unsigned __int128 place =
        static_cast<unsigned __int128>(word(concern, of)) * (spread.points.size() - 1);
    const auto low = spread.points.begin() + static_cast<std::ptrdiff_t>(place >> 64);
    const auto width = static_cast<std::uint64_t>((low[1] - low[0]).count()) + 1;
    const auto within = static_cast<unsigned __int128>(static_cast<std::uint64_t>(place)) * width;
    return low[0] + Duration(static_cast<std::int64_t>(within >> 64));
  }

 private:
  std::uint64_t salt_;
};

}  // namespace kith::sim
