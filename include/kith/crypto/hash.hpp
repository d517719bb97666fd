// BLAKE2b [RFC 7693], plain and keyed. Keys are 1 to 64 bytes.
#pragma once

#include <initializer_list>

#include "kith/base/ids.hpp"

namespace kith::crypto {

using Parts = std::initializer_list<ByteView>;  // hashed one after another, no separators

Hash256 hash256(Parts parts);
Hash256 keyed_hash256(ByteView key, Parts parts);
ByteArray<64> hash512(Parts parts);
ByteArray<8> hash64(Parts parts);                        // the first 8 of hash256: not for keys
ByteArray<16> keyed_hash128(ByteView key, Parts parts);  // mac1, mac2, cookies, checksums
ByteArray<8> keyed_hash64(ByteView key, Parts parts);    // tags

NodeId node_id(const PublicKey& key);                        // BLAKE2b-256("kith node" || key)
NetworkId network_id(ByteView root, std::string_view name);  // keyed BLAKE2b-256(root, name)

// Constant time in the contents.
bool same_secret(ByteView a, ByteView b);
void wipe(MutableBytes secret);

}  // namespace kith::crypto
