// Frames before there is a session: handshake messages, cookies, who-are-you and i-am. Layouts in
// src/PROTOCOL.md 2. Parsers are total: a wrong length or type is nullopt.
#pragma once

#include "constants.hpp"
#include "kith/crypto/aead.hpp"
#include "kith/session/session.hpp"
#include "noise.hpp"

namespace kith::session {

using wire::FrameType;
using Mac = ByteArray<16>;

// What both sides say about themselves inside the handshake.
struct Hello {
  wire::Versions versions;
  std::uint64_t features = 0;
  BootId boot;
};
bool compatible(const wire::Versions& ours, const wire::Versions& theirs);

struct InitPayload {
  Incarnation incarnation;
  std::uint64_t counter = 0;  // of message 1s in this incarnation
  Hello hello;
  PublicKey key;  // Ed25519; its X25519 form is the Noise static
  ByteArray<8> psk_tag{}, previous_psk_tag{};
  static constexpr std::size_t size = 8 + 8 + 20 + 32 + 8 + 8;
};
struct ReplyPayload {
  Hello hello;
  static constexpr std::size_t size = 20;
};
Bytes encode(const InitPayload& payload);
Bytes encode(const ReplyPayload& payload);
// Bytes after the fields are left to later versions.
std::optional<InitPayload> parse_init_payload(ByteView bytes);
std::optional<ReplyPayload> parse_reply_payload(ByteView bytes);

// Names the psk to the responder inside message 1, without showing it.
ByteArray<8> psk_tag(const noise::Psk& psk, const crypto::DhPublic& ephemeral);

// The key of mac1: who does not know the network id and the responder's key cannot make one, so a
// stranger to a private network never makes anyone compute a Diffie-Hellman.
Hash256 mac1_key(const NetworkId& network, const PublicKey& receiver);
crypto::AeadKey cookie_key(const NetworkId& network, const PublicKey& responder);

struct InitFrame {
  std::uint32_t sender = 0;
  ByteView noise;
  ByteView before_mac1, before_mac2;  // what each mac covers
  Mac mac1{}, mac2{};
};
struct ReplyFrame {
  std::uint32_t sender = 0, receiver = 0;
  ByteView noise;
  ByteView before_mac1;
  Mac mac1{};
};
struct CookieFrame {
  std::uint32_t receiver = 0;
  crypto::LongNonce nonce{};
  ByteView sealed;
};
inline constexpr std::size_t init_size =
    1 + 4 + noise::message_1_overhead + InitPayload::size + 16 + 16;
inline constexpr std::size_t reply_size =
    1 + 4 + 4 + noise::message_2_overhead + ReplyPayload::size + 16;
inline constexpr std::size_t cookie_size = 1 + 4 + 24 + 16 + 16;
// Never answer an unproven address with more bytes than it sent.
static_assert(reply_size <= init_size && cookie_size <= init_size);
static_assert(init_size <= wire::datagram_limit);

Bytes make_init(std::uint32_t sender, ByteView noise_message, const Hash256& mac1_key);
// Fills the last 16 bytes; the rest of the frame stays as it is.
void set_mac2(MutableBytes init, const Mac& cookie);
Bytes make_reply(std::uint32_t sender, std::uint32_t receiver, ByteView noise_message,
                 const Hash256& mac1_key);
Bytes make_cookie(std::uint32_t receiver, const Mac& cookie, const crypto::LongNonce& nonce,
                  const crypto::AeadKey& key, const Mac& mac1);
std::optional<InitFrame> parse_init(ByteView bytes);
std::optional<ReplyFrame> parse_reply(ByteView bytes);
std::optional<CookieFrame> parse_cookie(ByteView bytes);
std::optional<Mac> open_cookie(const CookieFrame& frame, const crypto::AeadKey& key,
                               const Mac& mac1);

using AskNonce = ByteArray<16>;
struct WhoAreYou {
  AskNonce nonce{};
  wire::Versions versions;
  ByteArray<8> tag{};
};
enum class IAmStatus : std::uint8_t { ok = 0, wrong_network = 1, not_local = 2, version = 3 };
struct IAm {
  AskNonce nonce{};
  IAmStatus status = IAmStatus::ok;
  std::optional<PublicKey> key;  // only when ok
  std::optional<LanId> lan;      // lan mode, to eligible sources
};
inline constexpr std::size_t i_am_limit = 1 + 16 + 1 + 1 + 32 + 17;
static_assert(i_am_limit <= wire::who_are_you_size);

ByteArray<8> ask_tag(const NetworkId& network, const AskNonce& nonce);
Bytes encode(const WhoAreYou& ask);
Bytes encode(const IAm& answer);
std::optional<WhoAreYou> parse_who_are_you(ByteView bytes);
std::optional<IAm> parse_i_am(ByteView bytes);

}  // namespace kith::session
