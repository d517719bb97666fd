#include "kith/crypto/identity.hpp"

#include "kith/crypto/hash.hpp"
#include "sodium.hpp"

namespace kith::crypto {

Identity Identity::from_seed(const ByteArray<32>& seed) {
  ready_sodium();
  Identity identity;
  crypto_sign_ed25519_seed_keypair(identity.public_key_.bytes.data(), identity.secret_.data(),
                                   seed.data());
  identity.id_ = node_id(identity.public_key_);
  return identity;
}

Identity::~Identity() { wipe(secret_); }

ByteArray<32> Identity::seed() const {
  ByteArray<32> out;
  crypto_sign_ed25519_sk_to_seed(out.data(), secret_.data());
  return out;
}

ByteArray<32> Identity::x25519_secret() const {
  ByteArray<32> out;
  crypto_sign_ed25519_sk_to_curve25519(out.data(), secret_.data());
  return out;
}

Signature Identity::sign(ByteView message) const {
  Signature out;
  crypto_sign_ed25519_detached(out.bytes.data(), nullptr, message.data(), message.size(),
                               secret_.data());
  return out;
}

bool verify(const PublicKey& key, ByteView message, const Signature& signature) {
  ready_sodium();
  return crypto_sign_ed25519_verify_detached(signature.bytes.data(), message.data(), message.size(),
                                             key.bytes.data()) == 0;
}

std::optional<ByteArray<32>> x25519_public(const PublicKey& key) {
  ready_sodium();
  ByteArray<32> out;
  if (crypto_sign_ed25519_pk_to_curve25519(out.data(), key.bytes.data()) != 0) return std::nullopt;
  return out;
}

SignJob::SignJob(std::shared_ptr<const Identity> signer_in, Buffer message_in)
    : signer(std::move(signer_in)), message(std::move(message_in)) {}

std::unique_ptr<JobResult> SignJob::run() const {
  auto result = std::make_unique<Signed>();
  result->signature = signer->sign(message.view());
  return result;
}

VerifyJob::VerifyJob(std::vector<Claim> claims_in) : claims(std::move(claims_in)) {}

std::unique_ptr<JobResult> VerifyJob::run() const {
  auto result = std::make_unique<Verified>();
  for (const Claim& claim : claims)
    result->valid.push_back(verify(claim.key, claim.message.view(), claim.signature));
  return result;
}

}  // namespace kith::crypto
