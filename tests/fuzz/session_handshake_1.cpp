// Message 1. Below Noise: whatever is not the genuine message is refused. Above it: payloads that
// were sealed by the right static key, but lie about it, its version or its psk.
#include "handshake.hpp"
#include "mutate.hpp"
#include "target.hpp"

using namespace kith;
using namespace kith::session;

namespace {

void tampered_init(fuzz::Input& in) {
  const auto& genuine = fuzz::handshake();
  const Bytes message = fuzz::mutated(genuine.first->message, in);
  const auto result = genuine.respond(message);
  KITH_ASSERT(result->ok == (message == genuine.first->message));
  if (result->ok) KITH_ASSERT(result->peer == fuzz::identity(0)->id());
}

void dishonest_init(fuzz::Input& in) {
  const auto& genuine = fuzz::handshake();
  const auto theirs = crypto::x25519_public(genuine.responder->key);
  const auto ephemeral = crypto::DhPair::from_secret(crypto::Secret<32>(ByteArray<32>{9}));
  const Credentials& own = *genuine.initiator;
  const noise::Psk& psk = own.psks.front();
  InitPayload honest{Incarnation{7}, 2, own.hello, own.key, psk_tag(psk, ephemeral.public_key), {}};
  const Bytes payload = fuzz::mutated(encode(honest), in);
  Bytes message;
  KITH_ASSERT(noise::Initiator::start(noise::Pattern::ik_psk2,
                                      prologue(own.network, false, genuine.responder->key),
                                      own.fixed, ephemeral, *theirs, payload, message));
  const auto result = genuine.respond(message);
  const auto said = parse_init_payload(payload);
  const bool named =
      said && (said->psk_tag == honest.psk_tag || said->previous_psk_tag == honest.psk_tag);
  const auto fixed = said ? crypto::x25519_public(said->key) : std::nullopt;
  const bool same_key = fixed && *fixed == own.fixed.public_key;
  const bool common = said && compatible(own.hello.versions, said->hello.versions);
  KITH_ASSERT(result->ok == (named && same_key && common));
  if (result->ok) KITH_ASSERT(result->peer == crypto::node_id(said->key));
}

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Seeds seeds;
  for (const Bytes& mutation : fuzz::mutations()) {
    seeds.push_back(fuzz::Script().u8(0).raw(mutation));
    seeds.push_back(fuzz::Script().u8(1).raw(mutation));
  }
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  if (in.flip())
    dishonest_init(in);
  else
    tampered_init(in);
  return 0;
}
