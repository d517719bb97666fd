#include "kith/crypto/aead.hpp"

#include "sodium.hpp"

namespace kith::crypto {
namespace {

static_assert(aead_tag_size == crypto_aead_chacha20poly1305_ietf_ABYTES);
static_assert(aead_tag_size == crypto_aead_xchacha20poly1305_ietf_ABYTES);
static_assert(sizeof(LongNonce) == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);

ByteArray<12> counter_nonce(std::uint64_t counter) {
  ByteArray<12> nonce{};
  store_le(nonce.data() + 4, counter);
  return nonce;
}

}  // namespace

void seal(const AeadKey& key, std::uint64_t counter, ByteView associated, ByteView plain,
          MutableBytes out) {
  KITH_ASSERT(out.size() == plain.size() + aead_tag_size);
  ready_sodium();
  const auto nonce = counter_nonce(counter);
  crypto_aead_chacha20poly1305_ietf_encrypt(out.data(), nullptr, plain.data(), plain.size(),
                                            associated.data(), associated.size(), nullptr,
                                            nonce.data(), key.data());
}

bool open(const AeadKey& key, std::uint64_t counter, ByteView associated, ByteView sealed,
          MutableBytes out) {
  if (sealed.size() < aead_tag_size) return false;
  KITH_ASSERT(out.size() == sealed.size() - aead_tag_size);
  ready_sodium();
  const auto nonce = counter_nonce(counter);
  return crypto_aead_chacha20poly1305_ietf_decrypt(
             out.data(), nullptr, nullptr, sealed.data(), sealed.size(), associated.data(),
             associated.size(), nonce.data(), key.data()) == 0;
}

void seal_long(const AeadKey& key, const LongNonce& nonce, ByteView associated, ByteView plain,
               MutableBytes out) {
  KITH_ASSERT(out.size() == plain.size() + aead_tag_size);
  ready_sodium();
  crypto_aead_xchacha20poly1305_ietf_encrypt(out.data(), nullptr, plain.data(), plain.size(),
                                             associated.data(), associated.size(), nullptr,
                                             nonce.data(), key.data());
}

bool open_long(const AeadKey& key, const LongNonce& nonce, ByteView associated, ByteView sealed,
               MutableBytes out) {
  if (sealed.size() < aead_tag_size) return false;
  KITH_ASSERT(out.size() == sealed.size() - aead_tag_size);
  ready_sodium();
  return crypto_aead_xchacha20poly1305_ietf_decrypt(
             out.data(), nullptr, nullptr, sealed.data(), sealed.size(), associated.data(),
             associated.size(), nonce.data(), key.data()) == 0;
}

}  // namespace kith::crypto
