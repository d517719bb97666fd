#include "kith/crypto/dh.hpp"

#include "sodium.hpp"

namespace kith::crypto {

DhPair DhPair::from_secret(const Secret<32>& secret) {
  ready_sodium();
  DhPair pair{secret, {}};
  crypto_scalarmult_curve25519_base(pair.public_key.data(), secret.data());
  return pair;
}

DhPair DhPair::generate(SecretRng& rng) {
  Secret<32> secret;
  rng.fill(secret.writable());
  return from_secret(secret);
}

std::optional<Secret<32>> dh(const Secret<32>& own, const DhPublic& theirs) {
  ready_sodium();
  Secret<32> shared;
  if (crypto_scalarmult_curve25519(shared.writable().data(), own.data(), theirs.data()) != 0)
    return std::nullopt;
  return shared;
}

}  // namespace kith::crypto
