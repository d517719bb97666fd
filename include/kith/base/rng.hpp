// Rng: the core's only source of chance (shuffles, jitter, request ids); never for keys.
// xoshiro256** seeded by splitmix64 [Blackman, Vigna 2018]: own code because the standard
// distributions differ between libraries and the trace must not.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include "kith/base/time.hpp"

namespace kith {

class Rng {
 public:
  explicit Rng(std::uint64_t seed);

  std::uint64_t next();
  std::uint64_t below(std::uint64_t limit);         // uniform in [0, limit); limit > 0
  Duration between(Duration low, Duration high);    // uniform in [low, high]
  bool chance(std::uint64_t of, std::uint64_t in);  // true with probability of/in
  Rng fork();                                       // an independent child stream

  template <class T>
  void shuffle(std::span<T> items) {
    for (std::size_t i = items.size(); i > 1; --i) {
      const std::uint64_t j = below(i);
      std::swap(items[i - 1], items[j]);
    }
  }

 private:
  std::array<std::uint64_t, 4> state_;
};

}  // namespace kith
