// Bytes: the words the whole house uses for raw memory, plus hex and little-endian helpers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kith {

using Byte = std::uint8_t;
using Bytes = std::vector<Byte>;
using ByteView = std::span<const Byte>;
using MutableBytes = std::span<Byte>;
template <std::size_t N>
using ByteArray = std::array<Byte, N>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const Byte*>(text.data()), text.size()};
}

inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline std::string to_text(ByteView bytes) { return std::string(as_text(bytes)); }

inline bool equal(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

inline void append(Bytes& out, ByteView more) { out.insert(out.end(), more.begin(), more.end()); }

// Integers at any alignment, little-endian as on the wire; the compiler turns the loop into one
// load or store.
template <class Int>
constexpr Int load_le(const Byte* from) {
  Int value = 0;
  for (std::size_t i = 0; i < sizeof(Int); ++i)
    value = static_cast<Int>(value | static_cast<Int>(static_cast<Int>(from[i]) << (8 * i)));
  return value;
}

template <class Int>
constexpr Int load_be(const Byte* from) {
  Int value = 0;
  for (std::size_t i = 0; i < sizeof(Int); ++i)
    value = static_cast<Int>(static_cast<Int>(value << 8) | from[i]);
  return value;
}

template <class Int>
constexpr void store_le(Byte* to, Int value) {
  for (std::size_t i = 0; i < sizeof(Int); ++i) to[i] = static_cast<Byte>(value >> (8 * i));
}

std::string to_hex(ByteView bytes);                   // lower case
std::optional<Bytes> from_hex(std::string_view hex);  // even length, hex digits only

}  // namespace kith
