// The doors of crypto/ without the cost: the same sizes, the same algebra, no secrecy at all.
// Linked into the simulator in place of crypto/, and into nothing else.
//
// Hashes are a 64-bit mixer run in lanes; a signature is a hash under the public key; a
// Diffie-Hellman result is a hash of both public keys; a seal is a tag over an untouched text
// (kith/nullcrypto/seal.hpp). What was altered by accident, or by who is no party, is found out.
#include <algorithm>

#include "kith/crypto/aead.hpp"
#include "kith/crypto/dh.hpp"
#include "kith/crypto/hash.hpp"
#include "kith/crypto/identity.hpp"
#include "kith/crypto/kdf.hpp"
#include "kith/crypto/random.hpp"
#include "kith/nullcrypto/seal.hpp"

namespace kith::crypto {
namespace {

using nullcrypto::Mixer;

template <std::size_t N>
ByteArray<N> hashed(std::uint64_t domain, ByteView key, Parts parts) {
  Mixer mixer(domain);
  mixer.add(key);
  for (const ByteView part : parts) mixer.add(part);
  return mixer.take<N>();
}

enum : std::uint64_t { plain = 1, keyed, signing, public_of, shared, sealing, hmac_of, stream };

// The first word of a tag (kith/nullcrypto/seal.hpp).
std::uint64_t under(const AeadKey& key, std::uint64_t counter) {
  return Mixer(sealing).add(key.view()).word() + counter;
}
std::uint64_t under(const AeadKey& key, const LongNonce& nonce) {
  return Mixer(sealing).add(key.view()).add(nonce).word();
}
bool open_with(std::uint64_t first, ByteView associated, ByteView sealed, MutableBytes out) {
  const auto it = nullcrypto::opened(associated, sealed);
  if (!it || it->first != first) return false;
  if (!it->text.empty()) std::memmove(out.data(), it->text.data(), it->text.size());
  return true;
}

ByteArray<8> counter_nonce(std::uint64_t counter) {
  ByteArray<8> nonce;
  store_le(nonce.data(), counter);
  return nonce;
}

}  // namespace

// --- hash ---------------------------------------------------------------------------------------

Hash256 hash256(Parts parts) { return Hash256::from(hashed<32>(plain, {}, parts)); }
Hash256 keyed_hash256(ByteView key, Parts parts) {
  return Hash256::from(hashed<32>(keyed, key, parts));
}
ByteArray<64> hash512(Parts parts) { return hashed<64>(plain, {}, parts); }
ByteArray<8> hash64(Parts parts) { return hashed<8>(plain, {}, parts); }
ByteArray<16> keyed_hash128(ByteView key, Parts parts) { return hashed<16>(keyed, key, parts); }
ByteArray<8> keyed_hash64(ByteView key, Parts parts) { return hashed<8>(keyed, key, parts); }
NodeId node_id(const PublicKey& key) {
  return NodeId::from(hashed<32>(plain, {}, {as_bytes("kith node"), key.view()}));
}
NetworkId network_id(ByteView root, std::string_view name) {
  return NetworkId::from(hashed<32>(keyed, root, {as_bytes(name)}));
}
bool same_secret(ByteView a, ByteView b) { return equal(a, b); }
void wipe(MutableBytes secret) { std::fill(secret.begin(), secret.end(), Byte{0}); }

// --- aead ---------------------------------------------------------------------------------------

void seal(const AeadKey& key, std::uint64_t counter, ByteView associated, ByteView text,
          MutableBytes out) {
  nullcrypto::seal(under(key, counter), associated, text, out);
}
bool open(const AeadKey& key, std::uint64_t counter, ByteView associated, ByteView sealed,
          MutableBytes out) {
  return open_with(under(key, counter), associated, sealed, out);
}
void seal_long(const AeadKey& key, const LongNonce& nonce, ByteView associated, ByteView text,
               MutableBytes out) {
  nullcrypto::seal(under(key, nonce), associated, text, out);
}
bool open_long(const AeadKey& key, const LongNonce& nonce, ByteView associated, ByteView sealed,
               MutableBytes out) {
  return open_with(under(key, nonce), associated, sealed, out);
}

// --- keys ---------------------------------------------------------------------------------------

DhPair DhPair::from_secret(const Secret<32>& secret) {
  return {secret, hashed<32>(public_of, {}, {secret.view()})};
}
DhPair DhPair::generate(SecretRng& rng) { return from_secret(Secret<32>(rng.draw<32>())); }
std::optional<Secret<32>> dh(const Secret<32>& own, const DhPublic& theirs) {
  if (theirs == DhPublic{}) return std::nullopt;
  const DhPublic mine = DhPair::from_secret(own).public_key;
  const auto& [low, high] = std::minmax(mine, theirs);
  return Secret<32>(hashed<32>(shared, {}, {low, high}));
}

Identity Identity::from_seed(const ByteArray<32>& seed) {
  Identity identity;
  identity.public_key_ = PublicKey::from(hashed<32>(public_of, {}, {seed}));
  std::copy(seed.begin(), seed.end(), identity.secret_.begin());
  identity.id_ = node_id(identity.public_key_);
  return identity;
}
Identity::~Identity() = default;
ByteArray<32> Identity::seed() const {
  ByteArray<32> seed;
  std::copy_n(secret_.begin(), seed.size(), seed.begin());
  return seed;
}
ByteArray<32> Identity::x25519_secret() const { return seed(); }
Signature Identity::sign(ByteView message) const {
  return Signature::from(hashed<64>(signing, public_key_.view(), {message}));
}
bool verify(const PublicKey& key, ByteView message, const Signature& signature) {
  return equal(hashed<64>(signing, key.view(), {message}), signature.view());
}
std::optional<ByteArray<32>> x25519_public(const PublicKey& key) { return key.bytes; }

SignJob::SignJob(std::shared_ptr<const Identity> who, Buffer what)
    : signer(std::move(who)), message(std::move(what)) {}
std::unique_ptr<JobResult> SignJob::run() const {
  auto result = std::make_unique<Signed>();
  result->signature = signer->sign(message.view());
  return result;
}
VerifyJob::VerifyJob(std::vector<Claim> what) : claims(std::move(what)) {}
std::unique_ptr<JobResult> VerifyJob::run() const {
  auto result = std::make_unique<Verified>();
  for (const Claim& claim : claims)
    result->valid.push_back(verify(claim.key, claim.message.view(), claim.signature));
  return result;
}

// --- kdf, random --------------------------------------------------------------------------------

HashSecret hmac(ByteView key, Parts parts) { return HashSecret(hashed<64>(hmac_of, key, parts)); }
Derived hkdf(const HashSecret& chaining_key, ByteView input) {
  const auto part = [&](Byte number) {
    const ByteArray<1> label{number};
    return hmac(chaining_key.view(), {input, label});
  };
  return {part(1), part(2), part(3)};
}

SecretRng::SecretRng(const ByteArray<32>& seed) : key_(seed) {}
SecretRng::~SecretRng() = default;
void SecretRng::fill(MutableBytes out) {
  while (!out.empty()) {
    const ByteArray<32> block = hashed<32>(stream, key_, {counter_nonce(counter_++)});
    const std::size_t size = std::min(out.size(), block.size());
    std::copy_n(block.begin(), size, out.begin());
    out = out.subspan(size);
  }
}

}  // namespace kith::crypto
