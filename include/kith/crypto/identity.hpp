// Identity: a node's one Ed25519 key pair. Signs; its X25519 form does the Noise handshake.
#pragma once

#include <memory>

#include "kith/base/buffer.hpp"
#include "kith/base/ids.hpp"
#include "kith/base/job.hpp"

namespace kith::crypto {

class Identity {
 public:
  static Identity from_seed(const ByteArray<32>& seed);  // the 32 bytes that identity.key holds
  ~Identity();                                           // wipes
  Identity(const Identity&) = default;
  Identity& operator=(const Identity&) = default;

  const PublicKey& public_key() const { return public_key_; }
  const NodeId& id() const { return id_; }
  ByteArray<32> seed() const;
  ByteArray<32> x25519_secret() const;  // caller wipes
  Signature sign(ByteView message) const;

 private:
  Identity() = default;
  ByteArray<64> secret_{};
  PublicKey public_key_;
  NodeId id_;
};

bool verify(const PublicKey& key, ByteView message, const Signature& signature);

// The X25519 form of an Ed25519 public key; nullopt when it is not a point of full order.
std::optional<ByteArray<32>> x25519_public(const PublicKey& key);

// Heavy crypto as messages (base/job.hpp). The identity is shared, not copied.
struct SignJob final : Job {
  SignJob(std::shared_ptr<const Identity> signer, Buffer message);
  std::unique_ptr<JobResult> run() const override;  // -> Signed
  std::shared_ptr<const Identity> signer;
  Buffer message;
};
struct Signed final : JobResult {
  Signature signature;
};

struct Claim {
  PublicKey key;
  Buffer message;
  Signature signature;
};
struct VerifyJob final : Job {
  explicit VerifyJob(std::vector<Claim> claims);
  std::unique_ptr<JobResult> run() const override;  // -> Verified
  std::vector<Claim> claims;
};
struct Verified final : JobResult {
  std::vector<bool> valid;  // one per claim, same order
};

}  // namespace kith::crypto
