// Cursor and appenders: the fixed layouts of this room, little-endian, checked once for length by
// the caller. (wire/codec is the message encoding; frames are below it.)
#pragma once

#include "kith/base/assert.hpp"
#include "kith/base/ids.hpp"

namespace kith::session {

// Precondition of every call: enough bytes are left.
class Cursor {
 public:
  explicit Cursor(ByteView bytes) : rest_(bytes) {}
  ByteView bytes(std::size_t size) {
    KITH_ASSERT(size <= rest_.size());
    const ByteView taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  template <class Int>
  Int integer() {
    return load_le<Int>(bytes(sizeof(Int)).data());
  }
  template <std::size_t N>
  ByteArray<N> array() {
    ByteArray<N> out;
    std::memcpy(out.data(), bytes(N).data(), N);
    return out;
  }
  template <class IdType>
  IdType id() {
    return IdType::from(bytes(IdType::size));
  }
  ByteView rest() const { return rest_; }

 private:
  ByteView rest_;
};

template <class Int>
void append_integer(Bytes& out, Int value) {
  const std::size_t at = out.size();
  out.resize(at + sizeof(Int));
  store_le<Int>(out.data() + at, value);
}

}  // namespace kith::session
