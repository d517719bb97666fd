#include "kith/crypto/aead.hpp"

#include "kith/crypto/dh.hpp"

using namespace kith;

TEST_CASE("crypto/aead: what was sealed opens; any changed bit does not") {
  const crypto::AeadKey key(ByteArray<32>{9});
  const ByteView plain = as_bytes("membership first");
  Bytes sealed(plain.size() + crypto::aead_tag_size), opened(plain.size());
  crypto::seal(key, 7, as_bytes("ad"), plain, sealed);
  CHECK(crypto::open(key, 7, as_bytes("ad"), sealed, opened));
  CHECK_EQ(as_text(opened), as_text(plain));
  CHECK_FALSE(crypto::open(key, 8, as_bytes("ad"), sealed, opened));
  CHECK_FALSE(crypto::open(key, 7, as_bytes("ax"), sealed, opened));
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    Bytes bad = sealed;
    bad[bit / 8] ^= static_cast<Byte>(1u << (bit % 8));
    CHECK_FALSE(crypto::open(key, 7, as_bytes("ad"), bad, opened));
  }
  CHECK_FALSE(crypto::open(key, 7, {}, as_bytes("short"), {}));
}

TEST_CASE("crypto/aead: sealing in place gives the same bytes") {
  const crypto::AeadKey key(ByteArray<32>{1, 2, 3});
  Bytes apart(5 + 16), inside(5 + 16);
  std::memcpy(inside.data(), "hello", 5);
  crypto::seal(key, 1, {}, as_bytes("hello"), apart);
  crypto::seal(key, 1, {}, ByteView(inside).first(5), inside);
  CHECK_EQ(apart, inside);
  CHECK(crypto::open(key, 1, {}, inside, MutableBytes(inside).first(5)));
  CHECK_EQ(as_text(ByteView(inside).first(5)), "hello");
}

TEST_CASE("crypto/aead: the long-nonce form opens only under its nonce") {
  const crypto::AeadKey key(ByteArray<32>{4});
  crypto::LongNonce nonce{1}, other{2};
  Bytes sealed(3 + 16), opened(3);
  crypto::seal_long(key, nonce, as_bytes("m"), as_bytes("abc"), sealed);
  CHECK(crypto::open_long(key, nonce, as_bytes("m"), sealed, opened));
  CHECK_FALSE(crypto::open_long(key, other, as_bytes("m"), sealed, opened));
}

TEST_CASE("crypto/dh: both sides agree on the secret of RFC 7748 6.1") {
  const auto secret = [](std::string_view hex) { return crypto::Secret<32>::from(*from_hex(hex)); };
  const auto alice = crypto::DhPair::from_secret(
      secret("77076d0a7318a57d3c16c17251b26645df4c2f92ebc099b5dc1b6c2b5b0f7d0e"));
  const auto bob = crypto::DhPair::from_secret(
      secret("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
  CHECK_EQ(to_hex(bob.public_key),
           "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  const auto ours = crypto::dh(alice.secret, bob.public_key);
  const auto theirs = crypto::dh(bob.secret, alice.public_key);
  CHECK_EQ(to_hex(ours->view()), to_hex(theirs->view()));
}

TEST_CASE("crypto/dh: a point of small order is refused") {
  crypto::SecretRng rng(ByteArray<32>{5});
  const auto pair = crypto::DhPair::generate(rng);
  CHECK_FALSE(crypto::dh(pair.secret, crypto::DhPublic{}));
  CHECK_FALSE(crypto::dh(pair.secret, crypto::DhPublic{1}));
}
