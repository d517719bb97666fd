// Message 2: whatever is not the genuine answer is refused, and the psk decides.
#include "handshake.hpp"
#include "mutate.hpp"
#include "target.hpp"

using namespace kith;
using namespace kith::session;

namespace {

void tampered_reply(fuzz::Input& in) {
  const auto& genuine = fuzz::handshake();
  const Bytes message = fuzz::mutated(genuine.second->message, in);
  const auto result = genuine.finish(message);
  KITH_ASSERT(result->ok == (message == genuine.second->message));
  if (!result->ok) return;
  KITH_ASSERT(equal(result->keys.send.view(), genuine.second->keys.receive.view()));
  KITH_ASSERT(equal(result->keys.receive.view(), genuine.second->keys.send.view()));
}

// A responder that holds the right keys and says what it likes.
void dishonest_reply(fuzz::Input& in) {
  const auto& genuine = fuzz::handshake();
  const Credentials& own = *genuine.responder;
  Bytes ignored, message;
  auto responder =
      noise::Responder::read(noise::Pattern::ik_psk2, prologue(own.network, false, own.key),
                             own.fixed, genuine.first->message, ignored);
  KITH_ASSERT(responder.has_value());
  ByteArray<32> raw = genuine.config.psk;
  raw[0] = static_cast<Byte>(raw[0] ^ in.u8());
  const Bytes payload = fuzz::mutated(encode(ReplyPayload{own.hello}), in);
  const auto ephemeral = crypto::DhPair::from_secret(crypto::Secret<32>(ByteArray<32>{8}));
  KITH_ASSERT(std::move(*responder).reply(ephemeral, noise::Psk(raw), payload, message));
  const auto said = parse_reply_payload(payload);
  const bool common = said && compatible(own.hello.versions, said->hello.versions);
  KITH_ASSERT(genuine.finish(message)->ok == (raw == genuine.config.psk && common));
}

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Seeds seeds;
  for (const Bytes& mutation : fuzz::mutations()) {
    seeds.push_back(fuzz::Script().u8(0).raw(mutation));
    seeds.push_back(fuzz::Script().u8(1).u8(0).raw(mutation));
    seeds.push_back(fuzz::Script().u8(1).u8(1).raw(mutation));
  }
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  if (in.flip())
    dishonest_reply(in);
  else
    tampered_reply(in);
  return 0;
}
