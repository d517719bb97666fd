// Nibbles: a key read as 64 digits of 4 bits, high half of each byte first.
#pragma once

#include <algorithm>

#include "kith/base/assert.hpp"
#include "kith/reconcile/reconcile.hpp"

namespace kith::reconcile {

inline constexpr std::uint8_t nibbles_in_key = 64;

inline std::size_t nibble(const Key& key, std::uint8_t at) {
  const Byte byte = key[at / 2u];
  return at % 2 == 0 ? byte >> 4 : byte & 0x0f;
}

inline Key masked(Key prefix, std::uint8_t depth) {
  if (depth >= nibbles_in_key) return prefix;
  if (depth % 2 == 1) prefix[depth / 2u] &= 0xf0;
  std::fill(prefix.begin() + (depth + 1) / 2, prefix.end(), Byte{0});
  return prefix;
}

inline bool has_prefix(const Key& key, std::uint8_t depth, const Key& prefix) {
  if (depth >= nibbles_in_key) return key == prefix;
  if (std::memcmp(key.data(), prefix.data(), depth / 2u) != 0) return false;
  return depth % 2 == 0 || key[depth / 2u] >> 4 == prefix[depth / 2u] >> 4;
}

// The child of a range: one nibble more. Precondition: depth < nibbles_in_key.
inline Key child_prefix(Key prefix, std::uint8_t depth, std::size_t digit) {
  Byte& byte = prefix[depth / 2u];
  byte = static_cast<Byte>(depth % 2 == 0 ? digit << 4 : (byte & 0xf0) | digit);
  return prefix;
}

}  // namespace kith::reconcile
