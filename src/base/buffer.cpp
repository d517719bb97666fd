#include "kith/base/buffer.hpp"

#include <new>

#include "kith/base/assert.hpp"

namespace kith {

struct Buffer::Block {
  std::atomic<std::uint32_t> references{1};
  Byte* bytes() { return reinterpret_cast<Byte*>(this + 1); }
};

Buffer Buffer::allocate(std::size_t size) {
  KITH_ASSERT(size <= UINT32_MAX);
  Buffer buffer;
  if (size == 0) return buffer;
  void* memory = ::operator new(sizeof(Block) + size);
  buffer.block_ = ::new (memory) Block;
  buffer.size_ = static_cast<std::uint32_t>(size);
  return buffer;
}

Buffer::Buffer(ByteView copied) {
  *this = allocate(copied.size());
  if (!copied.empty()) std::memcpy(writable().data(), copied.data(), copied.size());
}

Buffer::Buffer(const Buffer& other)
    : block_(other.block_), offset_(other.offset_), size_(other.size_) {
  if (block_) block_->references.fetch_add(1, std::memory_order_relaxed);
}

void Buffer::release() noexcept {
  if (!block_ || block_->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  block_->~Block();
  ::operator delete(block_);
}

MutableBytes Buffer::writable() {
  if (!block_) return {};
  KITH_ASSERT(block_->references.load(std::memory_order_acquire) == 1);
  return {block_->bytes() + offset_, size_};
}

const Byte* Buffer::data() const { return block_ ? block_->bytes() + offset_ : nullptr; }

Buffer Buffer::slice(std::size_t offset, std::size_t size) const {
  KITH_ASSERT(offset <= size_ && size <= size_ - offset);
  Buffer part(*this);
  part.offset_ += static_cast<std::uint32_t>(offset);
  part.size_ = static_cast<std::uint32_t>(size);
  return part;
}

void Buffer::swap(Buffer& other) noexcept {
  std::swap(block_, other.block_);
  std::swap(offset_, other.offset_);
  std::swap(size_, other.size_);
}

}  // namespace kith
