// What streams carry, and what becomes of it when they end.
#include "world.hpp"

using namespace kith;
using namespace kith::test;

TEST_CASE("session/streams: membership overtakes a value on the stream, frame by frame") {
  World world;
  world.show_frames = false;
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  world.introduce("a", "b");
  for (int i = 0; i < 6; ++i) world.send("a", "b", Bytes(100'000), true, Lane::data);
  world.run(milliseconds(3));
  world.send("a", "b", as_bytes("probe"), true, Lane::membership);
  world.run(seconds(1));
  REQUIRE_EQ(world.delivered.size(), 7);
  CHECK_EQ(to_text(world.delivered[0].message), "probe");
}

TEST_CASE("session/streams: a stream changes its keys every 64 MiB and goes on") {
  World world;
  world.show_frames = false;
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  world.introduce("a", "b");
  const Bytes big(128 * 1024, Byte{3});
  for (int i = 0; i < 1100; ++i) {
    world.send("a", "b", big, true);
    world.run(milliseconds(10));
  }
  world.run(seconds(1));
  CHECK_EQ(world.delivered.size(), 1100);
  CHECK_EQ(count(world, "closes stream"), 0);
}

TEST_CASE("session/streams: a refused stream to a peer whose datagrams live is no death") {
  World world;
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  world.introduce("a", "b");
  world.send("a", "b", as_bytes("hello"));
  world.run(milliseconds(50));
  world.refuse_streams = true;  // a router in front of b does
  world.send("a", "b", Bytes(5000));
  world.run(milliseconds(50));
  CHECK_EQ(count(world, "refused"), 1);
  CHECK(world.node("a").session->has_session(world.id("b")));
  world.send("a", "b", as_bytes("still here"));
  world.run(milliseconds(50));
  CHECK_EQ(world.delivered.size(), 2);
}

TEST_CASE(
    "session/streams: who lost its stream is not turned away because the other has it still") {
  for (const bool from_lower : {true, false}) {
    World world;
    world.add("a", "10.0.0.1");
    world.add("b", "10.0.0.2");
    const bool a_lower = world.id("a") < world.id("b");
    const std::string keeps = a_lower == from_lower ? "a" : "b", loses = keeps == "a" ? "b" : "a";
    world.introduce("a", "b");
    world.introduce("b", "a");
    world.send(keeps, loses, as_bytes("first"), true);
    world.run(seconds(20));
    world.lose_streams(loses);
    world.send(loses, keeps, as_bytes("second"), true);
    world.run(milliseconds(100));
    world.send(keeps, loses, as_bytes("third"), true);
    world.run(milliseconds(100));
    CHECK_EQ(world.delivered.size(), 3);
  }
}

TEST_CASE("session/streams: a stream to a machine that vanished is given up in ten seconds") {
  World world;
  world.show_frames = false;
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  world.introduce("a", "b");
  world.send("a", "b", as_bytes("hello"), true);
  world.run(milliseconds(50));
  world.node("b").alive = false;  // it answers nothing and its kernel says nothing
  world.stall = true;
  world.send("a", "b", Bytes(100'000), true);
  world.run(seconds(15));
  CHECK_EQ(count(world, "no_answer"), 1);
  CHECK_FALSE(world.node("a").session->has_session(world.id("b")));
}

TEST_CASE("session/streams: where datagrams are blocked an open stream carries them") {
  World world;
  world.show_frames = false;
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  world.introduce("a", "b");
  world.cut.insert({"a", "b"});
  world.send("a", "b", as_bytes("first"), true);
  world.run(milliseconds(50));
  world.send("a", "b", as_bytes("small"));
  world.run(seconds(5));
  REQUIRE_EQ(world.delivered.size(), 2);
  CHECK(world.delivered[1].stream);
  CHECK_EQ(count(world, "cannot"), 0);
}

TEST_CASE(
    "session/streams: when datagrams stop going through an open stream takes over, and back") {
  World world;
  meet(world);
  world.send("a", "b", as_bytes("a stream"), true);
  world.run(seconds(1));
  world.cut.insert({"a", "b"});
  world.send("a", "b", as_bytes("lost"));
  world.run(seconds(8));  // deaf after 2.5 s, a round of handshakes of 3 s
  world.send("a", "b", as_bytes("lost too, for the stream is as silent"));
  world.send("b", "a", as_bytes("do you hear me?"), true);
  world.run(milliseconds(50));
  world.delivered.clear();
  world.send("a", "b", as_bytes("yes"));
  world.run(milliseconds(50));
  REQUIRE_EQ(world.delivered.size(), 1);
  CHECK(world.delivered.front().stream);
  world.cut.clear();
  world.run(seconds(6));  // rounds pause for 5 s
  world.send("b", "a", as_bytes("and now?"), true);
  world.run(milliseconds(50));
  world.send("a", "b", as_bytes("by stream, and a handshake"));
  world.run(milliseconds(50));
  world.delivered.clear();
  world.send("a", "b", as_bytes("small"));
  world.run(milliseconds(50));
  REQUIRE_EQ(world.delivered.size(), 1);
  CHECK_FALSE(world.delivered.front().stream);
}

TEST_CASE(
    "session/streams: what waited for the stream of a peer that started anew comes or is said not "
    "to have") {
  World world;
  world.show_frames = false;
  meet(world);
  world.send("a", "b", as_bytes("a stream"), true);
  world.run(seconds(1));
  world.node("b").alive = false;  // gone without a word; the machine is back a second later
  world.stall = true;             // of the old connection only
  for (int i = 0; i < 6; ++i) world.send("a", "b", Bytes(100'000), true);
  world.run(seconds(1));
  world.restart("b");
  world.stall = false;
  world.introduce("b", "a");
  world.send("b", "a", as_bytes("here again"));
  world.run(minutes(5));
  CHECK_GT(count(world, "cannot deliver to b") + count(world, "by stream"), 1);
}

TEST_CASE("session/streams: who never finishes its messages does not shut out the others") {
  World world;
  world.show_frames = false;
  const auto open = [](s::Config& config) { config.mode = Mode::public_; };
  world.add("a", "10.0.0.1", open);
  world.add("b", "10.0.0.2", open);
  world.introduce("b", "a");
  world.send("b", "a", as_bytes("hello"), true);
  world.run(seconds(1));
  REQUIRE_EQ(world.delivered.size(), 1);
  for (int i = 0; i < 1060; ++i) {
    const std::string name = "h" + std::to_string(i);
    world.add(name, "10." + std::to_string(1 + i / 200) + ".0." + std::to_string(1 + i % 200),
              open);
    world.introduce(name, "a");
    world.send(name, "a", Bytes(131'000), true);
    // Until some of it has come.
    for (int k = 0; k < 100 && count(world, "a established " + name) == 0; ++k)
      world.run(microseconds(200));
    world.stall = true;  // the rest of the message never comes
    world.run(milliseconds(2));
    world.stall = false;
    world.node(name).alive = false;
    world.trace.clear();
  }
  world.run(seconds(1));
  const auto before = world.delivered.size();
  for (int i = 0; i < 10; ++i) {
    world.send("b", "a", Bytes(100'000), true);
    world.run(seconds(1));
  }
  CHECK_EQ(world.delivered.size(), before + 10);
}

TEST_CASE(
    "session/streams: one that is taken and thrown out at once is not dialled at once again") {
  World world;
  world.show_frames = false;
  world.latency = milliseconds(20);
  meet(world);
  for (int i = 0; i < 9; ++i) world.send("a", "b", Bytes(100'000), true);  // 64 KiB a round trip
  for (int i = 0; i < 10; ++i) {
    world.run(milliseconds(150));
    world.lose_streams("a");
  }
  CHECK_EQ(count(world, "a opens stream"), 1);
  CHECK_GE(count(world, "cannot deliver to b"), 1);
}

// b dials a stream and is killed; its kernel still delivers what b had written (the frame that
// proves it, retransmitted half a second later), after b's new life has its session already.
TEST_CASE(
    "session/streams: the last words of a former life do not end the session of the new one") {
  World world;
  world.show_frames = false;
  meet(world);
  world.send("b", "a", as_bytes("of the former life"), true);
  world.run(microseconds(2500));
  world.latency = milliseconds(500);  // of what b writes to the stream now
  world.run(milliseconds(1));
  world.latency = milliseconds(1);
  world.node("b").alive = false;
  world.restart("b");
  world.introduce("b", "a");
  world.send("b", "a", as_bytes("the new life"));
  world.run(milliseconds(100));
  REQUIRE_EQ(count(world, "a received from b: \"the new life\""), 1);
  world.delivered.clear();
  for (int i = 0; i < 20; ++i) {
    world.send("b", "a", as_bytes("news"));
    world.run(milliseconds(100));
  }
  std::size_t news = 0;
  for (const auto& delivery : world.delivered) news += to_text(delivery.message) == "news";
  CHECK_EQ(news, 20);
}

// a is behind a router that lets its datagrams through and refuses connections in its name.
TEST_CASE("session/streams: who is heard between a doubt and a refused port is not dead") {
  World world;
  world.show_frames = false;
  world.latency = milliseconds(20);
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  world.introduce("a", "b");
  world.send("a", "b", as_bytes("hello"));
  world.send("a", "b", as_bytes("by stream"), true);
  world.run(seconds(1));
  world.refuse_streams = true;
  const auto talk = [&](int times) {
    for (int i = 0; i < times; ++i) {
      world.send("a", "b", as_bytes("ping"));
      world.run(milliseconds(5));
    }
  };
  talk(20);
  world.lose_streams("b");  // the router forgot that connection
  world.delivered.clear();
  talk(200);
  CHECK_EQ(count(world, "b cannot deliver to a: refused"), 0);
  CHECK_EQ(count(world, "b established a"), 1);
  world.run(seconds(1));
  CHECK_GE(world.delivered.size(), 200);  // and some that were on their way
}

TEST_CASE("session/streams: a doubt makes the stream that is being dialled the test of it") {
  World world;
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  world.introduce("a", "b");
  world.kill("b");
  world.send("a", "b", as_bytes("small"));  // its handshake is refused
  world.send("a", "b", Bytes(5000));        // and then this one's stream
  world.run(milliseconds(10));
  CHECK_EQ(count(world, "a cannot deliver to b: refused"), 1);
  world.run(seconds(10));
  CHECK_EQ(count(world, "handshake_init"), 1);
}

TEST_CASE("session/streams: a refused stream does not end a handshake of datagrams under way") {
  World world;
  world.latency = milliseconds(20);
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  world.refuse_streams = true;  // a router in front of b does
  world.introduce("a", "b");
  for (int i = 0; i < 60; ++i) {
    world.send("a", "b", as_bytes("small"));
    world.send("a", "b", Bytes(5000));
    world.run(seconds(1));
  }
  CHECK(world.node("a").session->has_session(world.id("b")));
  CHECK_GT(world.delivered.size(), 0);
}

TEST_CASE("session/streams: one member does not take all streams") {
  World world;
  world.show_frames = false;
  world.latency = microseconds(100);
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  world.add("m", "10.0.0.66");
  world.introduce("m", "a");
  world.introduce("b", "a");
  for (int i = 0; i < 2100; ++i) {
    world.send("m", "a", as_bytes("one more"), true);
    world.run(milliseconds(2));
    world.lose_streams("m");  // never a goodbye: a waits 5 s for it
    world.run(microseconds(200));
  }
  CHECK_EQ(world.drops[DropReason::limit_reached], 0);
  world.delivered.clear();
  world.send("b", "a", Bytes(5000));
  world.run(milliseconds(50));
  CHECK_EQ(world.delivered.size(), 1);
}
