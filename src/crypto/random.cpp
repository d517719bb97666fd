#include "kith/crypto/random.hpp"

#include "kith/crypto/hash.hpp"
#include "sodium.hpp"

namespace kith::crypto {

SecretRng::SecretRng(const ByteArray<32>& seed) : key_(seed) { ready_sodium(); }

SecretRng::~SecretRng() { wipe(key_); }

// Every draw replaces the key by fresh keystream, so that who reads this memory later learns
// nothing about what was drawn before [Bernstein 2017, fast key erasure].
void SecretRng::fill(MutableBytes out) {
  ByteArray<crypto_stream_chacha20_NONCEBYTES> nonce;
  store_le(nonce.data(), counter_++);
  crypto_stream_chacha20(out.data(), out.size(), nonce.data(), key_.data());
  store_le(nonce.data(), counter_++);
  ByteArray<32> next;
  crypto_stream_chacha20(next.data(), next.size(), nonce.data(), key_.data());
  key_ = next;
  wipe(next);
}

}  // namespace kith::crypto
