#include "noise.hpp"

#include <algorithm>

namespace kith::session::noise {
namespace {

crypto::DhPublic take_key(ByteView& message) {
  crypto::DhPublic key;
  std::copy_n(message.begin(), key.size(), key.begin());
  message = message.subspan(key.size());
  return key;
}

crypto::AeadKey cipher_key(const crypto::HashSecret& derived) {
  return crypto::AeadKey::from(derived.view().first(32));  // truncated [Noise 5.2]
}

// A psk handshake mixes every ephemeral into the key too [Noise 9.2].
void mix_ephemeral(Symmetric& state, Pattern pattern, const crypto::DhPublic& key) {
  state.mix_hash(key);
  if (pattern == Pattern::ik_psk2) state.mix_key(key);
}

}  // namespace

Symmetric::Symmetric(Pattern pattern, ByteView prologue) {
  const std::string_view name = pattern == Pattern::ik ? "Noise_IK_25519_ChaChaPoly_BLAKE2b"
                                                       : "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2b";
  std::copy(name.begin(), name.end(), hash_.begin());  // shorter than a hash: zero padded
  chain_ = crypto::HashSecret(hash_);
  mix_hash(prologue);
}

void Symmetric::mix_hash(ByteView data) { hash_ = crypto::hash512({hash_, data}); }

void Symmetric::mix_key(ByteView input) {
  const crypto::Derived derived = crypto::hkdf(chain_, input);
  chain_ = derived.first;
  key_ = cipher_key(derived.second);
  counter_ = 0;
}

void Symmetric::mix_psk(const Psk& psk) {
  const crypto::Derived derived = crypto::hkdf(chain_, psk.view());
  chain_ = derived.first;
  mix_hash(derived.second.view());
  key_ = cipher_key(derived.third);
  counter_ = 0;
}

bool Symmetric::mix_dh(const crypto::Secret<32>& own, const crypto::DhPublic& theirs) {
  const auto shared = crypto::dh(own, theirs);
  if (shared) mix_key(shared->view());
  return shared.has_value();
}

void Symmetric::encrypt(ByteView plain, Bytes& message) {
  const std::size_t at = message.size();
  message.resize(at + plain.size() + crypto::aead_tag_size);
  const MutableBytes sealed = MutableBytes(message).subspan(at);
  crypto::seal(key_, counter_++, hash_, plain, sealed);
  mix_hash(sealed);
}

bool Symmetric::decrypt(ByteView sealed, Bytes& plain) {
  if (sealed.size() < crypto::aead_tag_size) return false;
  plain.resize(sealed.size() - crypto::aead_tag_size);
  if (!crypto::open(key_, counter_++, hash_, sealed, plain)) return false;
  mix_hash(sealed);
  return true;
}

Transport Symmetric::split(bool initiator) const {
  const crypto::Derived derived = crypto::hkdf(chain_, {});
  const crypto::AeadKey forth = cipher_key(derived.first), back = cipher_key(derived.second);
  return {initiator ? forth : back, initiator ? back : forth, hash_};
}

Result<Initiator, Error> Initiator::start(Pattern pattern, ByteView prologue,
                                          const crypto::DhPair& own,
                                          const crypto::DhPair& ephemeral,
                                          const crypto::DhPublic& responder, ByteView payload,
                                          Bytes& message) {
  Initiator self(pattern, Symmetric(pattern, prologue));
  self.own_ = own;
  self.ephemeral_ = ephemeral;
  self.state_.mix_hash(responder);
  append(message, ephemeral.public_key);
  mix_ephemeral(self.state_, pattern, ephemeral.public_key);
  if (!self.state_.mix_dh(ephemeral.secret, responder)) return fail(Error::weak_key);
  self.state_.encrypt(own.public_key, message);
  if (!self.state_.mix_dh(own.secret, responder)) return fail(Error::weak_key);
  self.state_.encrypt(payload, message);
  return self;
}

Result<Transport, Error> Initiator::finish(const std::vector<Psk>& psks, ByteView message,
                                           Bytes& payload) const {
  if (message.size() < message_2_overhead) return fail(Error::not_authentic);
  Symmetric state = state_;
  const crypto::DhPublic theirs = take_key(message);
  mix_ephemeral(state, pattern_, theirs);
  if (!state.mix_dh(ephemeral_.secret, theirs)) return fail(Error::weak_key);
  if (!state.mix_dh(own_.secret, theirs)) return fail(Error::weak_key);
  if (pattern_ == Pattern::ik) {
    if (!state.decrypt(message, payload)) return fail(Error::not_authentic);
    return state.split(true);
  }
  for (const Psk& psk : psks) {
    Symmetric attempt = state;
    attempt.mix_psk(psk);
    if (attempt.decrypt(message, payload)) return attempt.split(true);
  }
  return fail(Error::not_authentic);
}

Result<Responder, Error> Responder::read(Pattern pattern, ByteView prologue,
                                         const crypto::DhPair& own, ByteView message,
                                         Bytes& payload) {
  if (message.size() < message_1_overhead) return fail(Error::not_authentic);
  Responder self(pattern, Symmetric(pattern, prologue));
  self.state_.mix_hash(own.public_key);
  self.initiator_ephemeral_ = take_key(message);
  mix_ephemeral(self.state_, pattern, self.initiator_ephemeral_);
  if (!self.state_.mix_dh(own.secret, self.initiator_ephemeral_)) return fail(Error::weak_key);
  Bytes initiator;
  if (!self.state_.decrypt(message.first(32 + 16), initiator)) return fail(Error::not_authentic);
  std::copy(initiator.begin(), initiator.end(), self.initiator_.begin());
  if (!self.state_.mix_dh(own.secret, self.initiator_)) return fail(Error::weak_key);
  if (!self.state_.decrypt(message.subspan(32 + 16), payload)) return fail(Error::not_authentic);
  return self;
}

Result<Transport, Error> Responder::reply(const crypto::DhPair& ephemeral, const Psk& psk,
                                          ByteView payload, Bytes& message) && {
  append(message, ephemeral.public_key);
  mix_ephemeral(state_, pattern_, ephemeral.public_key);
  if (!state_.mix_dh(ephemeral.secret, initiator_ephemeral_)) return fail(Error::weak_key);
  if (!state_.mix_dh(ephemeral.secret, initiator_)) return fail(Error::weak_key);
  if (pattern_ == Pattern::ik_psk2) state_.mix_psk(psk);
  state_.encrypt(payload, message);
  return state_.split(false);
}

}  // namespace kith::session::noise
