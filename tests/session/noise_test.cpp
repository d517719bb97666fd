// The published vectors: every message, the handshake hash, and the transport messages.
#include "noise.hpp"

#include <fstream>
#include <sstream>

using namespace kith;
using namespace kith::session;

namespace {

// Just enough JSON for tests/vectors/noise.json: string values by key, in order of appearance.
struct Vector {
  std::string text;
  std::string value(const std::string& key, std::size_t nth = 0) const {
    std::size_t at = 0;
    for (std::size_t i = 0; i <= nth; ++i) {
      at = text.find("\"" + key + "\"", at);
      if (at == std::string::npos) return {};
      ++at;
    }
    const std::size_t open = text.find('"', text.find(':', at)) + 1;
    return text.substr(open, text.find('"', open) - open);
  }
  Bytes bytes(const std::string& key, std::size_t nth = 0) const {
    return *from_hex(value(key, nth));
  }
};

std::vector<Vector> vectors() {
  std::ifstream file(KITH_VECTORS "/noise.json");
  REQUIRE(file.is_open());
  std::stringstream all;
  all << file.rdbuf();
  const std::string text = all.str();
  std::vector<Vector> out;
  for (std::size_t at = text.find("protocol_name"); at != std::string::npos;) {
    const std::size_t next = text.find("protocol_name", at + 1);
    out.push_back({text.substr(at - 1, next == std::string::npos ? next : next - at)});
    at = next;
  }
  return out;
}

crypto::DhPair pair(const Bytes& secret) {
  return crypto::DhPair::from_secret(crypto::Secret<32>::from(secret));
}

std::string sealed(const crypto::AeadKey& key, std::uint64_t counter, const Bytes& plain) {
  Bytes out(plain.size() + crypto::aead_tag_size);
  crypto::seal(key, counter, {}, plain, out);
  return to_hex(out);
}

void check(const Vector& v, noise::Pattern pattern) {
  const Bytes prologue = v.bytes("init_prologue");
  const noise::Psk psk =
      pattern == noise::Pattern::ik ? noise::Psk() : noise::Psk::from(v.bytes("init_psks"));
  const auto responder_static = pair(v.bytes("resp_static"));
  CHECK_EQ(to_hex(responder_static.public_key), v.value("init_remote_static"));

  Bytes first, second, payload;
  const auto initiator = noise::Initiator::start(
      pattern, prologue, pair(v.bytes("init_static")), pair(v.bytes("init_ephemeral")),
      responder_static.public_key, v.bytes("payload", 0), first);
  REQUIRE(initiator.has_value());
  CHECK_EQ(to_hex(first), v.value("ciphertext", 0));

  auto responder = noise::Responder::read(pattern, prologue, responder_static, first, payload);
  REQUIRE(responder.has_value());
  CHECK_EQ(to_hex(payload), v.value("payload", 0));
  const auto theirs =
      std::move(*responder)
          .reply(pair(v.bytes("resp_ephemeral")), psk, v.bytes("payload", 1), second);
  REQUIRE(theirs.has_value());
  CHECK_EQ(to_hex(second), v.value("ciphertext", 1));

  const noise::Psk wrong(ByteArray<32>{1});
  const auto ours = initiator->finish({wrong, psk}, second, payload);
  REQUIRE(ours.has_value());
  CHECK_EQ(to_hex(payload), v.value("payload", 1));
  CHECK_EQ(to_hex(ours->handshake_hash), v.value("handshake_hash"));
  CHECK_EQ(to_hex(theirs->handshake_hash), v.value("handshake_hash"));
  CHECK_EQ(sealed(ours->send, 0, v.bytes("payload", 2)), v.value("ciphertext", 2));
  CHECK_EQ(sealed(theirs->send, 0, v.bytes("payload", 3)), v.value("ciphertext", 3));
  CHECK_EQ(sealed(ours->send, 1, v.bytes("payload", 4)), v.value("ciphertext", 4));
  CHECK_EQ(sealed(theirs->send, 1, v.bytes("payload", 5)), v.value("ciphertext", 5));
}

}  // namespace

TEST_CASE("session/noise: IK and IKpsk2 are byte for byte the published vectors") {
  int checked = 0;
  for (const Vector& vector : vectors()) {
    const std::string& name = vector.value("protocol_name");
    CAPTURE(name);
    if (name == "Noise_IK_25519_ChaChaPoly_BLAKE2b")
      check(vector, noise::Pattern::ik);
    else if (name == "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2b")
      check(vector, noise::Pattern::ik_psk2);
    else
      continue;
    ++checked;
  }
  CHECK_EQ(checked, 2);
}

TEST_CASE("session/noise: no byte of a message 1 may change, and no psk but the right one fits") {
  crypto::SecretRng rng(ByteArray<32>{3});
  const auto a = crypto::DhPair::generate(rng), b = crypto::DhPair::generate(rng);
  const auto ea = crypto::DhPair::generate(rng), eb = crypto::DhPair::generate(rng);
  const auto pattern = noise::Pattern::ik_psk2;
  Bytes first, second, payload;
  const auto initiator =
      noise::Initiator::start(pattern, {}, a, ea, b.public_key, as_bytes("hi"), first);
  for (std::size_t i = 0; i < first.size(); ++i) {
    Bytes bad = first;
    bad[i] ^= 1;
    CHECK_FALSE(noise::Responder::read(pattern, {}, b, bad, payload));
    CHECK_FALSE(noise::Responder::read(pattern, {}, b, ByteView(first).first(i), payload));
  }
  auto responder = noise::Responder::read(pattern, {}, b, first, payload);
  const noise::Psk right(ByteArray<32>{1}), wrong(ByteArray<32>{2});
  REQUIRE(std::move(*responder).reply(eb, right, {}, second));
  CHECK_FALSE(initiator->finish({wrong}, second, payload));
  CHECK(initiator->finish({wrong, right}, second, payload));
}
