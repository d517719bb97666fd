// SecretRng: the only source of keys and nonces. ChaCha20 keystream over a 32-byte seed that the
// world provides (getrandom in the daemon, the seed in the simulator). Never for shuffles: Rng.
#pragma once

#include "kith/base/bytes.hpp"

namespace kith::crypto {

class SecretRng {
 public:
  explicit SecretRng(const ByteArray<32>& seed);
  ~SecretRng();
  SecretRng(const SecretRng&) = delete;
  SecretRng& operator=(const SecretRng&) = delete;

  void fill(MutableBytes out);
  template <std::size_t N>
  ByteArray<N> draw() {
    ByteArray<N> out;
    fill(out);
    return out;
  }

 private:
  ByteArray<32> key_;
  std::uint64_t counter_ = 0;
};

}  // namespace kith::crypto
