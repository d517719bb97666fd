#include "keypair.hpp"

#include "cursor.hpp"

namespace kith::session {

std::optional<SealedHeader> parse_sealed(ByteView frame) {
  if (frame.size() < wire::sealed_overhead || frame.size() > wire::datagram_limit)
    return std::nullopt;
  Cursor in(frame.subspan(1));
  const auto receiver = in.integer<std::uint32_t>();
  const auto counter = in.integer<std::uint64_t>();
  return SealedHeader{receiver, counter};
}

Buffer Keypair::seal(ByteView message) {
  KITH_ASSERT(sent_ < reject_after_messages);
  Buffer frame = Buffer::allocate(wire::sealed_overhead + message.size());
  const MutableBytes bytes = frame.writable();
  const std::uint64_t counter = sent_++;
  bytes[0] = static_cast<Byte>(wire::FrameType::sealed);
  store_le(bytes.data() + 1, origin_.remote);
  store_le(bytes.data() + 5, counter);
  crypto::seal(send_, counter, bytes.first(wire::sealed_header), message,
               bytes.subspan(wire::sealed_header));
  return frame;
}

Result<Buffer, OpenFailure> Keypair::open(ByteView frame, const SealedHeader& header, Instant now) {
  if (now >= dies_at() || header.counter >= reject_after_messages)
    return fail(OpenFailure::expired);
  Buffer message = Buffer::allocate(frame.size() - wire::sealed_overhead);
  if (!crypto::open(receive_, header.counter, frame.first(wire::sealed_header),
                    frame.subspan(wire::sealed_header), message.writable()))
    return fail(OpenFailure::not_authentic);
  if (!window_.accept(header.counter)) return fail(OpenFailure::replayed);
  return message;
}

}  // namespace kith::session
