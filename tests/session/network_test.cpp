// Whole conversations over a network that loses, doubles and reorders.
#include "kith/crypto/hash.hpp"
#include "world.hpp"

using namespace kith;
using namespace kith::test;

TEST_CASE("session/network: doubled and reordered packets are delivered once each") {
  World world(7);
  world.show_frames = false;
  world.duplicate_percent = 50;
  world.jitter = milliseconds(20);
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  world.introduce("a", "b");
  world.introduce("b", "a");
  for (int i = 0; i < 500; ++i) {
    world.send("a", "b", as_bytes("a" + std::to_string(i)));
    world.send("b", "a", as_bytes("b" + std::to_string(i)));
    world.run(milliseconds(10));
  }
  world.run(seconds(1));
  std::set<std::string> seen;
  for (const auto& delivery : world.delivered) CHECK(seen.insert(to_text(delivery.message)).second);
  CHECK_EQ(seen.size(), 1000);
}

TEST_CASE("session/network: with a third of the packets lost a session is made and kept") {
  World world(3);
  world.show_frames = false;
  world.lose_percent = 33;
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  world.introduce("a", "b");
  world.introduce("b", "a");
  for (int i = 0; i < 600; ++i) {
    world.send("a", "b", as_bytes("ping"));
    world.send("b", "a", as_bytes("pong"));
    world.run(seconds(1));
  }
  // Two thirds of 1200, less what waited for keys; ten minutes hold four or five renewals.
  CHECK_GT(world.delivered.size(), 700);
  CHECK_LT(world.drops[DropReason::unknown_session], 10);
}

TEST_CASE("session/network: both sides at once end up with one conversation") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    World world(seed);
    world.jitter = milliseconds(5);
    world.add("a", "10.0.0.1");
    world.add("b", "10.0.0.2");
    world.introduce("a", "b");
    world.introduce("b", "a");
    world.send("a", "b", as_bytes("from a"));
    world.send("b", "a", as_bytes("from b"));
    world.send("a", "b", as_bytes("stream a"), true);
    world.send("b", "a", as_bytes("stream b"), true);
    world.run(milliseconds(200));
    CHECK_EQ(world.delivered.size(), 4);
    world.send("a", "b", Bytes(20'000), true);
    world.send("b", "a", Bytes(20'000), true);
    world.run(seconds(10));
    CHECK_EQ(world.delivered.size(), 6);
    CHECK_EQ(count(world, "established"), 2);
    CHECK_EQ(count(world, "cannot"), 0);
    // One of the two streams was closed by its two ends, or none was ever there.
    CHECK_LE(count(world, "closes stream"), 2);
  }
}

// Both send at the same instant, so that their handshakes cross; then a message each in every
// `pause`. How many were lost of what they sent.
static std::size_t lost_after_a_crossing(World& world, Duration pause, Duration time) {
  world.show_frames = false;
  world.latency = milliseconds(20);
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  world.introduce("a", "b");
  world.introduce("b", "a");
  std::size_t sent = 0;
  for (Duration passed{0}; passed < time; passed += pause) {
    world.send("a", "b", as_bytes("ping"));
    world.send("b", "a", as_bytes("pong"));
    sent += 2;
    world.run(pause);
  }
  world.run(seconds(1));
  return sent - world.delivered.size();
}

TEST_CASE("session/network: keys of handshakes that crossed are renewed without a gap") {
  World world;
  CHECK_EQ(lost_after_a_crossing(world, milliseconds(250), minutes(10)), 0);
  CHECK_EQ(count(world, "established"), 2);
  World busy;
  CHECK_EQ(lost_after_a_crossing(busy, milliseconds(5), seconds(200)), 0);
  CHECK_EQ(count(busy, "established"), 2);
}

TEST_CASE("session/network: a peer that starts anew right after its handshake is no crossing") {
  for (const std::string starter : {"a", "b"}) {
    const std::string other = starter == "a" ? "b" : "a";
    World world;
    world.add("a", "10.0.0.1");
    world.add("b", "10.0.0.2");
    world.introduce("a", "b");
    world.introduce("b", "a");
    world.send(other, starter, as_bytes("hello"));
    world.run(milliseconds(100));
    world.restart(starter);
    world.introduce(starter, other);
    world.send(starter, other, as_bytes("anew"));
    world.run(milliseconds(100));
    world.delivered.clear();
    world.send(other, starter, as_bytes("to the new one"));
    world.run(milliseconds(100));
    CHECK_EQ(world.delivered.size(), 1);
  }
}

TEST_CASE("session/network: queues are bounded and the excess is reported") {
  World world;
  world.show_frames = false;
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  world.introduce("a", "b");
  world.cut.insert({"a", "b"});
  for (int i = 0; i < 70; ++i) world.send("a", "b", as_bytes("x"));
  CHECK_EQ(count(world, "overflow"), 6);
}

TEST_CASE("session/network: a message to nobody, to ourselves or of no size goes nowhere") {
  World world;
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  world.send("a", "b", as_bytes("x"));
  CHECK_EQ(count(world, "no_route"), 1);
  world.send("a", "a", as_bytes("x"));
  CHECK_EQ(world.drops[DropReason::own_message], 1);
  world.send("a", "b", {});
  CHECK_EQ(world.drops[DropReason::malformed], 1);
}

TEST_CASE("session/network: the first address that answers wins") {
  World world;
  world.show_frames = false;
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  const Endpoint nowhere{IpAddress::v4(10, 0, 0, 99), 4747};
  world.input("a", s::PeerIntroduced{world.node("b").identity->public_key(),
                                     {nowhere, nowhere, world.node("b").at}});
  world.send("a", "b", as_bytes("hello"));
  world.run(milliseconds(60));
  CHECK_EQ(world.delivered.size(), 1);
}

TEST_CASE("session/network: at the limit the least recently used of all is forgotten") {
  World world;
  meet(world);
  const auto stranger = [](std::uint32_t number) {
    PublicKey key;
    store_le(key.bytes.data(), number);
    return key;
  };
  const auto introduce = [&](std::uint32_t number) {
    world.input("a", s::PeerIntroduced{stranger(number), {{IpAddress::v4(10, 9, 0, 1), 4747}}});
  };
  const auto known = [&](std::uint32_t number) {
    const auto before = count(world, "no_route");
    world.input("a", s::SendRequested{crypto::node_id(stranger(number)), Buffer(as_bytes("x"))});
    return count(world, "no_route") == before;
  };
  const std::uint32_t last = 4095;  // with the one we met as many as there may be
  for (std::uint32_t number = 1; number <= last; ++number) introduce(number);
  world.send("a", "b", as_bytes("used"));
  CHECK(known(1));  // used
  introduce(last + 1);
  CHECK_FALSE(known(2));
  CHECK(known(3));
  CHECK(world.node("a").session->has_session(world.id("b")));

  for (std::uint32_t number = 1; number <= last + 1; ++number)
    if (number != 2) introduce(number);  // all of them later than the one we met
  introduce(last + 2);
  CHECK_FALSE(world.node("a").session->has_session(world.id("b")));
  CHECK(known(1));
}

TEST_CASE("session/network: a closed port at a stale address is not the peer's death") {
  World world;
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  world.add("other", "10.0.0.3");
  world.kill("other");
  world.input("a", s::PeerIntroduced{world.node("b").identity->public_key(),
                                     {world.node("other").at, world.node("b").at}});
  world.send("a", "b", as_bytes("hello"));
  world.run(seconds(1));
  CHECK_EQ(world.delivered.size(), 1);
  CHECK_EQ(count(world, "cannot"), 0);
}

TEST_CASE("session/network: a peer that comes back on another port is found there") {
  World world;
  meet(world);
  world.kill("b");
  world.add("ghost", "10.0.0.2:4747");  // keeps the old port refusing
  world.kill("ghost");
  world.move("b", "10.0.0.2:4748");
  world.restart("b");
  world.introduce("a", "b");
  world.send("a", "b", as_bytes("lost"));
  world.run(seconds(1));
  CHECK_EQ(count(world, "refused"), 1);
  world.send("a", "b", as_bytes("found"));
  world.run(seconds(1));
  REQUIRE_EQ(world.delivered.size(), 2);
  CHECK_EQ(to_text(world.delivered.back().message), "found");
}

TEST_CASE("session/network: sleeping through three minutes costs a handshake and no failure") {
  World world;
  world.show_frames = false;
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  world.introduce("a", "b");
  world.send("a", "b", as_bytes("hello"));
  world.run(milliseconds(10));
  world.now.mono += minutes(10);
  world.input("a", s::TimeSkipped{minutes(10)});
  world.send("a", "b", as_bytes("good morning"));
  world.run(seconds(10));
  REQUIRE_EQ(world.delivered.size(), 2);
  CHECK_EQ(count(world, "cannot"), 0);
}

TEST_CASE("session/network: a release and the next one have a version in common and talk") {
  World world(2);
  world.add("a", "10.0.0.1", [](s::Config& config) {
    config.versions = {1, 2};
    config.features = 5;
  });
  world.add("b", "10.0.0.2");
  world.introduce("b", "a");
  world.dial("a", "10.0.0.2");
  world.run(seconds(1));
  CHECK_EQ(count(world, "a dial 1: ok b"), 1);
  world.send("a", "b", as_bytes("by stream"), true);
  world.send("b", "a", as_bytes("by datagram"));
  world.run(seconds(1));
  CHECK_EQ(count(world, "b received from a"), 1);
  CHECK_EQ(count(world, "a received from b"), 1);
}

TEST_CASE("session/network: without a version in common there is no session, and a dial says why") {
  for (const bool upwards : {false, true}) {
    World world(2);
    world.add("old", "10.0.0.1");
    world.add("new", "10.0.0.2", [](s::Config& config) { config.versions = {2, 3}; });
    const std::string from = upwards ? "old" : "new", to = upwards ? "new" : "old";
    world.introduce(from, to);
    world.dial(from, upwards ? "10.0.0.2" : "10.0.0.1");      // who-are-you tells
    world.dial(from, upwards ? "10.0.0.2" : "10.0.0.1", to);  // pinned: the handshake is refused
    world.send(from, to, as_bytes("never heard"), true);      // so it is on a stream
    world.run(seconds(20));
    CHECK_EQ(count(world, from + " dial 1: version"), 1);
    CHECK_EQ(count(world, from + " dial 2: version"), 1);
    CHECK(world.delivered.empty());
    CHECK_FALSE(world.node(from).session->has_session(world.id(to)));
    CHECK_FALSE(world.node(to).session->has_session(world.id(from)));
  }
}

TEST_CASE("session/network: a forgotten peer is gone at once, stream and all") {
  World world;
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  world.introduce("a", "b");
  world.send("a", "b", as_bytes("hello"), true);
  world.send("a", "b", as_bytes("hello"));
  world.run(milliseconds(50));
  CHECK(world.node("a").session->has_session(world.id("b")));
  world.input("a", s::PeerForgotten{world.id("b")});
  CHECK_FALSE(world.node("a").session->has_session(world.id("b")));
  CHECK_EQ(count(world, "a closes stream"), 1);
}

TEST_CASE("session/network: of 1100 sessions the 1024 latest used have keys") {
  World world;
  world.show_frames = false;
  world.add("a", "10.0.0.1", [](s::Config& config) { config.mode = Mode::public_; });
  for (int i = 0; i < 1100; ++i) {
    const std::string name = "n" + std::to_string(i);
    const std::string address =
        "10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1);
    world.add(name, address, [](s::Config& config) { config.mode = Mode::public_; });
    world.introduce(name, "a");
    world.send(name, "a", as_bytes("hello"));
    world.run(milliseconds(3));
  }
  CHECK_EQ(world.delivered.size(), 1100);
  CHECK_EQ(world.node("a").session->snapshot().size(), 1024);
  CHECK_FALSE(world.node("a").session->has_session(world.id("n0")));
  CHECK(world.node("a").session->has_session(world.id("n1099")));
}

TEST_CASE(
    "session/network: a peer whose mark was lost after it fell silent is called back at once") {
  World world;
  meet(world);
  world.roll_back("a", {0});
  world.move("a", "10.0.0.3");
  world.send("b", "a", as_bytes("an answer"));
  world.send("b", "a", as_bytes("lost"));
  world.run(seconds(30));  // b has given up, and wants nothing of it any more

  world.introduce("a", "b");
  world.send("a", "b", as_bytes("here"));
  world.run(seconds(3));
  CHECK_EQ(count(world, "b received from a: \"here\""), 1);
}

TEST_CASE("session/network: a peer whose mark was lost is called back where it has only a stream") {
  World world;
  meet(world);
  world.roll_back("a", {0});
  world.introduce("a", "b");
  world.send("a", "b", as_bytes("a stream"), true);
  world.run(milliseconds(50));
  world.send("a", "b", as_bytes("too low"));
  world.run(milliseconds(50));
  REQUIRE(world.drops[DropReason::replayed_handshake] > 0);
  world.delivered.clear();
  world.send("a", "b", as_bytes("here"));
  world.run(milliseconds(50));
  REQUIRE_EQ(world.delivered.size(), 1);
  CHECK_FALSE(world.delivered.front().stream);
}

TEST_CASE("session/network: a peer whose mark was lost is called back, and goes on above it") {
  World world;
  meet(world);

  world.roll_back("a", {0});  // an older disk, at another address
  world.move("a", "10.0.0.3");
  world.introduce("a", "b");
  world.send("a", "b", as_bytes("too low"));
  world.run(seconds(5));
  CHECK_EQ(count(world, "b received from a"), 1);  // nobody there wants anything of it
  CHECK_EQ(world.drops[DropReason::replayed_handshake], 4);

  world.send("b", "a", as_bytes("lost under the old keys"));
  world.run(seconds(3));  // b noticed and looks for a where it was
  world.send("a", "b", as_bytes("here"));
  world.run(seconds(1));
  CHECK_EQ(count(world, "b received from a: \"here\""), 1);
  world.send("b", "a", as_bytes("found"));
  world.run(seconds(1));
  CHECK_EQ(count(world, "a received from b: \"found\""), 1);

  const int refused = world.drops[DropReason::replayed_handshake];
  world.input("a", s::IncarnationRaised{{50}});
  world.run(minutes(4));  // keys age and die
  world.send("a", "b", as_bytes("above"));
  world.run(seconds(1));
  CHECK_EQ(count(world, "b received from a: \"above\""), 1);
  CHECK_EQ(world.drops[DropReason::replayed_handshake], refused);
}

TEST_CASE(
    "session/network: a peer that starts anew where it was last proven is found there again") {
  World world;
  world.show_frames = false;
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  // Its record says what it knows of itself: an address behind a router, of no use here.
  world.input("a", s::PeerIntroduced{world.node("b").identity->public_key(),
                                     {*parse_endpoint("192.168.7.7:4747")}});
  world.introduce("b", "a");
  world.send("b", "a", as_bytes("hello"));
  world.run(seconds(1));
  REQUIRE_EQ(world.delivered.size(), 1);
  world.kill("b");
  world.send("a", "b", as_bytes("lost"));
  world.run(seconds(1));
  REQUIRE_EQ(count(world, "a cannot deliver to b: refused"), 1);
  world.restart("b");
  world.delivered.clear();
  for (int i = 0; i < 60; ++i) {
    world.send("a", "b", as_bytes("anybody there?"));
    world.run(seconds(1));
  }
  CHECK_GT(world.delivered.size(), 0);
}

TEST_CASE(
    "session/network: a message that fell into the pause between two rounds is reported too") {
  World world;
  world.show_frames = false;
  meet(world);
  world.cut = {{"a", "b"}, {"b", "a"}};
  world.send("a", "b", as_bytes("lost"));
  world.run(milliseconds(5700));  // deaf after 2.5 s, a round of 3 s
  REQUIRE_EQ(count(world, "a cannot deliver to b"), 1);
  world.send("a", "b", as_bytes("lost too"));
  world.run(seconds(60));
  CHECK_EQ(count(world, "a cannot deliver to b"), 2);
}

TEST_CASE("session/network: after a pause between two rounds the session is sought again") {
  World world;
  world.show_frames = false;
  meet(world);
  world.cut = {{"a", "b"}, {"b", "a"}};
  world.send("a", "b", as_bytes("lost"));
  world.run(milliseconds(5700));
  world.cut.clear();
  world.restart("b");  // without a memory of the keys
  const auto before = count(world, "a established b");
  world.send("a", "b", as_bytes("hello"));
  world.run(seconds(60));
  CHECK_EQ(count(world, "a established b") - before, 1);
}

TEST_CASE("session/network: an old packet does not move the endpoint back, nor one of older keys") {
  for (const bool renewed : {false, true}) {
    CAPTURE(renewed);
    World world;
    meet(world);
    if (renewed) world.run(seconds(100));
    world.send("b", "a", as_bytes("answer"));
    world.run(seconds(1));
    world.cut.insert({"b", "a"});
    world.captured.clear();
    world.send("b", "a", as_bytes("withheld"));
    const Bytes withheld = world.captured.back().bytes;
    world.cut.clear();
    if (renewed) {  // it is the last of its keys
      const auto before = count(world, "handshake_reply");
      world.run(seconds(40));
      world.send("a", "b", as_bytes("with new keys"));
      world.run(seconds(1));
      REQUIRE_GT(count(world, "handshake_reply"), before);
    }
    world.move("b", "10.0.0.3");
    world.send("b", "a", as_bytes("from my new place"));
    world.run(milliseconds(50));
    REQUIRE_EQ(count(world, "a finds b at 10.0.0.3"), 1);
    // From the old place late, or by somebody who held it back, from any source up to 180 s later.
    world.inject("a", *parse_endpoint("10.0.0.77:53"), withheld);
    CHECK_EQ(count(world, "withheld"), 1);  // it is taken all the same
    world.captured.clear();
    world.send("a", "b", as_bytes("for b only"));
    CHECK_EQ(to_string(world.captured.back().target), "10.0.0.3:4747");
  }
}

TEST_CASE(
    "session/network: what is sent in the last moments of a session's keys is not lost in "
    "silence") {
  World world;
  world.latency = milliseconds(100);
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  world.introduce("a", "b");
  world.send("a", "b", as_bytes("hello"));
  world.run(milliseconds(200));  // a has its keys now, b has had its own for 100 ms
  world.run(seconds(180) - milliseconds(50));
  world.delivered.clear();
  world.send("a", "b", as_bytes("late"));
  world.run(seconds(20));
  CHECK_EQ(world.delivered.size() + count(world, "cannot deliver"), 1);
}
