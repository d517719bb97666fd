#include "world.hpp"

using namespace kith;
using namespace kith::dht;
using test::DhtWorld;

namespace {

std::string text(const Buffer& value) { return to_text(value.view()); }

bool all_synced(DhtWorld& world) {
  for (std::size_t i = 0; i < world.size(); ++i)
    if (world.node(i).up && !world.node(i).dht->snapshot().synced) return false;
  return true;
}
std::size_t copies(DhtWorld& world) {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < world.size(); ++i) sum += world.node(i).disk.size();
  return sum;
}

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
    REQUIRE(all_synced(world));
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
  CHECK(all_synced(world));
  const std::string winner = text(world.get(0, "k").value);
  CHECK_FALSE(winner.empty());
  for (std::size_t i = 0; i < 8; ++i) {
    CHECK_EQ(text(world.get(i, "k").value), winner);
    CHECK_EQ(text(world.get(i, "k2").value), "left");
  }
}

TEST_CASE("dht: a death does not shrink the base until the survivors have synced past it") {
  DhtWorld world(8);
  world.start_all();
  world.kill(7);
  CHECK_EQ(world.put(0, "k", "v").asked, 8);
  world.run(seconds(10));
  CHECK(all_synced(world));
  CHECK_EQ(world.put(0, "k2", "v").asked, 7);
}

TEST_CASE("dht: any 3 of 8 die at once: every acknowledged key is read at quorum") {
  DhtWorld world(8, 3);
  world.start_all();
  for (int i = 0; i < 100; ++i)
    CHECK(world.put(static_cast<std::size_t>(i) % 8, "k" + std::to_string(i), "v").outcome ==
          PutOutcome::applied);
  for (const std::size_t victim : {1, 4, 6}) world.kill(victim);
  for (int i = 0; i < 100; ++i) {
    const GetReport get = world.get(0, "k" + std::to_string(i));
    CHECK(get.found);
    CHECK(get.complete);
  }
  world.run(seconds(10));
  CHECK(all_synced(world));
  for (const std::size_t victim : {2, 5}) world.kill(victim);
  for (int i = 0; i < 100; ++i) CHECK(world.get(0, "k" + std::to_string(i)).complete);
}

TEST_CASE("dht: replace all 8 one after another with empty newcomers: nothing is lost") {
  DhtWorld world(16, 5);
  for (std::size_t i = 0; i < 8; ++i) world.start(i);
  world.run(seconds(5));
  for (int i = 0; i < 60; ++i)
    world.put(static_cast<std::size_t>(i) % 8, "k" + std::to_string(i), "v" + std::to_string(i));
  for (std::size_t i = 0; i < 8; ++i) {
    world.kill(i);
    world.start(8 + i);
    world.run(seconds(12));
    REQUIRE(all_synced(world));
  }
  for (int i = 0; i < 60; ++i) {
    const GetReport get = world.get(15, "k" + std::to_string(i));
    CHECK(get.complete);
    CHECK_EQ(text(get.value), "v" + std::to_string(i));
  }
}

TEST_CASE("dht: all 8 lose power after the acknowledgements: after restart everything is there") {
  DhtWorld world(8, 9);
  world.start_all();
  for (int i = 0; i < 50; ++i)
    world.put(static_cast<std::size_t>(i) % 8, "k" + std::to_string(i), "v");
  for (std::size_t i = 0; i < 8; ++i) world.crash(i);
  for (std::size_t i = 0; i < 8; ++i) world.start(i);
  for (int i = 0; i < 50; ++i)
    CHECK(world.get(static_cast<std::size_t>(i) % 8, "k" + std::to_string(i)).complete);
}

TEST_CASE("dht: after a restart a few of many never acknowledge a write or miss a value for sure") {
  DhtWorld world(5);
  world.start_all();
  world.put(0, "k", "v");
  for (std::size_t i = 0; i < 5; ++i) world.crash(i);
  world.start(0);
  world.start(1);
  world.run(seconds(20));
  CHECK(world.put(0, "k2", "v").outcome == PutOutcome::unknown);
  CHECK_FALSE(world.get(1, "absent").complete);
  CHECK_FALSE(world.get(1, "k").complete);
  CHECK(world.get(1, "k").found);
  CHECK_FALSE(world.node(0).dht->snapshot().synced);
  for (std::size_t i = 2; i < 5; ++i) world.start(i);
  world.run(seconds(20));
  CHECK(world.put(0, "k2", "v").outcome == PutOutcome::applied);
  CHECK(world.get(1, "absent").complete);
  CHECK(world.node(0).dht->snapshot().synced);
}

TEST_CASE("dht: a member that a live majority no longer knows stops counting after a restart") {
  DhtWorld world(4);
  world.start_all();
  world.crash(0);
  NodeId gone;  // it was forgotten while node 0 was away
  gone.bytes[0] = 1;
  world.node(0).counting.push_back({gone, {}, UnixMillis{1}});
  world.start(0);
  world.run(seconds(5));
  CHECK(world.put(0, "k", "v").outcome == PutOutcome::unknown);
  world.run(minutes(1));
  const PutReport put = world.put(0, "k", "v");
  CHECK(put.outcome == PutOutcome::applied);
  CHECK_EQ(put.asked, 4);
}

TEST_CASE("dht: nothing is applied by the old base alone once a newcomer was promised to count") {
  DhtWorld world(2);
  world.start(0);
  world.run(seconds(5));
  world.uninformed = {0};  // the newcomer counts both; 0 has promised as much and knows of no stamp
  world.start(1);
  world.run(seconds(2));
  REQUIRE(world.node(1).synced.value > 0);
  CHECK(world.put(0, "k", "v").outcome == PutOutcome::unknown);
  world.step(0, world.seen(1, Presence::alive));
  CHECK(world.put(0, "k", "w").outcome == PutOutcome::applied);
  CHECK_EQ(to_text(world.get(1, "k").value.view()), "w");
}

TEST_CASE("dht: a promise to one that lives and publishes nothing lapses") {
  DhtWorld world(2);
  world.start(0);
  world.run(seconds(5));
  world.node(1).disk_silent = true;  // its stamp never gets there
  world.start(1);
  world.run(seconds(2));
  world.node(0).unreachable.insert(1);
  world.node(1).unreachable.insert(0);
  CHECK(world.put(0, "k", "v").outcome == PutOutcome::unknown);
  world.run(seconds(30));
  CHECK(world.put(0, "k", "v").outcome == PutOutcome::applied);
}

TEST_CASE("dht: news after a long time alone is tried again soon, though the first try fails") {
  DhtWorld world(3);
  world.start_all();
  world.cut({0}, {1, 2});
  REQUIRE(world.put(1, "k", "v").outcome == PutOutcome::applied);
  world.run(minutes(2));
  world.node(0).disk_full = true;
  world.heal();
  world.run(seconds(1));
  REQUIRE_FALSE(world.node(0).dht->snapshot().synced);
  world.node(0).disk_full = false;
  world.run(seconds(6));
  CHECK(world.node(0).dht->snapshot().synced);
}

TEST_CASE("dht: one whose disk refuses its stamp tries again now and then, not without a pause") {
  DhtWorld world(3);
  world.start(0);
  world.start(1);
  world.run(seconds(5));
  world.node(2).disk_full = true;
  world.start(2);
  world.run(milliseconds(2));
  world.step(2, MemberForgotten{world.id(1)});
  world.step(2, world.seen(1, Presence::alive));  // news while a round runs
  const std::uint64_t before = world.messages();
  world.run(seconds(20));
  CHECK_LE(world.messages() - before, 20 * 20);
  world.node(2).disk_full = false;
  world.run(seconds(2));
  CHECK(all_synced(world));
}

TEST_CASE("dht: a newcomer that falls silent before it counts holds nobody up for long") {
  DhtWorld world(2);
  world.start(0);
  world.run(seconds(5));
  world.start(1);
  world.node(0).unreachable.insert(1);
  world.node(1).unreachable.insert(0);
  const PutReport alone = world.put(0, "after", "v");
  CHECK(alone.outcome == PutOutcome::applied);
  CHECK(alone.took < seconds(1));
}

TEST_CASE("dht: one that died about to count, known so by some only, holds nobody up for long") {
  DhtWorld world(4);
  for (std::size_t i = 0; i < 3; ++i) world.start(i);
  world.run(seconds(5));
  world.node(3).disk_silent = true;  // it dies before its stamp is written
  world.node(3).unreachable.insert(2);
  world.start(3);
  world.run(seconds(25));
  REQUIRE_EQ(world.put(0, "before", "v").asked, 4);
  REQUIRE_EQ(world.put(2, "before", "v").asked, 3);
  world.kill(3);
  CHECK(world.put(0, "after", "v").outcome == PutOutcome::applied);
}

TEST_CASE("dht: what a lone side of a long cut acknowledged is found by all after it") {
  DhtWorld world(12);
  world.start_all();
  world.cut({0}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  world.run(minutes(11));  // both sides have retired the other: 0 is a network by itself
  for (int i = 0; i < 20; ++i)
    REQUIRE(world.put(0, "k" + std::to_string(i), "v").outcome == PutOutcome::applied);
  world.heal();
  world.run(seconds(10));
  for (int i = 0; i < 20; ++i) {
    const GetReport get = world.get(5, "k" + std::to_string(i));
    CHECK(get.found);
    CHECK(get.complete);
  }
  CHECK_EQ(copies(world), 20 * 8);  // and the lone one dropped what is not its to keep
}

TEST_CASE("dht: when a network has grown its records are with their keepers and nowhere else") {
  DhtWorld world(14);
  for (std::size_t i = 0; i < 8; ++i) world.start(i);
  world.run(seconds(5));
  for (int i = 0; i < 30; ++i)
    REQUIRE(world.put(0, "k" + std::to_string(i), "v").outcome == PutOutcome::applied);
  CHECK_EQ(copies(world), 30 * 8);
  for (std::size_t i = 8; i < 14; ++i) world.start(i);
  world.run(minutes(4));
  CHECK_EQ(copies(world), 30 * 8);  // a copy that stays behind would outlive a later deletion
  for (int i = 0; i < 30; ++i) CHECK(world.get(13, "k" + std::to_string(i)).complete);
}

TEST_CASE("dht: a lone node is synced again after a restart") {
  DhtWorld world(1);
  world.start_all();
  world.crash(0);
  world.start(0);
  world.run(seconds(3));
  CHECK(world.node(0).dht->snapshot().synced);
}

TEST_CASE(
    "dht: when the one it waited for comes back counting no more, somebody goes first again") {
  DhtWorld world(2);
  world.start_all();
  world.crash(0);
  world.crash(1);
  world.node(0).stored_synced = {};  // it had left, and remembers the other
  world.start(0);
  world.run(seconds(5));
  CHECK_FALSE(world.node(0).dht->snapshot().synced);
  world.wipe(1);
  world.start(1);
  world.run(seconds(10));
  for (std::size_t i = 0; i < 2; ++i) CHECK(world.node(i).dht->snapshot().synced);
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

TEST_CASE("dht: leaving hands over: a drained node takes no record with it") {
  DhtWorld world(10, 4);
  world.start_all();
  for (int i = 0; i < 40; ++i)
    world.put(static_cast<std::size_t>(i) % 10, "k" + std::to_string(i), "v");
  world.step(3, DrainRequested{});
  world.run(seconds(5));
  CHECK(world.node(3).drained);
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

TEST_CASE("dht: a network larger than a neighbourhood syncs whole, however many start at once") {
  for (const std::size_t size : {17, 32, 48}) {
    CAPTURE(size);
    DhtWorld world(size, size);
    world.start_all();
    world.run(seconds(20));
    CHECK(all_synced(world));
  }
}

TEST_CASE(
    "dht: twenty newcomers at once take over the ranges of twelve, who then leave one by one") {
  DhtWorld world(32, 8);
  for (std::size_t i = 0; i < 12; ++i) world.start(i);
  world.run(seconds(10));
  for (int i = 0; i < 60; ++i)
    CHECK(world.put(static_cast<std::size_t>(i) % 12, "k" + std::to_string(i), "v").outcome ==
          PutOutcome::applied);
  for (std::size_t i = 12; i < 32; ++i) world.start(i);
  world.run(seconds(20));
  REQUIRE(all_synced(world));
  for (std::size_t i = 0; i < 12; ++i) {
    world.kill(i);
    world.run(seconds(12));
    REQUIRE(all_synced(world));
  }
  for (int i = 0; i < 60; ++i) {
    const GetReport get = world.get(20, "k" + std::to_string(i));
    CHECK(get.complete);
    CHECK(get.found);
  }
}
