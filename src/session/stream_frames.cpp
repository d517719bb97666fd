#include "stream_frames.hpp"

#include "cursor.hpp"

namespace kith::session {

Bytes prefixed(ByteView frame) {
  Bytes out;
  out.reserve(length_prefix + frame.size());
  append_integer(out, static_cast<std::uint16_t>(frame.size()));
  append(out, frame);
  return out;
}

std::optional<ByteView> FrameReader::next() {
  const ByteView rest = ByteView(buffer_).subspan(read_);
  if (!broken_ && rest.size() >= length_prefix) {
    const std::size_t size = length_prefix + load_le<std::uint16_t>(rest.data());
    if (size == length_prefix || size > wire::stream_frame_limit) {
      broken_ = true;
    } else if (rest.size() >= size) {
      read_ += size;
      return rest.first(size);
    }
  }
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(read_));
  read_ = 0;
  if (buffer_.empty()) buffer_ = Bytes();  // an idle stream holds nothing
  return std::nullopt;
}

Buffer StreamCipher::seal(Byte control, ByteView chunk, Instant now) {
  KITH_ASSERT(chunk.size() <= chunk_limit);
  const std::size_t size = stream_header + 1 + chunk.size() + crypto::aead_tag_size;
  Buffer frame = Buffer::allocate(size);
  const MutableBytes bytes = frame.writable();
  store_le(bytes.data(), static_cast<std::uint16_t>(size - length_prefix));
  bytes[2] = static_cast<Byte>(wire::FrameType::sealed);
  const MutableBytes plain = bytes.subspan(stream_header, 1 + chunk.size());
  plain[0] = control;
  if (!chunk.empty()) std::memcpy(plain.data() + 1, chunk.data(), chunk.size());
  crypto::seal(key_, counter_, bytes.first(stream_header), plain, bytes.subspan(stream_header));
  count(size, (control & ratchet_flag) != 0, now);
  return frame;
}

std::optional<Bytes> StreamCipher::open(ByteView frame, Instant now) {
  if (frame.size() < stream_header + 1 + crypto::aead_tag_size) return std::nullopt;
  Bytes plain(frame.size() - stream_header - crypto::aead_tag_size);
  if (!crypto::open(key_, counter_, frame.first(stream_header), frame.subspan(stream_header),
                    plain))
    return std::nullopt;
  count(frame.size(), (plain[0] & ratchet_flag) != 0, now);
  return plain;
}

void StreamCipher::count(std::size_t bytes, bool ratchet, Instant now) {
  ++counter_;
  bytes_ += bytes;
  if (!ratchet) return;
  key_ = crypto::AeadKey(crypto::keyed_hash256(key_.view(), {as_bytes("kith ratchet")}).bytes);
  counter_ = bytes_ = 0;
  since_ = now;
}

}  // namespace kith::session
