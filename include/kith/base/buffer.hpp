// Buffer: an immutable, reference-counted slice of bytes, cheap to hand from machine to machine.
// 16 bytes, one allocation a block; the count is atomic because buffers cross to the disk thread.
#pragma once

#include <atomic>
#include <utility>

#include "kith/base/bytes.hpp"

namespace kith {

class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(ByteView copied);
  Buffer(const Buffer& other);
  Buffer(Buffer&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)),
        offset_(std::exchange(other.offset_, 0)),
        size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer other) noexcept {
    swap(other);
    return *this;
  }
  ~Buffer() { release(); }

  // A fresh block whose bytes are not yet written; fill it through writable().
  static Buffer allocate(std::size_t size);

  // Precondition: the only reference to its block.
  MutableBytes writable();

  ByteView view() const { return {data(), size_}; }
  const Byte* data() const;
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // Precondition: offset + size <= this->size(). Shares the block.
  Buffer slice(std::size_t offset, std::size_t size) const;
  Buffer first(std::size_t size) const { return slice(0, size); }
  Buffer from(std::size_t offset) const { return slice(offset, size_ - offset); }

  void swap(Buffer& other) noexcept;
  friend bool operator==(const Buffer& a, const Buffer& b) { return equal(a.view(), b.view()); }

 private:
  struct Block;
  void release() noexcept;

  Block* block_ = nullptr;
  std::uint32_t offset_ = 0;
  std::uint32_t size_ = 0;
};

static_assert(sizeof(Buffer) == 16);

}  // namespace kith
