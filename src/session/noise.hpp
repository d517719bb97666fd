// The Noise handshakes IK and IKpsk2 with 25519, ChaChaPoly and BLAKE2b [Noise rev 34].
//
//   <- s                      the initiator knows the responder's static key
//   -> e, es, s, ss           message 1: e 32 | s 32+16 | payload+16
//   <- e, ee, se (, psk)      message 2: e 32 | payload+16
//
// Pure: ephemeral keys come in as arguments, so a handshake step is a function and can be a Job.
// A finished handshake consumes itself into transport keys.
#pragma once

#include <vector>

#include "kith/base/result.hpp"
#include "kith/crypto/aead.hpp"
#include "kith/crypto/dh.hpp"
#include "kith/crypto/kdf.hpp"

namespace kith::session::noise {

enum class Pattern : std::uint8_t { ik, ik_psk2 };
using Psk = crypto::Secret<32>;

inline constexpr std::size_t message_1_overhead = 32 + 32 + 16 + 16;
inline constexpr std::size_t message_2_overhead = 32 + 16;

// The handshake failed and is over; nothing was learned that may be used.
enum class Error : std::uint8_t {
  not_authentic,  // a tag did not verify, or the message is too short
  weak_key,       // a public key of small order
};

struct Transport {
  crypto::AeadKey send, receive;
  ByteArray<64> handshake_hash{};
};

// Noise's SymmetricState and CipherState in one.
class Symmetric {
 public:
  Symmetric(Pattern pattern, ByteView prologue);
  void mix_hash(ByteView data);
  void mix_key(ByteView input);
  void mix_psk(const Psk& psk);
  [[nodiscard]] bool mix_dh(const crypto::Secret<32>& own, const crypto::DhPublic& theirs);
  void encrypt(ByteView plain, Bytes& message);
  [[nodiscard]] bool decrypt(ByteView sealed, Bytes& plain);
  Transport split(bool initiator) const;

 private:
  ByteArray<64> hash_{};
  crypto::HashSecret chain_;
  crypto::AeadKey key_;
  std::uint64_t counter_ = 0;
};

class Initiator {
 public:
  // Appends message 1 to `message`.
  static Result<Initiator, Error> start(Pattern pattern, ByteView prologue,
                                        const crypto::DhPair& own, const crypto::DhPair& ephemeral,
                                        const crypto::DhPublic& responder, ByteView payload,
                                        Bytes& message);
  // Tries the psks in order (IK takes none); a failure leaves the handshake as it was.
  Result<Transport, Error> finish(const std::vector<Psk>& psks, ByteView message,
                                  Bytes& payload) const;

 private:
  explicit Initiator(Pattern pattern, Symmetric state) : pattern_(pattern), state_(state) {}
  Pattern pattern_;
  Symmetric state_;
  crypto::DhPair own_, ephemeral_;
};

class Responder {
 public:
  static Result<Responder, Error> read(Pattern pattern, ByteView prologue,
                                       const crypto::DhPair& own, ByteView message, Bytes& payload);
  const crypto::DhPublic& initiator() const { return initiator_; }
  // Appends message 2. `psk` is used by IKpsk2 only.
  Result<Transport, Error> reply(const crypto::DhPair& ephemeral, const Psk& psk, ByteView payload,
                                 Bytes& message) &&;

 private:
  explicit Responder(Pattern pattern, Symmetric state) : pattern_(pattern), state_(state) {}
  Pattern pattern_;
  Symmetric state_;
  crypto::DhPublic initiator_{}, initiator_ephemeral_{};
};

}  // namespace kith::session::noise
