#include "kith/wire/codec.hpp"

#include "kith/base/assert.hpp"

namespace kith::wire {

bool Reader::need(std::size_t size) {
  if (failed_ || rest_.size() < size) {
    failed_ = true;
    return false;
  }
  return true;
}

std::uint64_t Reader::u48() {
  if (!need(6)) return 0;
  ByteArray<8> wide{};
  std::memcpy(wide.data(), rest_.data(), 6);
  rest_ = rest_.subspan(6);
  return load_le<std::uint64_t>(wide.data());
}

ByteView Reader::bytes(std::size_t size) {
  if (!need(size)) return {};
  const ByteView taken = rest_.first(size);
  rest_ = rest_.subspan(size);
  return taken;
}

ByteView Reader::short_bytes(std::size_t limit) {
  const std::size_t size = u16();
  if (size > limit) {
    failed_ = true;
    return {};
  }
  return bytes(size);
}

Writer& Writer::u48(std::uint64_t value) {
  ByteArray<8> wide{};
  store_le<std::uint64_t>(wide.data(), value);
  return bytes(ByteView(wide).first(6));
}

Writer& Writer::bytes(ByteView value) {
  append(out_, value);
  return *this;
}

Writer& Writer::short_bytes(ByteView value) {
  KITH_ASSERT(value.size() < 65536);
  u16(static_cast<std::uint16_t>(value.size()));
  return bytes(value);
}

}  // namespace kith::wire
