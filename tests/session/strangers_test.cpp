// What somebody without a key of ours tries: relayed handshakes, forged answers, cookies, refusals.
#include "frames.hpp"
#include "kith/crypto/hash.hpp"
#include "world.hpp"

using namespace kith;
using namespace kith::test;

namespace {

Endpoint place(const std::string& text) { return *parse_endpoint(text); }

// Answers every who_are_you that `who` has sent to `at` with an i_am that names `key`.
void answer_questions(World& world, const std::string& who, const Endpoint& at,
                      const PublicKey& key) {
  std::vector<Bytes> questions;
  for (const Captured& sent : world.captured)
    if (sent.from == who && sent.target == at && frame_name(sent.bytes) == "who_are_you")
      questions.push_back(sent.bytes);
  world.captured.clear();
  for (const Bytes& question : questions) {
    s::IAm answer;
    answer.nonce = s::parse_who_are_you(question)->nonce;
    answer.key = key;
    world.inject(who, at, s::encode(answer));
  }
}

}  // namespace

// m knows no secret: the network id and b's public key are enough. -B and B have one X25519 form.
TEST_CASE("session/strangers: a stranger cannot make two members talk past each other") {
  World world;
  meet(world);
  const Endpoint m = place("10.0.0.66:4747");
  PublicKey mirrored = world.node("b").identity->public_key();
  mirrored.bytes[31] ^= 0x80;  // the other point with this y
  const NetworkId network = world.node("b").config.network;

  world.captured.clear();
  world.dial("a", "10.0.0.66:4747");  // as after a beacon from there
  answer_questions(world, "a", m, mirrored);
  // m carries frames between a and b, and makes mac1 anew.
  const auto relay = [&] {
    const std::vector<Captured> frames = std::exchange(world.captured, {});
    for (const Captured& sent : frames) {
      if (sent.target != m) continue;
      Bytes bytes = sent.bytes;
      if (frame_name(bytes) == "handshake_init") {
        const auto init = s::parse_init(bytes);
        bytes = s::make_init(init->sender, init->noise,
                             s::mac1_key(network, world.node("b").identity->public_key()));
      }
      world.inject(sent.from == "a" ? "b" : "a", m, bytes);
    }
  };
  for (int i = 0; i < 3; ++i) {
    relay();
    world.run(milliseconds(2));
  }
  CHECK_FALSE(world.node("a").session->has_session(crypto::node_id(mirrored)));
  CHECK_EQ(count(world, "b finds a at 10.0.0.66"), 0);
  world.delivered.clear();
  world.send("b", "a", as_bytes("for a"));
  world.run(milliseconds(10));
  relay();  // or not: then it is simply lost
  world.run(milliseconds(10));
  REQUIRE_EQ(world.delivered.size(), 1);
  CHECK_EQ(world.delivered.front().from, "b");  // and no node that does not exist
}

TEST_CASE("session/strangers: a stranger that names a mirrored key does not cut a live session") {
  World world;
  world.show_frames = false;
  meet(world);
  const Endpoint m = place("10.0.0.66:4747");
  const PublicKey b_key = world.node("b").identity->public_key();
  PublicKey mirrored = b_key;
  mirrored.bytes[31] ^= 0x80;
  const NetworkId network = world.node("b").config.network;
  world.delivered.clear();
  int sent = 0;
  for (int cycle = 0; cycle < 30; ++cycle) {
    world.captured.clear();
    world.dial("a", "10.0.0.66:4747");
    answer_questions(world, "a", m, mirrored);
    for (int i = 0; i < 20; ++i, ++sent) {  // 2 s
      // The handshake and the first packet under its keys are carried, nothing afterwards.
      const std::vector<Captured> frames = std::exchange(world.captured, {});
      for (const Captured& frame : frames) {
        Bytes bytes = frame.bytes;
        if (frame.target != m || (frame.from == "b" && frame_name(bytes) == "sealed")) continue;
        if (frame_name(bytes) == "handshake_init") {
          const auto init = s::parse_init(bytes);
          bytes = s::make_init(init->sender, init->noise, s::mac1_key(network, b_key));
        }
        world.inject(frame.from == "a" ? "b" : "a", m, bytes);
      }
      world.send("b", "a", as_bytes("x"));
      world.run(milliseconds(i < 3 ? 2 : 116));
    }
  }
  CHECK_GT(world.delivered.size(), 0);
  std::size_t from_b = 0;
  for (const auto& delivery : world.delivered) from_b += delivery.to == "a" && delivery.from == "b";
  CHECK_GT(from_b, static_cast<std::size_t>(sent / 2));
}

TEST_CASE("session/strangers: a message 1 counts on the transport it was made for only") {
  World world;
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  world.introduce("a", "b");
  world.send("a", "b", as_bytes("hello"));
  world.run(milliseconds(50));
  REQUIRE_EQ(world.delivered.size(), 1);
  const Bytes init = world.captured[0].bytes;
  REQUIRE_EQ(frame_name(init), "handshake_init");
  Bytes framed(2);
  store_le(framed.data(), static_cast<std::uint16_t>(init.size()));
  append(framed, init);
  world.input("b", s::StreamOpened{9001, place("10.0.0.77:50000"), true});
  world.input("b", s::StreamBytes{9001, framed});
  CHECK_EQ(world.drops[DropReason::not_authentic], 1);
}

// m has no secret and breaks nothing: it names the other when asked who it is, and carries
// handshakes only. The direct path is open all the time, or after three seconds.
TEST_CASE(
    "session/strangers: who carries handshakes and nothing else does not keep two peers apart") {
  for (const bool cut_at_first : {false, true}) {
    World world;
    world.show_frames = false;
    world.add("a", "10.0.0.1");
    world.add("b", "10.0.0.2");
    world.introduce("a", "b");
    world.introduce("b", "a");
    if (cut_at_first) world.cut = {{"a", "b"}, {"b", "a"}};
    const Endpoint to_b = place("10.0.0.66:4747"), to_a = place("10.0.0.66:4748");
    world.captured.clear();
    world.dial("a", to_string(to_b));  // as after a beacon of b's that m played again
    answer_questions(world, "a", to_b, world.node("b").identity->public_key());
    std::vector<Captured> first = std::exchange(world.captured, {});
    world.dial("b", to_string(to_a));
    answer_questions(world, "b", to_a, world.node("a").identity->public_key());
    world.captured.insert(world.captured.begin(), first.begin(), first.end());
    for (int i = 0; i < 6000; ++i) {  // a minute
      if (i == 300) world.cut.clear();
      const std::vector<Captured> frames = std::exchange(world.captured, {});
      for (const Captured& frame : frames) {
        if (!frame_name(frame.bytes).starts_with("handshake")) continue;
        if (frame.target == to_b && frame.from == "a") world.inject("b", to_a, frame.bytes);
        if (frame.target == to_a && frame.from == "b") world.inject("a", to_b, frame.bytes);
      }
      if (i % 100 == 50) world.send("a", "b", as_bytes("ping"));
      if (i % 100 == 70) world.send("b", "a", as_bytes("pong"));
      world.run(milliseconds(10));
    }
    CHECK_GT(world.delivered.size(), 100);  // of 120
  }
}

TEST_CASE(
    "session/strangers: a stranger's answers do not take the place of a member's signed "
    "addresses") {
  World world;
  world.show_frames = false;
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  world.introduce("a", "b");
  world.cut = {{"a", "b"}, {"b", "a"}};  // b is off for a moment
  for (int i = 0; i < 16; ++i) {
    const std::string at = "10.0.0.66:" + std::to_string(5000 + i);
    world.captured.clear();
    world.dial("a", at);
    answer_questions(world, "a", place(at), world.node("b").identity->public_key());
  }
  world.run(seconds(5));
  world.cut.clear();
  for (int i = 0; i < 60; ++i) {
    world.send("a", "b", as_bytes("hello"));
    world.run(seconds(1));
  }
  CHECK_GT(world.delivered.size(), 0);
}

TEST_CASE(
    "session/strangers: cookies from an unproven address bring it no more bytes than it sent") {
  World world;
  world.add("a", "10.0.0.1");
  world.add("m", "10.0.0.66");
  world.cut.insert({"a", "m"});
  world.introduce("a", "m");
  world.send("a", "m", as_bytes("hello"));
  REQUIRE_EQ(world.captured.size(), 1);
  const auto init = s::parse_init(world.captured[0].bytes);
  const s::Mac mac1 = init->mac1;
  const std::uint32_t sender = init->sender;
  const auto key =
      s::cookie_key(world.node("a").config.network, world.node("m").identity->public_key());
  const Endpoint victim = place("10.0.0.77:53");
  std::size_t in = 0, out = 0;
  world.captured.clear();
  for (Byte i = 1; i <= 100; ++i) {
    const Bytes cookie = s::make_cookie(sender, s::Mac{i}, {i}, key, mac1);
    in += cookie.size();
    world.inject("a", victim, cookie);  // the source is forged
  }
  for (const Captured& sent : world.captured)
    if (sent.target == victim) out += sent.bytes.size();
  CHECK_LE(out, in);
}

TEST_CASE("session/strangers: answers of strangers do not push out peers that are proven") {
  World world;
  world.show_frames = false;
  meet(world);
  const Endpoint m = place("10.0.0.66:4747");
  Rng rng(5);
  for (int i = 0; i < 4200; ++i) {
    PublicKey key;
    do
      for (Byte& byte : key.bytes) byte = static_cast<Byte>(rng.next());
    while (crypto::x25519_public(key));  // nobody's: each dial is over at once
    world.captured.clear();
    world.dial("a", "10.0.0.66:4747");
    answer_questions(world, "a", m, key);
    world.run(microseconds(100));
    world.trace.clear();
  }
  CHECK(world.node("a").session->has_session(world.id("b")));
  world.delivered.clear();
  world.send("a", "b", as_bytes("still there?"));
  world.run(seconds(1));
  CHECK_EQ(count(world, "no_route"), 0);
  CHECK_EQ(world.delivered.size(), 1);
}

TEST_CASE("session/strangers: who is known by hearsay gives way before everybody else") {
  World world;
  world.show_frames = false;
  meet(world);
  PublicKey key;
  for (std::uint32_t i = 1; i < 4096; ++i) {  // with b as many as there may be
    store_le(key.bytes.data(), i);
    world.input("a", s::PeerIntroduced{key, {place("10.9.0.1:4747")}});
  }
  world.send("a", "b", as_bytes("used"));
  for (int i = 0; i < 200; ++i) {  // real keys, nobody there: their dials last
    const std::string at = "10.0.0.66:" + std::to_string(5000 + i);
    world.captured.clear();
    world.dial("a", at);
    answer_questions(world, "a", place(at),
                     crypto::Identity::from_seed({1, static_cast<Byte>(i)}).public_key());
  }
  CHECK_EQ(count(world, "a dial"), 199);  // all but the last were forgotten
  CHECK(world.node("a").session->has_session(world.id("b")));
  store_le(key.bytes.data(), 2u);  // the first went for the first of them
  world.input("a", s::SendRequested{crypto::node_id(key), Buffer(as_bytes("x"))});
  CHECK_EQ(count(world, "no_route"), 0);
}

TEST_CASE(
    "session/strangers: a forged port unreachable does not end a dial that is being answered") {
  World world;
  world.latency = milliseconds(10);
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  world.dial("a", "10.0.0.2");
  world.run(milliseconds(5));
  world.input("a", s::DatagramRefused{world.node("b").at});
  world.run(seconds(3));
  CHECK_EQ(count(world, "a dial 1: ok b"), 1);
}

TEST_CASE(
    "session/strangers: who was introduced or is wanted is no hearsay, though its dial fails") {
  for (const bool introduced : {true, false}) {
    CAPTURE(introduced);
    World world;
    world.show_frames = false;
    world.add("a", "10.0.0.1");
    world.add("b", "10.0.0.2");
    world.captured.clear();
    world.dial("a", "10.0.0.2");
    answer_questions(world, "a", place("10.0.0.2:4747"), world.node("b").identity->public_key());
    world.cut = {{"a", "b"}, {"b", "a"}};
    if (introduced)
      world.introduce("a", "b");
    else
      world.send("a", "b", as_bytes("lost"));
    world.run(seconds(10));
    CHECK_EQ(count(world, "a dial 1: no_answer"), 1);
    world.cut.clear();
    world.send("a", "b", as_bytes("hello"));
    world.run(seconds(1));
    CHECK_EQ(count(world, "a received from"), 0);
    CHECK_EQ(count(world, "b received from a: \"hello\""), 1);
  }
}

TEST_CASE("session/strangers: an address dialled in the middle of a try may demand its cookie") {
  World world;
  world.show_frames = false;
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  world.input("a", s::PeerIntroduced{world.node("b").identity->public_key(),
                                     {place("192.168.7.7:4747")}});  // nobody is there
  world.send("a", "b", as_bytes("hello"));
  world.input("b", s::LoadReported{milliseconds(50), 0});
  world.dial("a", "10.0.0.2");
  world.run(milliseconds(50));
  CHECK_EQ(count(world, "b received from a: \"hello\""), 1);
}
