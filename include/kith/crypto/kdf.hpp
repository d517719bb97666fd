// HMAC-BLAKE2b and Noise's HKDF over it [Noise 4.3]: hash 64 bytes, block 128 bytes. Noise wants
// real HMAC, not BLAKE2b's own keyed mode, and libsodium has none: it is built here.
#pragma once

#include "kith/crypto/secret.hpp"

namespace kith::crypto {

using HashSecret = Secret<64>;

// Precondition: key.size() <= 128.
HashSecret hmac(ByteView key, Parts parts);

struct Derived {
  HashSecret first, second, third;
};
// Noise HKDF(chaining key, input) with three outputs; the two-output form is its first two.
Derived hkdf(const HashSecret& chaining_key, ByteView input);

}  // namespace kith::crypto
