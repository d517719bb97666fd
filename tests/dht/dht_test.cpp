#include "world.hpp"

using namespace kith;
using namespace kith::dht;
using test::DhtWorld;

namespace {

std::string text(const Buffer& value) { return to_text(value.view()); }

}  // namespace

TEST_CASE("dht: a lone node serves put and get with one replica") {
  DhtWorld world(1);
  world.start_all();
  const PutReport put = world.put(0, "k", "v");
  CHECK(put.outcome == PutOutcome::applied);
  CHECK_EQ(put.needed, 1);
  const GetReport get = world.get(0, "k");
  CHECK(get.found);
  CHECK(get.complete);
  CHECK_EQ(text(get.value), "v");
}

TEST_CASE("dht: an operation on a fresh node waits for the network to settle instead of failing") {
  DhtWorld world(2);
  world.start(0);
  world.start(1);
  const PutReport put = world.put(0, "k", "v");
  CHECK(put.outcome == PutOutcome::applied);
}

TEST_CASE("dht: what is put anywhere is read everywhere, at every size from 1 to 12") {
  for (const std::size_t size : {1, 2, 3, 4, 5, 7, 8, 9, 12}) {
    CAPTURE(size);
    DhtWorld world(size, size);
    world.start_all();
    REQUIRE(world.all_synced());
    for (std::size_t i = 0; i < size; ++i) {
      const std::string name = "key-" + std::to_string(i);
      const PutReport put = world.put(i, name, name + "!");
      CHECK(put.outcome == PutOutcome::applied);
      const std::size_t base = std::min<std::size_t>(size, 8);
      CHECK_EQ(put.asked, base);
      CHECK_EQ(put.needed, base / 2 + 1);
      CHECK_GE(put.stored_base, put.needed);
      CHECK_EQ(put.rounds, 1);
      for (std::size_t reader = 0; reader < size; ++reader) {
        const GetReport get = world.get(reader, name);
        CHECK(get.complete);
        CHECK_EQ(text(get.value), name + "!");
      }
    }
    const GetReport none = world.get(0, "never");
    CHECK_FALSE(none.found);
    CHECK(none.complete);
  }
}

TEST_CASE("dht: a later put wins everywhere, a delete hides the value, a new put brings it back") {
  DhtWorld world(5);
  world.start_all();
  world.put(0, "k", "one");
  const PutReport second = world.put(3, "k", "two");
  CHECK_EQ(text(world.get(1, "k").value), "two");
  PutRequested del{{}, "k"};
  del.tombstone = true;
  const PutReport deleted = world.put(2, del);
  CHECK_GT(deleted.sequence, second.sequence);
  CHECK_FALSE(world.get(4, "k").found);
  CHECK(world.get(4, "k").complete);
  world.put(1, "k", "three");
  CHECK_EQ(text(world.get(0, "k").value), "three");
}

TEST_CASE("dht: a value with a TTL is gone when it is over") {
  DhtWorld world(3);
  world.start_all();
  PutRequested put{{}, "k"};
  put.value = Buffer(as_bytes("v"));
  put.ttl = seconds(10);
  world.put(0, put);
  CHECK(world.get(1, "k").found);
  world.run(seconds(11));
  CHECK_FALSE(world.get(1, "k").found);
  world.run(hours(25));
  for (std::size_t i = 0; i < 3; ++i) CHECK(world.node(i).disk.empty());
}

TEST_CASE("dht: with two concurrent writers all readers agree on one winner") {
  DhtWorld world(8);
  world.start_all();
  const Ticket a = world.begin_put(0, "k", "from 0");
  const Ticket b = world.begin_put(5, "k", "from 5");
  world.finish(0, a);
  world.finish(5, b);
  const std::string winner = text(world.get(0, "k").value);
  for (std::size_t i = 0; i < 8; ++i) CHECK_EQ(text(world.get(i, "k").value), winner);
}

TEST_CASE("dht: what its writer sent earlier and comes later takes nothing's place") {
  DhtWorld world(2);
  world.start_all();
  std::optional<wire::Message> earlier;
  world.on_message = [&](std::size_t from, std::size_t to, const wire::Message& message) {
    if (!earlier && from == 1 && to == 0 && std::holds_alternative<wire::Store>(message))
      earlier = message;
  };
  REQUIRE(world.put(1, "k", "old").outcome == PutOutcome::applied);
  REQUIRE(earlier);
  REQUIRE(world.put(1, "k", "new").outcome == PutOutcome::applied);
  world.step(0, MessageReceived{world.id(1), &*earlier});
  world.run(milliseconds(10));
  CHECK_EQ(text(world.get(0, "k", Consistency::one).value), "new");
}

TEST_CASE("dht: an owned name belongs to its writer") {
  DhtWorld world(5);
  world.start_all();
  PutRequested put{{}, "profile", wire::Kind::owned};
  put.value = Buffer(as_bytes("mine"));
  CHECK(world.put(1, put).outcome == PutOutcome::applied);
  put.value = Buffer(as_bytes("theirs"));
  CHECK(world.put(2, put).outcome == PutOutcome::applied);
  CHECK_EQ(text(world.get(3, "profile", Consistency::quorum, world.id(1)).value), "mine");
  CHECK_EQ(text(world.get(3, "profile", Consistency::quorum, world.id(2)).value), "theirs");
  CHECK_FALSE(world.get(3, "profile").found);
}

TEST_CASE("dht: a public network refuses shared values and takes owned ones with a TTL") {
  DhtWorld world(3, 1, Mode::public_);
  world.start_all();
  CHECK(world.put(0, "k", "v").outcome == PutOutcome::rejected);
  PutRequested put{{}, "k", wire::Kind::owned};
  put.value = Buffer(as_bytes("v"));
  CHECK(world.put(0, put).outcome == PutOutcome::rejected);
  put.ttl = hours(24);
  CHECK(world.put(0, put).outcome == PutOutcome::applied);
}

TEST_CASE("dht: the longest ttl is taken by replicas whose clocks are behind") {
  DhtWorld world(3, 1, Mode::public_);
  for (std::size_t i = 1; i < 3; ++i) world.node(i).ahead = -seconds(20);
  world.start_first(2);
  PutRequested put{{}, "k", wire::Kind::owned};
  put.value = Buffer(as_bytes("v"));
  put.ttl = hours(7 * 24);
  CHECK(world.put(0, put).outcome == PutOutcome::applied);
  world.start(2);
  world.run(seconds(10));
  CHECK(world.all_synced());
  put.ttl = hours(7 * 24) + seconds(1);
  CHECK(world.put(0, put).outcome == PutOutcome::rejected);
}

TEST_CASE("dht: a receipt waits for the disk: silent disks give no acknowledgement") {
  DhtWorld world(3);
  world.start_all();
  world.node(1).disk_silent = world.node(2).disk_silent = true;
  const PutReport put = world.put(0, "k", "v");
  CHECK(put.outcome == PutOutcome::unknown);
  CHECK_EQ(put.stored_base, 1);
}

TEST_CASE("dht: full disks are a definite rejection and reads go on") {
  DhtWorld world(3);
  world.start_all();
  world.put(0, "old", "v");
  for (std::size_t i = 0; i < 3; ++i) world.node(i).disk_full = true;
  const PutReport put = world.put(0, "k", "v");
  CHECK(put.outcome == PutOutcome::rejected);
  CHECK(put.reason.find("full") != std::string::npos);
  CHECK(world.get(2, "old").found);
  for (std::size_t i = 0; i < 3; ++i) world.node(i).disk_full = false;
  CHECK(world.put(0, "k", "v").outcome == PutOutcome::applied);
}

TEST_CASE("dht: a put that one full disk spoils is not called rejected while others store it") {
  DhtWorld world(3);
  world.start_all();
  world.node(0).disk_full = true;  // the coordinator's own refusal is the first answer
  const PutReport put = world.put(0, "k", "v", Consistency::all);
  CHECK(put.outcome == PutOutcome::unknown);
  CHECK_EQ(put.stored.size(), 2);
  CHECK(world.get(1, "k").found);
}

TEST_CASE("dht: consistency levels need one, a majority, all") {
  DhtWorld world(5);
  world.start_all();
  CHECK_EQ(world.put(0, "a", "v", Consistency::one).needed, 1);
  CHECK_EQ(world.put(0, "b", "v", Consistency::quorum).needed, 3);
  CHECK_EQ(world.put(0, "c", "v", Consistency::all).needed, 5);
  world.kill(4);
  CHECK(world.put(0, "d", "v", Consistency::all).outcome == PutOutcome::unknown);
  CHECK(world.put(0, "e", "v", Consistency::quorum).outcome == PutOutcome::applied);
  CHECK(world.get(1, "c", Consistency::one).found);
  CHECK_FALSE(world.get(1, "c", Consistency::all).complete);
}

TEST_CASE("dht: 4/4 split: neither side ever says applied; after healing the values are read") {
  DhtWorld world(8);
  world.start_all();
  world.put(0, "before", "v");
  world.cut({0, 1, 2, 3}, {4, 5, 6, 7});
  const PutReport left = world.put(0, "k", "left");
  const PutReport right = world.put(5, "k", "right");
  CHECK(left.outcome == PutOutcome::unknown);
  CHECK_EQ(left.stored_base, 4);
  CHECK(right.outcome == PutOutcome::unknown);
  const GetReport partial = world.get(0, "before");
  CHECK(partial.found);
  CHECK_FALSE(partial.complete);
  world.run(seconds(60));
  CHECK(world.put(0, "k2", "left").outcome == PutOutcome::unknown);
  world.heal();
  world.run(seconds(20));
  CHECK(world.all_synced());
  const std::string winner = text(world.get(0, "k").value);
  CHECK_FALSE(winner.empty());
  for (std::size_t i = 0; i < 8; ++i) {
    CHECK_EQ(text(world.get(i, "k").value), winner);
    CHECK_EQ(text(world.get(i, "k2").value), "left");
  }
}

TEST_CASE("dht: lost datagrams are resent: every put and get still succeeds") {
  DhtWorld world(8, 11);
  world.start_all();
  world.loss_percent = 20;
  for (int i = 0; i < 40; ++i) {
    CHECK(world.put(0, "k" + std::to_string(i), "v").outcome == PutOutcome::applied);
    CHECK(world.get(5, "k" + std::to_string(i)).complete);
  }
}

TEST_CASE("dht: a quorum read repairs: the winner is on a write quorum before it is returned") {
  DhtWorld world(5, 2);
  world.start_all();
  // Only two of five got it: too few for `applied`, enough to be seen by some reads.
  world.cut({0, 1}, {2, 3, 4});
  CHECK(world.put(0, "k", "v").outcome == PutOutcome::unknown);
  world.heal();
  std::size_t holders = 0;
  const GetReport get = world.get(1, "k");
  CHECK(get.complete);
  if (get.found)
    for (std::size_t i = 0; i < 5; ++i) holders += world.node(i).disk.empty() ? 0 : 1;
  CHECK_GE(holders, 3);
}

TEST_CASE("dht: lookup in a full view is one round to the replicas") {
  DhtWorld world(12, 6);
  world.start_all();
  const LookupReport report = world.lookup(4, "some key");
  CHECK_EQ(report.replicas.size(), 8);
  CHECK_EQ(report.steps.size(), 8);
  for (const auto& step : report.steps) CHECK_EQ(step.nearer, 0);
}

TEST_CASE("dht: an idle synced network of 8 exchanges a handful of messages a minute") {
  DhtWorld world(8);
  world.start_all();
  const std::uint64_t before = world.messages();
  world.run(minutes(10));
  CHECK_LE(world.messages() - before, 8 * 10 * 2 * 2);
}
