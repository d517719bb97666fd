// Reader and Writer: the canonical encoding's two hands. Fixed-width little-endian integers,
// length-prefixed bytes, bounds checked before any allocation, no trailing bytes.
#pragma once

#include <type_traits>

#include "kith/base/buffer.hpp"
#include "kith/base/bytes.hpp"
#include "kith/base/ids.hpp"

namespace kith::wire {

// Total: reading past the end yields zeros and sets failed(); check it once at the end.
class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_(bytes) {}

  template <class Int>
  Int integer() {
    if (!need(sizeof(Int))) return Int{};
    const Int value = load_le<Int>(rest_.data());
    rest_ = rest_.subspan(sizeof(Int));
    return value;
  }
  std::uint8_t u8() { return integer<std::uint8_t>(); }
  std::uint16_t u16() { return integer<std::uint16_t>(); }
  std::uint32_t u32() { return integer<std::uint32_t>(); }
  std::uint64_t u64() { return integer<std::uint64_t>(); }
  std::uint64_t u48();

  ByteView bytes(std::size_t size);         // exactly size
  ByteView short_bytes(std::size_t limit);  // u16 length, at most limit
  template <class IdType>
  IdType id() {
    const ByteView raw = bytes(IdType::size);
    return raw.empty() ? IdType{} : IdType::from(raw);
  }
  template <std::size_t N>
  ByteArray<N> array() {
    ByteArray<N> out{};
    const ByteView raw = bytes(N);
    if (!raw.empty()) std::memcpy(out.data(), raw.data(), N);
    return out;
  }

  ByteView rest() const { return rest_; }
  void refuse() { failed_ = true; }
  bool failed() const { return failed_; }
  bool done() const { return !failed_ && rest_.empty(); }  // all read, nothing left over

 private:
  bool need(std::size_t size);
  ByteView rest_;
  bool failed_ = false;
};

class Writer {
 public:
  template <class Int>
  Writer& integer(Int value) {
    const std::size_t at = out_.size();
    out_.resize(at + sizeof(Int));
    store_le<Int>(out_.data() + at, value);
    return *this;
  }
  Writer& u8(std::uint8_t value) { return integer(value); }
  Writer& u16(std::uint16_t value) { return integer(value); }
  Writer& u32(std::uint32_t value) { return integer(value); }
  Writer& u64(std::uint64_t value) { return integer(value); }
  Writer& u48(std::uint64_t value);
  Writer& bytes(ByteView value);        // no length
  Writer& short_bytes(ByteView value);  // u16 length; precondition: size < 65536
  template <class Tag, std::size_t N>
  Writer& id(const Id<Tag, N>& value) {
    return bytes(value.view());
  }

  std::size_t size() const { return out_.size(); }
  ByteView view() const { return out_; }
  Bytes take() { return std::move(out_); }
  Buffer buffer() const { return Buffer(out_); }

 private:
  Bytes out_;
};

}  // namespace kith::wire
