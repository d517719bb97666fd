#include "kith/crypto/hash.hpp"

#include "kith/crypto/kdf.hpp"
#include "kith/crypto/random.hpp"

using namespace kith;

TEST_CASE("crypto/hash: BLAKE2b-512 of abc is the one in RFC 7693") {
  CHECK_EQ(to_hex(crypto::hash512({as_bytes("abc")})),
           "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
           "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
}

TEST_CASE("crypto/hash: parts hash as their concatenation") {
  CHECK_EQ(crypto::hash256({as_bytes("a"), {}, as_bytes("bc")}),
           crypto::hash256({as_bytes("abc")}));
}

TEST_CASE("crypto/hash: the key and its length matter") {
  Bytes key(64);
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<Byte>(i);
  CHECK_NE(crypto::keyed_hash256(key, {as_bytes("m")}), crypto::hash256({as_bytes("m")}));
  CHECK_NE(crypto::keyed_hash256(key, {as_bytes("m")}),
           crypto::keyed_hash256(ByteView(key).first(63), {as_bytes("m")}));
}

TEST_CASE("crypto/hash: a one-byte key and a name make a network id") {
  const ByteArray<1> root{7};
  CHECK_NE(crypto::network_id(root, "home"), crypto::network_id(root, "office"));
}

TEST_CASE("crypto/hash: secrets compare by content and length") {
  CHECK(crypto::same_secret(as_bytes("abc"), as_bytes("abc")));
  CHECK_FALSE(crypto::same_secret(as_bytes("abc"), as_bytes("abd")));
  CHECK_FALSE(crypto::same_secret(as_bytes("abc"), as_bytes("ab")));
}

TEST_CASE("crypto/random: the same seed draws the same bytes, and never the same twice") {
  crypto::SecretRng a(ByteArray<32>{1}), b(ByteArray<32>{1}), c(ByteArray<32>{2});
  const auto first = a.draw<32>();
  CHECK_EQ(first, b.draw<32>());
  CHECK_NE(first, c.draw<32>());
  CHECK_NE(first, a.draw<32>());
}

TEST_CASE("crypto/kdf: the three outputs differ and depend on the input") {
  crypto::HashSecret chain;
  const auto one = crypto::hkdf(chain, as_bytes("x"));
  const auto two = crypto::hkdf(chain, as_bytes("y"));
  CHECK_NE(to_hex(one.first.view()), to_hex(one.second.view()));
  CHECK_NE(to_hex(one.second.view()), to_hex(one.third.view()));
  CHECK_NE(to_hex(one.first.view()), to_hex(two.first.view()));
}
