// Diffie-Hellman over X25519 [RFC 7748].
#pragma once

#include <optional>

#include "kith/crypto/random.hpp"
#include "kith/crypto/secret.hpp"

namespace kith::crypto {

using DhPublic = ByteArray<32>;

struct DhPair {
  Secret<32> secret;
  DhPublic public_key{};

  static DhPair from_secret(const Secret<32>& secret);
  static DhPair generate(SecretRng& rng);
};

// nullopt: the other key is a point of small order, which would make the result predictable.
std::optional<Secret<32>> dh(const Secret<32>& own, const DhPublic& theirs);

}  // namespace kith::crypto
