// AEAD: ChaCha20-Poly1305 [RFC 8439] with a counter for a nonce, as Noise and the data frames use
// it; and XChaCha20-Poly1305 for cookies, whose nonces are random.
//
// Buffers: `out` may start where the input starts (in place); no other overlap is allowed.
#pragma once

#include "kith/crypto/secret.hpp"

namespace kith::crypto {

using AeadKey = Secret<32>;
inline constexpr std::size_t aead_tag_size = 16;

// Nonce = 4 zero bytes || LE64 counter: never twice under one key.
// Precondition: out.size() == plain.size() + aead_tag_size.
void seal(const AeadKey& key, std::uint64_t counter, ByteView associated, ByteView plain,
          MutableBytes out);
// False: not authentic (or shorter than a tag), and `out` holds nothing of the message.
// Precondition: sealed.size() < aead_tag_size or out.size() == sealed.size() - aead_tag_size.
[[nodiscard]] bool open(const AeadKey& key, std::uint64_t counter, ByteView associated,
                        ByteView sealed, MutableBytes out);

using LongNonce = ByteArray<24>;  // long enough to be drawn at random
void seal_long(const AeadKey& key, const LongNonce& nonce, ByteView associated, ByteView plain,
               MutableBytes out);
[[nodiscard]] bool open_long(const AeadKey& key, const LongNonce& nonce, ByteView associated,
                             ByteView sealed, MutableBytes out);

}  // namespace kith::crypto
