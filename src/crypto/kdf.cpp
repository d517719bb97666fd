#include "kith/crypto/kdf.hpp"

#include "sodium.hpp"

namespace kith::crypto {
namespace {

constexpr std::size_t block_size = 128;  // BLAKE2b's, which HMAC pads its key to

void hash_padded(crypto_generichash_blake2b_state& state, ByteView key, Byte pad) {
  Secret<block_size> block;
  const MutableBytes bytes = block.writable();
  for (std::size_t i = 0; i < block_size; ++i)
    bytes[i] = static_cast<Byte>((i < key.size() ? key[i] : 0) ^ pad);
  crypto_generichash_blake2b_init(&state, nullptr, 0, 64);
  crypto_generichash_blake2b_update(&state, block.data(), block_size);
}

void finish(crypto_generichash_blake2b_state& state, HashSecret& out) {
  crypto_generichash_blake2b_final(&state, out.writable().data(), 64);
  sodium_memzero(&state, sizeof state);
}

}  // namespace

HashSecret hmac(ByteView key, Parts parts) {
  KITH_ASSERT(key.size() <= block_size);
  ready_sodium();
  crypto_generichash_blake2b_state state;
  HashSecret inner, outer;
  hash_padded(state, key, 0x36);
  for (const ByteView part : parts)
    crypto_generichash_blake2b_update(&state, part.data(), part.size());
  finish(state, inner);
  hash_padded(state, key, 0x5c);
  crypto_generichash_blake2b_update(&state, inner.data(), 64);
  finish(state, outer);
  return outer;
}

Derived hkdf(const HashSecret& chaining_key, ByteView input) {
  constexpr ByteArray<1> one{1}, two{2}, three{3};
  const HashSecret temporary = hmac(chaining_key.view(), {input});
  Derived out;
  out.first = hmac(temporary.view(), {one});
  out.second = hmac(temporary.view(), {out.first.view(), two});
  out.third = hmac(temporary.view(), {out.second.view(), three});
  return out;
}

}  // namespace kith::crypto
