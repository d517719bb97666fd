#include "kith/crypto/identity.hpp"

#include "kith/crypto/dh.hpp"
#include "kith/crypto/hash.hpp"

using namespace kith;

TEST_CASE("crypto/identity: the seed makes the key of RFC 8032 7.1 test 1") {
  const Bytes seed = *from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  ByteArray<32> fixed;
  std::copy(seed.begin(), seed.end(), fixed.begin());
  const auto identity = crypto::Identity::from_seed(fixed);
  CHECK_EQ(to_hex(identity.public_key().view()),
           "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  CHECK_EQ(identity.seed(), fixed);
  CHECK_EQ(to_hex(identity.sign({}).view()),
           "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
           "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
}

TEST_CASE("crypto/identity: a signature holds for its message and key only") {
  const auto a = crypto::Identity::from_seed({1}), b = crypto::Identity::from_seed({2});
  const Signature signature = a.sign(as_bytes("m"));
  CHECK(crypto::verify(a.public_key(), as_bytes("m"), signature));
  CHECK_FALSE(crypto::verify(a.public_key(), as_bytes("n"), signature));
  CHECK_FALSE(crypto::verify(b.public_key(), as_bytes("m"), signature));
}

TEST_CASE("crypto/identity: the X25519 forms of the two halves belong together") {
  const auto identity = crypto::Identity::from_seed({3});
  const auto pair = crypto::DhPair::from_secret(crypto::Secret<32>(identity.x25519_secret()));
  CHECK_EQ(pair.public_key, *crypto::x25519_public(identity.public_key()));
  CHECK_FALSE(crypto::x25519_public(PublicKey{}));  // of small order
}

TEST_CASE("crypto/identity: jobs answer like the functions do") {
  const auto identity = std::make_shared<const crypto::Identity>(crypto::Identity::from_seed({4}));
  const Buffer message(as_bytes("m"));
  const auto result = crypto::SignJob(identity, message).run();
  const Signature signature = dynamic_cast<const crypto::Signed&>(*result).signature;
  const crypto::Claim good{identity->public_key(), message, signature};
  crypto::Claim bad = good;
  bad.signature.bytes[0] ^= 1;
  const auto verified = crypto::VerifyJob({good, bad}).run();
  CHECK_EQ(dynamic_cast<const crypto::Verified&>(*verified).valid, std::vector<bool>{true, false});
}
