// The frames before there is a session: what parses is what its own encoder writes.
#include "frames.hpp"
#include "handshake.hpp"
#include "target.hpp"

using namespace kith;
using namespace kith::session;

kith::fuzz::Seeds fuzz_seeds() {
  WhoAreYou ask;
  ask.nonce.fill(1);
  IAm answer;
  answer.key = fuzz::identity(0)->public_key();
  IAm refusal;
  refusal.status = IAmStatus::wrong_network;
  refusal.lan = LanId{{}, true};
  const Bytes cookie = make_cookie(5, {}, {}, cookie_key({}, {}), {});
  return {encode(ask), encode(answer),         encode(refusal),
          cookie,      fuzz::handshake().init, fuzz::handshake().reply};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  int kinds = 0;
  if (const auto ask = parse_who_are_you(bytes)) {
    ++kinds;
    const Bytes again = encode(*ask);  // its padding is ignored
    KITH_ASSERT(equal(ByteView(again).first(29), bytes.first(29)) && again.size() == size);
  }
  if (auto answer = parse_i_am(bytes)) {
    ++kinds;
    Bytes seen = fuzz::copy(bytes);
    if (answer->lan) seen.back() = answer->lan->holds_records ? 1 : 0;  // anything but 0 is true
    KITH_ASSERT(encode(*answer) == seen && size <= i_am_limit);
  }
  if (const auto init = parse_init(bytes)) {
    ++kinds;
    KITH_ASSERT(init->before_mac1.size() + 32 == size && init->before_mac2.size() + 16 == size);
    KITH_ASSERT(5 + init->noise.size() + 32 == size);
    Bytes again = make_init(init->sender, init->noise, {});
    KITH_ASSERT(equal(ByteView(again).first(size - 32), bytes.first(size - 32)));
  }
  if (const auto reply = parse_reply(bytes)) {
    ++kinds;
    const Bytes again = make_reply(reply->sender, reply->receiver, reply->noise, {});
    KITH_ASSERT(equal(ByteView(again).first(size - 16), bytes.first(size - 16)));
  }
  if (const auto cookie = parse_cookie(bytes)) {
    ++kinds;
    KITH_ASSERT(cookie->sealed.size() == 32);
  }
  KITH_ASSERT(kinds <= 1);
  if (const auto payload = parse_init_payload(bytes))
    KITH_ASSERT(equal(encode(*payload), bytes.first(InitPayload::size)));
  if (const auto payload = parse_reply_payload(bytes))
    KITH_ASSERT(equal(encode(*payload), bytes.first(ReplyPayload::size)));
  return 0;
}
