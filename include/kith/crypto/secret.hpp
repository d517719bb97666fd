// Secret: N bytes that are wiped when they go, and that never print or compare by accident.
#pragma once

#include "kith/crypto/hash.hpp"

namespace kith::crypto {

template <std::size_t N>
class Secret {
 public:
  Secret() = default;
  explicit Secret(const ByteArray<N>& bytes) : bytes_(bytes) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  ~Secret() { wipe(bytes_); }

  // Precondition: from.size() == N.
  static Secret from(ByteView from) {
    Secret secret;
    std::memcpy(secret.bytes_.data(), from.data(), N);
    return secret;
  }

  const Byte* data() const { return bytes_.data(); }
  ByteView view() const { return bytes_; }
  MutableBytes writable() { return bytes_; }

 private:
  ByteArray<N> bytes_{};
};

}  // namespace kith::crypto
