// Input: the fuzzer's bytes as a stream of decisions. Total: past the end everything is zero, so
// every prefix of an input is an input. Script writes such a stream, for seeds.
#pragma once

#include <algorithm>

#include "kith/base/bytes.hpp"
#include "kith/base/ids.hpp"
#include "kith/base/time.hpp"

namespace kith::fuzz {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}

  bool empty() const { return rest_.empty(); }
  ByteView rest() const { return rest_; }

  template <class Int>
  Int integer() {
    ByteArray<sizeof(Int)> raw{};
    const ByteView taken = take(sizeof(Int));
    std::copy(taken.begin(), taken.end(), raw.begin());
    return load_le<Int>(raw.data());
  }
  std::uint8_t u8() { return integer<std::uint8_t>(); }
  std::uint16_t u16() { return integer<std::uint16_t>(); }
  std::uint32_t u32() { return integer<std::uint32_t>(); }
  std::uint64_t u64() { return integer<std::uint64_t>(); }
  bool flip() { return (u8() & 1) != 0; }

  // In [0, limit); limit <= 256.
  std::size_t below(std::size_t limit) { return u8() % limit; }
  ByteView take(std::size_t size) {  // fewer at the end
    const ByteView taken = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  ByteView chunk() { return take(u8()); }
  ByteView long_chunk() { return take(u16()); }
  template <std::size_t N>
  ByteArray<N> array() {
    ByteArray<N> out{};
    const ByteView taken = take(N);
    std::copy(taken.begin(), taken.end(), out.begin());
    return out;
  }
  // Up to half a minute, finest where timers are close together.
  Duration pause() {
    const std::uint8_t raw = u8();
    return microseconds(std::int64_t{1 + (raw & 0x0f)} << (6 + (raw >> 4)));
  }

 private:
  ByteView rest_;
};

class Script {
 public:
  template <class Int>
  Script& integer(Int value) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof(Int));
    store_le<Int>(bytes_.data() + at, value);
    return *this;
  }
  Script& u8(std::size_t value) { return integer(static_cast<std::uint8_t>(value)); }
  Script& u16(std::size_t value) { return integer(static_cast<std::uint16_t>(value)); }
  Script& u64(std::uint64_t value) { return integer(value); }
  Script& raw(ByteView view) {
    append(bytes_, view);
    return *this;
  }
  Script& chunk(ByteView view) { return u8(view.size()).raw(view); }
  Script& long_chunk(ByteView view) { return u16(view.size()).raw(view); }
  operator Bytes() const { return bytes_; }  // NOLINT: a script is its bytes

 private:
  Bytes bytes_;
};

}  // namespace kith::fuzz
