#include "steps.hpp"

#include <algorithm>

namespace kith::session {
namespace {

constexpr auto pattern = noise::Pattern::ik_psk2;

// The responder's choice among its psks: the first that the initiator's tags name.
const noise::Psk* common_psk(const Credentials& own, const InitPayload& payload,
                             const crypto::DhPublic& ephemeral) {
  for (const noise::Psk& psk : own.psks) {
    const ByteArray<8> tag = psk_tag(psk, ephemeral);
    if (crypto::same_secret(tag, payload.psk_tag) ||
        crypto::same_secret(tag, payload.previous_psk_tag))
      return &psk;
  }
  return nullptr;
}

crypto::DhPair fixed_pair(const crypto::Identity& identity) {
  ByteArray<32> raw = identity.x25519_secret();
  const crypto::Secret<32> secret(raw);
  crypto::wipe(raw);
  return crypto::DhPair::from_secret(secret);
}

}  // namespace

Credentials::Credentials(const Config& config, const crypto::Identity& identity)
    : network(config.network), fixed(fixed_pair(identity)), key(identity.public_key()) {
  psks.emplace_back(config.psk);
  if (config.previous_psk) psks.emplace_back(*config.previous_psk);
  hello = {config.versions, config.features, config.boot};
}

Bytes prologue(const NetworkId& network, bool stream, const PublicKey& responder) {
  Bytes bytes;
  append(bytes, as_bytes("kith"));
  append(bytes, network.view());
  bytes.push_back(stream ? 1 : 0);
  append(bytes, responder.view());
  return bytes;
}

std::unique_ptr<JobResult> InitiateJob::run() const {
  auto result = std::make_unique<Initiated>();
  const auto theirs = crypto::x25519_public(responder);
  if (!theirs) return result;
  const auto pair = crypto::DhPair::from_secret(ephemeral);
  const InitPayload payload{incarnation,
                            counter,
                            own->hello,
                            own->key,
                            psk_tag(own->psks.front(), pair.public_key),
                            psk_tag(own->psks.back(), pair.public_key)};
  auto started =
      noise::Initiator::start(pattern, prologue(own->network, stream, responder), own->fixed, pair,
                              *theirs, encode(payload), result->message);
  if (started) result->state = std::move(*started);
  return result;
}

std::unique_ptr<JobResult> RespondJob::run() const {
  auto result = std::make_unique<Responded>();
  Bytes raw;
  auto responder = noise::Responder::read(pattern, prologue(own->network, stream, own->key),
                                          own->fixed, message, raw);
  if (!responder) return result;
  const auto payload = parse_init_payload(raw);
  if (!payload || !compatible(own->hello.versions, payload->hello.versions)) return result;
  // The Noise static proves itself; the Ed25519 key is believed because it is the same point.
  const auto fixed = crypto::x25519_public(payload->key);
  if (!fixed || *fixed != responder->initiator()) return result;
  crypto::DhPublic their_ephemeral;
  std::copy_n(message.begin(), their_ephemeral.size(), their_ephemeral.begin());
  const noise::Psk* psk = common_psk(*own, *payload, their_ephemeral);
  if (!psk) return result;
  const auto pair = crypto::DhPair::from_secret(ephemeral);
  const Bytes answer = encode(ReplyPayload{own->hello});
  auto keys = std::move(*responder).reply(pair, *psk, answer, result->message);
  if (!keys) return result;
  result->ok = true;
  result->initiator = *payload;
  result->peer = crypto::node_id(payload->key);
  result->keys = *keys;
  return result;
}

std::unique_ptr<JobResult> FinishJob::run() const {
  auto result = std::make_unique<Finished>();
  Bytes raw;
  const auto keys = state.finish(own->psks, message, raw);
  if (!keys) return result;
  const auto payload = parse_reply_payload(raw);
  if (!payload || !compatible(own->hello.versions, payload->hello.versions)) return result;
  result->ok = true;
  result->responder = *payload;
  result->keys = *keys;
  return result;
}

}  // namespace kith::session
