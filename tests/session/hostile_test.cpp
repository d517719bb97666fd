// What a liar, a flood or a bad network can do to one Session: nothing but Dropped{reason}.
#include <algorithm>

#include "frames.hpp"
#include "kith/base/visit.hpp"
#include "kith/crypto/hash.hpp"
#include "laws.hpp"
#include "world.hpp"

using namespace kith;
using namespace kith::test;

namespace {

const Endpoint stranger{IpAddress::v4(10, 0, 0, 66), 1234};

// A conversation between a and b with everything in it; its datagrams are raw material.
std::vector<Captured> conversation() {
  World world;
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  world.dial("a", "10.0.0.2");
  world.run(milliseconds(50));
  world.send("a", "b", as_bytes("hello"));
  world.send("b", "a", as_bytes("welcome"));
  world.input("b", s::LoadReported{milliseconds(50), 0});
  world.run(milliseconds(20));
  world.dial("a", "10.0.0.2", "b");
  world.run(milliseconds(100));
  return world.captured;
}

Bytes mutated(const Bytes& bytes, Rng& rng) {
  Bytes out = bytes;
  switch (rng.below(4)) {
    case 0:
      out.resize(rng.below(out.size() + 1));
      break;
    case 1:
      out.resize(out.size() + rng.below(1300));
      break;
    case 2:
      for (Byte& byte : out)
        if (rng.chance(1, 8)) byte = static_cast<Byte>(rng.next());
      break;
    default:
      if (!out.empty()) out[rng.below(out.size())] ^= static_cast<Byte>(1u << rng.below(8));
  }
  return out;
}

s::Session make_session() {
  s::Config config;
  config.network = crypto::network_id(as_bytes("root"), "home");
  config.incarnation = {1};
  auto identity = std::make_shared<const crypto::Identity>(crypto::Identity::from_seed({'b'}));
  s::Session session(config, identity, Rng(1), ByteArray<32>{1});
  kith::Outbox<s::Output> ignored;
  session.step(s::SubnetsChanged{{{IpAddress::v4(10, 0, 0, 0), 120}}, {}},
               Now{Instant(seconds(1000)), {}}, ignored);
  return session;
}

std::string describe(const s::Output& output) {
  std::string text = std::to_string(output.index());
  if (const auto* out = std::get_if<s::Transmit>(&output))
    text += to_string(out->to) + to_hex(out->bytes.view());
  if (const auto* out = std::get_if<s::WriteStream>(&output)) text += to_hex(out->bytes.view());
  if (const auto* out = std::get_if<Dropped>(&output)) text += to_string(out->reason);
  return text;
}

}  // namespace

TEST_CASE("session/hostile: nobody unproven gets more bytes than it sent, whatever it sends") {
  const std::vector<Captured> material = conversation();
  Rng rng(11);
  World world;
  world.show_frames = false;
  world.add("b", "10.0.0.2");
  std::map<std::string, int> answered;
  for (int i = 0; i < 4000; ++i) {
    const Captured& base = material[rng.below(material.size())];
    const Bytes bytes = rng.chance(1, 4) ? base.bytes : mutated(base.bytes, rng);
    if (rng.chance(1, 20)) world.input("b", s::LoadReported{milliseconds(50), 0});
    world.captured.clear();
    world.inject("b", stranger, bytes);
    std::size_t out = 0;
    for (const Captured& sent : world.captured) {
      CHECK_EQ(sent.target, stranger);
      out += sent.bytes.size();
      ++answered[frame_name(sent.bytes)];
    }
    REQUIRE_LE(out, bytes.size());
    world.run(milliseconds(static_cast<std::int64_t>(rng.below(50))));
  }
  CHECK_GT(answered["i_am"], 0);  // the test would prove nothing if all were silent
  CHECK_GT(answered["cookie"], 0);
  CHECK_GT(answered["handshake_reply"], 0);
  CHECK(world.node("b").session->snapshot().empty());
  CHECK(world.delivered.empty());
}

TEST_CASE("session/hostile: an unproven source leaves nothing behind") {
  const std::vector<Captured> material = conversation();
  World world;
  world.show_frames = false;
  world.add("b", "10.0.0.2");
  world.run_jobs = false;
  for (const Captured& sent : material)
    if (sent.to == "b") world.inject("b", stranger, sent.bytes);
  world.run(seconds(20));  // also the jobs that nobody ran are forgotten
  CHECK_FALSE(world.node("b").session->next_deadline().has_value());
}

TEST_CASE("session/hostile: every frame type cut short or changed is dropped with a reason") {
  World world;
  world.add("b", "10.0.0.2");
  for (int type = 0; type < 256; ++type) {
    for (const std::size_t size : {0u, 1u, 18u, 19u, 28u, 29u, 159u, 160u, 1200u, 1201u}) {
      Bytes bytes(size, Byte{0xaa});
      if (size > 0) bytes[0] = static_cast<Byte>(type);
      world.drops.clear();
      world.inject("b", stranger, bytes);
      CHECK_EQ(world.drops.size(), 1);
    }
  }
}

TEST_CASE("session/hostile: the laws hold under random and mutated input") {
  static const std::vector<Captured> material = conversation();
  static std::vector<Bytes> bytes;  // inputs hold views: law 8
  bytes.clear();
  bytes.reserve(3000);
  Rng rng(23);
  std::vector<Timed<s::Input>> inputs;
  const auto known = crypto::Identity::from_seed({'a'});
  const auto endpoint = [&] {
    return Endpoint{IpAddress::v4(10, 0, 0, static_cast<Byte>(rng.below(4))), 4747};
  };
  for (int i = 0; i < 3000; ++i) {
    const auto after = rng.between(Duration(0), milliseconds(300));
    const Captured& base = material[rng.below(material.size())];
    bytes.push_back(rng.chance(1, 2) ? base.bytes : mutated(base.bytes, rng));
    const ByteView view = bytes.back();
    const s::StreamId stream = rng.below(24);
    const auto pick = [&]() -> s::Input {
      switch (rng.below(14)) {
        case 0:
          return s::DatagramRefused{endpoint()};
        case 1:
          return s::PeerIntroduced{known.public_key(), {endpoint(), endpoint()}};
        case 2:
          return s::SendRequested{known.id(), Buffer(Bytes(1 + rng.below(3000))),
                                  static_cast<Lane>(rng.below(4)), rng.chance(1, 3)};
        case 3:
          return s::DialRequested{{i + 1u}, endpoint(), std::nullopt, false};
        case 4:
          return s::DialRequested{{i + 1u}, endpoint(), known.public_key(), false};
        case 5:
          return s::StreamOpened{stream, endpoint(), rng.chance(1, 2)};
        case 6:
          return s::StreamBytes{stream, view};
        case 7:
          return s::StreamCredit{stream, rng.below(100'000)};
        case 8:
          return s::StreamClosed{stream, static_cast<s::StreamEnd>(rng.below(5))};
        case 9:
          return s::LoadReported{milliseconds(static_cast<std::int64_t>(rng.below(30))), 0};
        case 10:
          return rng.chance(1, 5) ? s::Input(s::PeerForgotten{known.id()})
                                  : s::Input(s::TimeSkipped{seconds(200)});
        case 11:
          return Computed{{rng.below(500)}, nullptr};
        default:
          return s::DatagramReceived{endpoint(), view};
      }
    };
    const s::Input input = pick();
    inputs.push_back({after, input});
  }
  check_laws<s::Session>("session", make_session, inputs, describe);
}

TEST_CASE("session/hostile: half-open streams are few, short-lived and small") {
  World world;
  world.add("b", "10.0.0.2");
  const auto open = [&](s::StreamId id, const IpAddress& ip) {
    world.drops.clear();
    world.input("b", s::StreamOpened{id, {ip, 9}, true});
    return world.drops.empty();
  };
  for (s::StreamId i = 0; i < 8; ++i) CHECK(open(2 * i + 1, stranger.ip));
  CHECK_FALSE(open(101, stranger.ip));
  CHECK(open(103, IpAddress::v4(10, 0, 0, 67)));
  for (s::StreamId i = 0; i < 20; ++i) CHECK(open(2 * i + 201, IpAddress::v4(127, 0, 0, 1)));
  CHECK_FALSE(open(301, IpAddress::v4(192, 168, 0, 1)));
  world.drops.clear();
  world.input("b", s::StreamBytes{103, Bytes(4097)});
  CHECK_EQ(world.drops[DropReason::too_large], 1);
  world.run(seconds(11));
  CHECK(open(303, stranger.ip));
}

TEST_CASE("session/hostile: at most 256 jobs are in flight, and cookies come before that") {
  const Bytes init = [] {
    for (const Captured& sent : conversation())
      if (frame_name(sent.bytes) == "handshake_init") return sent.bytes;
    return Bytes();
  }();
  World world;
  world.show_frames = false;
  world.add("b", "10.0.0.2");
  world.run_jobs = false;
  for (int i = 0; i < 1000; ++i) world.inject("b", stranger, init);
  CHECK_EQ(world.drops[DropReason::under_load], 1000 - 32);
}

TEST_CASE("session/hostile: a world that never finishes a job does not wedge the machine") {
  World world;
  world.show_frames = false;
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  world.introduce("a", "b");
  world.run_jobs = false;
  for (int i = 0; i < 100; ++i) {
    world.send("a", "b", as_bytes("hello"));
    world.run(seconds(1));
  }
  world.run_jobs = true;
  world.run(seconds(20));
  world.send("a", "b", as_bytes("at last"));
  world.run(milliseconds(20));
  REQUIRE_FALSE(world.delivered.empty());
  CHECK_EQ(to_text(world.delivered.back().message), "at last");
}
