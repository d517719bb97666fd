// Mutations that the fuzzer spells out, of bytes it could never guess: cut, grow, overwrite, flip.
#pragma once

#include "input.hpp"

namespace kith::fuzz {

inline constexpr std::size_t grown_limit = 2048;

inline Bytes mutated(Bytes bytes, Input& in) {
  for (std::size_t left = in.below(5); left > 0; --left) {
    const std::size_t what = in.below(4);
    const std::size_t at = bytes.empty() ? 0 : in.u16() % bytes.size();
    if (what == 0) {
      bytes.resize(at);
    } else if (what == 1) {
      const ByteView more = in.chunk();
      if (bytes.size() + more.size() <= grown_limit) append(bytes, more);
    } else if (what == 2) {
      const ByteView patch = in.take(std::min<std::size_t>(in.below(32), bytes.size() - at));
      std::copy(patch.begin(), patch.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
    } else if (!bytes.empty()) {
      bytes[at] ^= static_cast<Byte>(1u << in.below(8));
    }
  }
  return bytes;
}

// Seeds for it: unchanged, cut by one, one byte longer, one bit flipped here and there.
inline std::vector<Bytes> mutations() {
  std::vector<Bytes> seeds{Bytes{0}, Script().u8(1).u8(1).u16(0).chunk(Bytes{7})};
  for (const std::size_t at : {0u, 1u, 4u, 5u, 40u, 80u, 120u, 190u, 210u})
    seeds.push_back(Script().u8(1).u8(3).u16(at).u8(7));
  for (const std::size_t size : {18u, 92u, 216u}) seeds.push_back(Script().u8(1).u8(0).u16(size));
  return seeds;
}

}  // namespace kith::fuzz
