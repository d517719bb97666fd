#include "liar.hpp"

#include "kith/nullcrypto/seal.hpp"

namespace kith::sim {
namespace {

// PROTOCOL.md 2.
constexpr Byte sealed_type = 0x06;
constexpr std::size_t datagram_head = wire::sealed_header;
constexpr std::size_t stream_head = 3, length_size = 2;
constexpr Byte lane_bits = 0x03, more_flag = 0x04;

Buffer sealed(ByteView head, std::uint64_t first, ByteView text) {
  Buffer frame = Buffer::allocate(head.size() + text.size() + nullcrypto::tag_size);
  const MutableBytes bytes = frame.writable();
  std::memcpy(bytes.data(), head.data(), head.size());
  nullcrypto::seal(first, head, text, bytes.subspan(head.size()));
  return frame;
}

std::optional<nullcrypto::Opened> opened(ByteView frame, std::size_t head, std::size_t type_at) {
  if (frame.size() < head || frame[type_at] != sealed_type) return std::nullopt;
  return nullcrypto::opened(frame.first(head), frame.subspan(head));
}

Buffer numbered(ByteView head, std::uint64_t first, std::uint64_t later, ByteView text) {
  Bytes copy(head.begin(), head.end());
  store_le(copy.data() + 5, load_le<std::uint64_t>(head.data() + 5) + later);
  return sealed(copy, first + later, text);
}

}  // namespace

// By its time and its place among what it said in that instant, as World::nonce().
std::uint64_t Liar::nonce(Instant now) {
  if (std::exchange(last_nonce_, now) != now) nonces_ = 0;
  return static_cast<std::uint64_t>(now.time_since_epoch().count()) << 16 | ++nonces_ % 65'536;
}

void Liar::hears(ByteView datagram) {
  const auto it = opened(datagram, datagram_head, 0);
  if (!it) return;
  if (const auto message = wire::decode(Buffer(it->text))) lies_.remember(*message);
}

const std::vector<Buffer>& Liar::says(const session::Transmit& out, Now now) {
  out_.clear();
  const ByteView frame = out.bytes.view();
  const auto it = opened(frame, datagram_head, 0);
  if (!it) return out_.push_back(out.bytes), out_;
  const ByteView head = frame.first(datagram_head);
  std::uint64_t& added = added_[{out.to, load_le<std::uint32_t>(head.data() + 1)}];
  const auto message = wire::decode(Buffer(it->text));
  if (!message) {  // a keepalive
    out_.push_back(numbered(head, it->first, added, it->text));
    return out_;
  }
  Lies::Said said = lies_.say(*message, now, nonce(now.mono));
  const auto fits = [](const Buffer& text) { return text.size() <= wire::datagram_message_limit; };
  if (said.instead) {
    const Buffer text = wire::encode(*said.instead);
    out_.push_back(numbered(head, it->first, added, fits(text) ? text.view() : it->text));
  }
  for (const wire::Message& more : said.besides)
    if (const Buffer text = wire::encode(more); fits(text))
      out_.push_back(numbered(head, it->first, ++added, text.view()));
  return out_;
}

Buffer Liar::says(session::StreamId stream, const Buffer& bytes, Now now) {
  Bytes all;
  for (ByteView rest = bytes.view(); !rest.empty();) {
    std::size_t size = rest.size();
    if (rest.size() >= length_size)
      size = std::min(size, length_size + load_le<std::uint16_t>(rest.data()));
    append(all, reframed(stream, rest.first(size), now).view());
    rest = rest.subspan(size);
  }
  return Buffer(all);
}

Buffer Liar::reframed(session::StreamId stream, ByteView frame, Now now) {
  const auto it = opened(frame, stream_head, length_size);
  if (!it || it->text.empty()) return Buffer(frame);
  const Byte control = it->text.front();
  bool& within = within_[{stream, control & lane_bits}];
  const bool begun = within;
  within = (control & more_flag) != 0;
  if (begun || within) return Buffer(frame);
  const auto message = wire::decode(Buffer(it->text.subspan(1)));
  if (!message) return Buffer(frame);
  const Lies::Said said = lies_.say(*message, now, nonce(now.mono));
  Bytes text{control};
  if (said.instead) append(text, wire::encode(*said.instead).view());
  const std::size_t size = stream_head + text.size() + nullcrypto::tag_size;
  if (size > wire::stream_frame_limit) return Buffer(frame);
  ByteArray<stream_head> head{0, 0, sealed_type};
  store_le(head.data(), static_cast<std::uint16_t>(size - length_size));
  return sealed(head, it->first, text);
}

}  // namespace kith::sim
