#include "frames.hpp"

#include <algorithm>

#include "cursor.hpp"

namespace kith::session {
namespace {

constexpr Byte has_key = 1, has_lan = 2;  // i_am's contents

bool is(ByteView bytes, FrameType type) {
  return !bytes.empty() && bytes[0] == static_cast<Byte>(type);
}

Bytes begin(FrameType type) { return {static_cast<Byte>(type)}; }

void append_hello(Bytes& out, const Hello& hello) {
  append_integer(out, hello.versions.min);
  append_integer(out, hello.versions.max);
  append_integer(out, hello.features);
  append(out, hello.boot.view());
}

Hello read_hello(Cursor& in) {
  Hello hello;
  hello.versions.min = in.integer<std::uint16_t>();
  hello.versions.max = in.integer<std::uint16_t>();
  hello.features = in.integer<std::uint64_t>();
  hello.boot = in.id<BootId>();
  return hello;
}

void append_mac1(Bytes& out, const Hash256& key) {
  const Mac mac = crypto::keyed_hash128(key.view(), {out});
  append(out, mac);
}

}  // namespace

bool compatible(const wire::Versions& ours, const wire::Versions& theirs) {
  return theirs.min <= ours.max && ours.min <= theirs.max;
}

Bytes encode(const InitPayload& payload) {
  Bytes out;
  out.reserve(InitPayload::size);
  append_integer(out, payload.incarnation.value);
  append_integer(out, payload.counter);
  append_hello(out, payload.hello);
  append(out, payload.key.view());
  append(out, payload.psk_tag);
  append(out, payload.previous_psk_tag);
  KITH_ASSERT(out.size() == InitPayload::size);
  return out;
}

Bytes encode(const ReplyPayload& payload) {
  Bytes out;
  append_hello(out, payload.hello);
  KITH_ASSERT(out.size() == ReplyPayload::size);
  return out;
}

std::optional<InitPayload> parse_init_payload(ByteView bytes) {
  if (bytes.size() < InitPayload::size) return std::nullopt;
  Cursor in(bytes);
  InitPayload payload;
  payload.incarnation = {in.integer<std::uint64_t>()};
  payload.counter = in.integer<std::uint64_t>();
  payload.hello = read_hello(in);
  payload.key = in.id<PublicKey>();
  payload.psk_tag = in.array<8>();
  payload.previous_psk_tag = in.array<8>();
  return payload;
}

std::optional<ReplyPayload> parse_reply_payload(ByteView bytes) {
  if (bytes.size() < ReplyPayload::size) return std::nullopt;
  Cursor in(bytes);
  return ReplyPayload{read_hello(in)};
}

ByteArray<8> psk_tag(const noise::Psk& psk, const crypto::DhPublic& ephemeral) {
  return crypto::keyed_hash64(psk.view(), {as_bytes("kith psk"), ephemeral});
}

Hash256 mac1_key(const NetworkId& network, const PublicKey& receiver) {
  return crypto::hash256({as_bytes("kith mac1"), network.view(), receiver.view()});
}

crypto::AeadKey cookie_key(const NetworkId& network, const PublicKey& responder) {
  return crypto::AeadKey(
      crypto::hash256({as_bytes("kith cookie"), network.view(), responder.view()}).bytes);
}

Bytes make_init(std::uint32_t sender, ByteView noise_message, const Hash256& mac1_key) {
  Bytes out = begin(FrameType::handshake_init);
  append_integer(out, sender);
  append(out, noise_message);
  append_mac1(out, mac1_key);
  out.resize(out.size() + sizeof(Mac));
  return out;
}

void set_mac2(MutableBytes init, const Mac& cookie) {
  const ByteView covered = ByteView(init).first(init.size() - sizeof(Mac));
  const Mac mac = crypto::keyed_hash128(cookie, {covered});
  std::copy(mac.begin(), mac.end(), init.end() - sizeof(Mac));
}

Bytes make_reply(std::uint32_t sender, std::uint32_t receiver, ByteView noise_message,
                 const Hash256& mac1_key) {
  Bytes out = begin(FrameType::handshake_reply);
  append_integer(out, sender);
  append_integer(out, receiver);
  append(out, noise_message);
  append_mac1(out, mac1_key);
  return out;
}

Bytes make_cookie(std::uint32_t receiver, const Mac& cookie, const crypto::LongNonce& nonce,
                  const crypto::AeadKey& key, const Mac& mac1) {
  Bytes out = begin(FrameType::cookie);
  append_integer(out, receiver);
  append(out, nonce);
  const std::size_t at = out.size();
  out.resize(at + cookie.size() + crypto::aead_tag_size);
  crypto::seal_long(key, nonce, mac1, cookie, MutableBytes(out).subspan(at));
  return out;
}

std::optional<InitFrame> parse_init(ByteView bytes) {
  if (!is(bytes, FrameType::handshake_init)) return std::nullopt;
  if (bytes.size() < init_size || bytes.size() > wire::datagram_limit) return std::nullopt;
  InitFrame frame;
  frame.before_mac2 = bytes.first(bytes.size() - sizeof(Mac));
  frame.before_mac1 = bytes.first(bytes.size() - 2 * sizeof(Mac));
  Cursor in(bytes.subspan(1));
  frame.sender = in.integer<std::uint32_t>();
  frame.noise = in.bytes(in.rest().size() - 2 * sizeof(Mac));
  frame.mac1 = in.array<16>();
  frame.mac2 = in.array<16>();
  return frame;
}

std::optional<ReplyFrame> parse_reply(ByteView bytes) {
  if (!is(bytes, FrameType::handshake_reply)) return std::nullopt;
  if (bytes.size() < reply_size || bytes.size() > wire::datagram_limit) return std::nullopt;
  ReplyFrame frame;
  frame.before_mac1 = bytes.first(bytes.size() - sizeof(Mac));
  Cursor in(bytes.subspan(1));
  frame.sender = in.integer<std::uint32_t>();
  frame.receiver = in.integer<std::uint32_t>();
  frame.noise = in.bytes(in.rest().size() - sizeof(Mac));
  frame.mac1 = in.array<16>();
  return frame;
}

std::optional<CookieFrame> parse_cookie(ByteView bytes) {
  if (!is(bytes, FrameType::cookie) || bytes.size() != cookie_size) return std::nullopt;
  Cursor in(bytes.subspan(1));
  CookieFrame frame;
  frame.receiver = in.integer<std::uint32_t>();
  frame.nonce = in.array<24>();
  frame.sealed = in.rest();
  return frame;
}

std::optional<Mac> open_cookie(const CookieFrame& frame, const crypto::AeadKey& key,
                               const Mac& mac1) {
  Mac cookie;
  if (!crypto::open_long(key, frame.nonce, mac1, frame.sealed, cookie)) return std::nullopt;
  return cookie;
}

ByteArray<8> ask_tag(const NetworkId& network, const AskNonce& nonce) {
  return crypto::keyed_hash64(network.view(), {nonce});
}

Bytes encode(const WhoAreYou& ask) {
  Bytes out = begin(FrameType::who_are_you);
  append(out, ask.nonce);
  append_integer(out, ask.versions.min);
  append_integer(out, ask.versions.max);
  append(out, ask.tag);
  out.resize(wire::who_are_you_size);
  return out;
}

Bytes encode(const IAm& answer) {
  Bytes out = begin(FrameType::i_am);
  append(out, answer.nonce);
  out.push_back(static_cast<Byte>(answer.status));
  out.push_back(static_cast<Byte>((answer.key ? has_key : 0) | (answer.lan ? has_lan : 0)));
  if (answer.key) append(out, answer.key->view());
  if (answer.lan) {
    append(out, answer.lan->bytes);
    out.push_back(answer.lan->holds_records ? 1 : 0);
  }
  return out;
}

std::optional<WhoAreYou> parse_who_are_you(ByteView bytes) {
  if (!is(bytes, FrameType::who_are_you) || bytes.size() != wire::who_are_you_size)
    return std::nullopt;
  Cursor in(bytes.subspan(1));
  WhoAreYou ask;
  ask.nonce = in.array<16>();
  ask.versions.min = in.integer<std::uint16_t>();
  ask.versions.max = in.integer<std::uint16_t>();
  ask.tag = in.array<8>();
  return ask;
}

std::optional<IAm> parse_i_am(ByteView bytes) {
  if (!is(bytes, FrameType::i_am) || bytes.size() < 19) return std::nullopt;
  Cursor in(bytes.subspan(1));
  IAm answer;
  answer.nonce = in.array<16>();
  const Byte status = in.integer<Byte>();
  const Byte has = in.integer<Byte>();
  if (status > static_cast<Byte>(IAmStatus::version) || has > (has_key | has_lan))
    return std::nullopt;
  answer.status = static_cast<IAmStatus>(status);
  const std::size_t expected = ((has & has_key) ? 32u : 0u) + ((has & has_lan) ? 17u : 0u);
  if (in.rest().size() != expected) return std::nullopt;
  if (((has & has_key) != 0) != (answer.status == IAmStatus::ok)) return std::nullopt;
  if (has & has_key) answer.key = in.id<PublicKey>();
  if (has & has_lan) {
    const auto id = in.array<16>();
    const Byte holds = in.integer<Byte>();
    answer.lan = LanId{id, holds != 0};
  }
  return answer;
}

}  // namespace kith::session
