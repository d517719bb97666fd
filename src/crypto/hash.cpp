#include "kith/crypto/hash.hpp"

#include "sodium.hpp"

namespace kith::crypto {
namespace {

template <std::size_t N>
ByteArray<N> blake2b(ByteView key, Parts parts) {
  KITH_ASSERT(key.size() <= crypto_generichash_blake2b_KEYBYTES_MAX);
  ready_sodium();
  crypto_generichash_blake2b_state state;
  crypto_generichash_blake2b_init(&state, key.data(), key.size(), N);
  for (const ByteView part : parts)
    crypto_generichash_blake2b_update(&state, part.data(), part.size());
  ByteArray<N> out;
  crypto_generichash_blake2b_final(&state, out.data(), N);
  return out;
}

}  // namespace

Hash256 hash256(Parts parts) { return {blake2b<32>({}, parts)}; }
Hash256 keyed_hash256(ByteView key, Parts parts) { return {blake2b<32>(key, parts)}; }
ByteArray<64> hash512(Parts parts) { return blake2b<64>({}, parts); }

ByteArray<8> hash64(Parts parts) {
  const Hash256 whole = hash256(parts);
  ByteArray<8> out;
  std::memcpy(out.data(), whole.bytes.data(), out.size());
  return out;
}

ByteArray<16> keyed_hash128(ByteView key, Parts parts) { return blake2b<16>(key, parts); }
ByteArray<8> keyed_hash64(ByteView key, Parts parts) { return blake2b<8>(key, parts); }

NodeId node_id(const PublicKey& key) {
  return {hash256({as_bytes("kith node"), key.view()}).bytes};
}

NetworkId network_id(ByteView root, std::string_view name) {
  return {keyed_hash256(root, {as_bytes(name)}).bytes};
}

bool same_secret(ByteView a, ByteView b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

void wipe(MutableBytes secret) { sodium_memzero(secret.data(), secret.size()); }

}  // namespace kith::crypto
