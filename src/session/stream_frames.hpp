// Frames on a stream: u16 length | type | ..., the handshake's frames as in datagrams, then sealed
// frames of at most 4 KiB whose counters are implied by their order.
//
// A sealed frame may say "ratchet": the sender's next frame is under a new key, a one-way hash of
// the old one, counted from zero. Both sides forget the old key; what was recorded before cannot
// be read with what is stolen later.
#pragma once

#include "constants.hpp"
#include "kith/base/buffer.hpp"
#include "kith/crypto/aead.hpp"

namespace kith::session {

// First byte inside the seal: lane in bits 0-1, then flags.
inline constexpr Byte lane_mask = 0x03, more_flag = 0x04, ratchet_flag = 0x08, bye_flag = 0x10;

inline constexpr std::size_t length_prefix = 2;
inline constexpr std::size_t stream_header = length_prefix + 1;  // length, type: both authenticated
inline constexpr std::size_t chunk_limit =
    wire::stream_frame_limit - stream_header - crypto::aead_tag_size - 1;

Bytes prefixed(ByteView frame);  // a handshake frame with its length before it

// Cuts the byte stream into frames; holds at most one frame and what one StreamBytes brought.
class FrameReader {
 public:
  void append(ByteView bytes) { kith::append(buffer_, bytes); }
  std::size_t held() const { return buffer_.size() - read_; }
  // The next whole frame, length prefix included, valid until the next call; nullopt: wait for
  // more. broken(): a length that no frame has.
  std::optional<ByteView> next();
  bool broken() const { return broken_; }

 private:
  Bytes buffer_;
  std::size_t read_ = 0;
  bool broken_ = false;
};

// One direction of a stream's encryption.
class StreamCipher {
 public:
  StreamCipher(const crypto::AeadKey& key, Instant now) : key_(key), since_(now) {}
  // Due for a ratchet: 64 MiB or 10 min under one key.
  bool worn(Instant now) const {
    return bytes_ >= stream_rekey_bytes || now - since_ >= stream_rekey_after;
  }
  // Ratchets afterwards when `control` carries the flag. Precondition: chunk <= chunk_limit.
  Buffer seal(Byte control, ByteView chunk, Instant now);
  // Control byte and chunk, or nullopt: not authentic, close the stream.
  std::optional<Bytes> open(ByteView frame, Instant now);

 private:
  void count(std::size_t bytes, bool ratchet, Instant now);
  crypto::AeadKey key_;
  std::uint64_t counter_ = 0, bytes_ = 0;
  Instant since_;
};

}  // namespace kith::session
