#include "kith/base/rng.hpp"

#include <bit>

#include "kith/base/assert.hpp"

namespace kith {
namespace {

std::uint64_t splitmix64(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15ull;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

}  // namespace

Rng::Rng(std::uint64_t seed) {
  for (std::uint64_t& word : state_) word = splitmix64(seed);
}

std::uint64_t Rng::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t Rng::below(std::uint64_t limit) {
  KITH_ASSERT(limit > 0);
  // Rejection keeps it uniform: values below `threshold` would be drawn once too often.
  const std::uint64_t threshold = (0 - limit) % limit;
  for (;;) {
    const std::uint64_t draw = next();
    if (draw >= threshold) return draw % limit;
  }
}

Duration Rng::between(Duration low, Duration high) {
  KITH_ASSERT(low <= high);
  const auto span = static_cast<std::uint64_t>((high - low).count()) + 1;
  const std::uint64_t drawn = below(span);
  return low + Duration(static_cast<std::int64_t>(drawn));
}

bool Rng::chance(std::uint64_t of, std::uint64_t in) { return below(in) < of; }

Rng Rng::fork() { return Rng(next()); }

}  // namespace kith
