// Who counts: deaths, newcomers, restarts, and rounds of repair that go wrong.
#include "world.hpp"

using namespace kith;
using namespace kith::dht;
using test::DhtWorld;

namespace {

// What these ask about their own place reaches nobody.
void lose_polls(DhtWorld& world, const std::set<std::size_t>& from) {
  world.tamper = [&world, from](std::size_t sender, wire::Message& message) {
    const auto* fetch = std::get_if<wire::Fetch>(&message);
    if (fetch && from.contains(sender) && fetch->record.bytes == world.id(sender).bytes)
      message = wire::Nack{};
  };
}

}  // namespace

TEST_CASE("dht: a death does not shrink the base until the survivors have synced past it") {
  DhtWorld world(8);
  world.start_all();
  world.kill(7);
  CHECK_EQ(world.put(0, "k", "v").asked, 8);
  world.run(seconds(10));
  CHECK(world.all_synced());
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
  CHECK(world.all_synced());
  for (const std::size_t victim : {2, 5}) world.kill(victim);
  for (int i = 0; i < 100; ++i) CHECK(world.get(0, "k" + std::to_string(i)).complete);
}

TEST_CASE("dht: replace all 8 one after another with empty newcomers: nothing is lost") {
  DhtWorld world(16, 5);
  world.start_first(8);
  for (int i = 0; i < 60; ++i)
    world.put(static_cast<std::size_t>(i) % 8, "k" + std::to_string(i), "v" + std::to_string(i));
  for (std::size_t i = 0; i < 8; ++i) {
    world.kill(i);
    world.start(8 + i);
    world.run(seconds(12));
    REQUIRE(world.all_synced());
  }
  for (int i = 0; i < 60; ++i) {
    const GetReport get = world.get(15, "k" + std::to_string(i));
    CHECK(get.complete);
    CHECK_EQ(to_text(get.value.view()), "v" + std::to_string(i));
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
  world.start_first(1);
  CHECK(world.put(0, "k", "v").outcome == PutOutcome::unknown);
  world.run(minutes(1));
  const PutReport put = world.put(0, "k", "v");
  CHECK(put.outcome == PutOutcome::applied);
  CHECK_EQ(put.asked, 4);
}

TEST_CASE("dht: nothing is applied by the old base alone once a newcomer was promised to count") {
  DhtWorld world(2);
  world.start_first(1);
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
  world.start_first(1);
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
  world.start_first(2);
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
  CHECK(world.all_synced());
}

TEST_CASE("dht: a newcomer that falls silent before it counts holds nobody up for long") {
  DhtWorld world(2);
  world.start_first(1);
  world.start(1);
  world.node(0).unreachable.insert(1);
  world.node(1).unreachable.insert(0);
  const PutReport alone = world.put(0, "after", "v");
  CHECK(alone.outcome == PutOutcome::applied);
  CHECK(alone.took < seconds(1));
}

TEST_CASE("dht: one that died about to count, known so by some only, holds nobody up for long") {
  DhtWorld world(4);
  world.start_first(3);
  world.node(3).disk_silent = true;  // it dies before its stamp is written
  world.node(3).unreachable.insert(2);
  world.start(3);
  world.run(seconds(25));
  REQUIRE_EQ(world.put(0, "before", "v").asked, 4);
  REQUIRE_EQ(world.put(2, "before", "v").asked, 3);
  world.kill(3);
  CHECK(world.put(0, "after", "v").outcome == PutOutcome::applied);
}

TEST_CASE(
    "dht: one that returns counting for some only, and dies again, holds nobody up for long") {
  DhtWorld world(4);
  world.start_all();
  world.kill(3);
  // 0 took 2 for dead, hears that it lives and publishes; of 3 nobody is retired yet but by 0.
  world.uninformed = {1, 2};
  world.step(0, world.seen(2, Presence::dead, world.now().wall));
  world.step(0, world.seen(2, Presence::alive));
  world.run(milliseconds(50));
  world.node(3).disk_silent = true;  // it dies before its new stamp is written
  world.start(3);
  world.run(milliseconds(50));
  world.uninformed.clear();
  world.kill(3);
  for (const std::size_t at : {0, 1, 2})
    CHECK(world.put(at, "after", "v").outcome == PutOutcome::applied);
  CHECK_EQ(world.put(1, "later", "v").asked, 3);
}

TEST_CASE("dht: three in doubt of five and a fourth gone for good hold nobody up") {
  DhtWorld world(5);
  world.start_all();
  lose_polls(world, {2, 3, 4});              // nobody finds out by himself
  for (const std::size_t who : {2, 3, 4}) {  // 0 publishes past a death that was none
    world.step(0, world.seen(who, Presence::dead, world.now().wall));
    world.run(seconds(7));
    world.step(0, world.seen(who, Presence::alive));
  }
  REQUIRE_FALSE(world.get(0, "nothing").complete);
  world.tamper = nullptr;
  world.kill(1);
  world.run(seconds(90));
  CHECK(world.all_synced());
  CHECK(world.get(0, "nothing").complete);
}

TEST_CASE("dht: who had found a death alone releases it once it hears the others' verdict") {
  DhtWorld world(5);
  world.start_all();
  world.crash(4);
  const UnixMillis verdict = world.now().wall;
  world.step(0, world.seen(4, Presence::dead));
  for (const std::size_t who : {1, 2, 3}) world.step(who, world.seen(4, Presence::dead, verdict));
  world.run(seconds(8));
  REQUIRE_FALSE(world.node(1).dht->snapshot().synced);  // 0 has said nothing of it
  world.step(0, world.seen(4, Presence::dead, verdict));
  world.run(seconds(8));
  CHECK(world.all_synced());
}

TEST_CASE("dht: whom others may retire by a stamp is on disk when the stamp is") {
  DhtWorld world(5);
  world.start_all();
  const UnixMillis before = world.node(0).stored_synced;
  world.kill(4);
  while (world.node(0).stored_synced == before) world.run(Duration(100));
  const std::vector<Counting>& kept = world.node(0).counting;
  const auto dead = std::find_if(kept.begin(), kept.end(),
                                 [&](const Counting& one) { return one.id == world.id(4); });
  REQUIRE(dead != kept.end());
  CHECK(dead->as == Counting::As::in_doubt);
}

TEST_CASE("dht: one that dies three times about to count holds nobody up for long") {
  DhtWorld world(4);
  world.start_first(3);
  world.node(3).disk_silent = true;
  world.node(3).unreachable.insert(2);
  for (int i = 0; i < 3; ++i) {
    world.start(3);
    world.step(3, world.seen(2, Presence::dead, world.now().wall));  // it does not wait for it
    world.run(milliseconds(500));
    REQUIRE_EQ(world.get(0, "nothing").needed, 3);  // of four
    world.kill(3);
    CHECK(world.get(0, "nothing").complete);
  }
}

namespace {

// Four of five take 0 for dead, retire it and restart; 0 has not heard of that, and its record is
// as it was. They do not know the verdict any more.
void retire_first(DhtWorld& world) {
  world.start_all();
  for (const std::size_t who : {1, 2, 3, 4})
    world.step(who, world.seen(0, Presence::dead, world.now().wall));
  world.run(seconds(8));
  for (const std::size_t who : {1, 2, 3, 4}) {
    world.crash(who);
    world.start(who);
  }
}

void retire_first_unheard(DhtWorld& world) {
  lose_polls(world, {0});
  retire_first(world);
  world.run(seconds(2));
  REQUIRE_EQ(world.put(1, "k", "v").asked, 4);
  world.tamper = nullptr;
}

}  // namespace

TEST_CASE("dht: one that was retired unheard finds out when it is polled") {
  DhtWorld world(5);
  retire_first(world);
  world.run(seconds(5));
  CHECK_EQ(world.put(1, "k", "v").asked, 5);
  CHECK(world.get(0, "k").complete);
}

TEST_CASE("dht: two who do not agree on a base do not poll each other without end") {
  DhtWorld world(3);
  world.start_all();
  NodeId known_to_one;
  known_to_one.bytes[0] = 1;
  world.step(1, MemberSeen{known_to_one, {}, Presence::alive, UnixMillis{1}, {}, {}});
  std::size_t polls = 0;
  world.on_send = [&](std::size_t from, std::size_t, const Buffer& raw) {
    const auto message = wire::decode(raw);
    const auto* fetch = std::get_if<wire::Fetch>(&*message);
    polls += fetch && fetch->record.bytes == world.id(from).bytes;
  };
  world.run(minutes(5));
  CHECK(polls > 0);
  CHECK(polls <= 2 * 300);  // each of two askers once a second at most, were it every second
}

TEST_CASE("dht: one that was retired unheard finds out with its first question") {
  DhtWorld world(5);
  retire_first_unheard(world);
  world.get(0, "k");
  world.run(seconds(2));
  CHECK(world.get(0, "k").complete);
  CHECK_EQ(world.put(1, "k", "w").asked, 5);
}

TEST_CASE("dht: one that was retired unheard and asks nothing counts again all the same") {
  DhtWorld world(5);
  retire_first_unheard(world);
  world.run(minutes(3));
  CHECK_EQ(world.put(1, "k", "w").asked, 5);
}

TEST_CASE("dht: news of members while an operation waits for its last try do not end it") {
  DhtWorld world(4);
  world.start_first(3);
  world.node(3).synced = UnixMillis{1};  // known to 0 only, and dead: 0 and the others disagree
  const auto hears_of_3 = [&](std::size_t who) {
    world.step(who, world.seen(3, Presence::dead, world.now().wall));
  };
  hears_of_3(0);
  const Ticket put = world.begin_put(0, "written", "v"), get{1000};
  world.step(0, GetRequested{get, "read"});
  world.run(seconds(1));
  for (const std::size_t who : {0, 1, 2}) hears_of_3(who);
  const ReportPtr written = world.finish(0, put), read = world.finish(0, get);
  REQUIRE(written);
  REQUIRE(read);
  CHECK(std::get<PutReport>(*written).outcome == PutOutcome::applied);
  CHECK(std::get<GetReport>(*read).complete);
}

TEST_CASE("dht: ten that die about to count do not make the network publish ten times") {
  DhtWorld world(13);
  world.start_first(3);
  std::set<std::int64_t> stamps;
  for (std::size_t i = 3; i < 13; ++i) {
    world.node(i).disk_silent = true;
    world.start(i);
    world.run(milliseconds(250));
    world.kill(i);
    world.run(milliseconds(250));
    stamps.insert(world.node(0).synced.value);
  }
  CHECK_LE(stamps.size(), 4);
}

TEST_CASE("dht: who is told to stop in a round of repair publishes no more") {
  DhtWorld world(3);
  world.start_first(2);
  world.start(2);
  world.run(milliseconds(4));
  world.step(2, StopRequested{});
  world.run(seconds(5));
  CHECK(world.node(2).synced.value == 0);
  CHECK(world.node(2).stored_synced.value == 0);
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
  world.start_first(1);
  CHECK_FALSE(world.node(0).dht->snapshot().synced);
  world.wipe(1);
  world.start(1);
  world.run(seconds(10));
  for (std::size_t i = 0; i < 2; ++i) CHECK(world.node(i).dht->snapshot().synced);
}

TEST_CASE("dht: a clock that is ahead keeps nobody from being synced") {
  for (const bool expiring : {false, true}) {
    CAPTURE(expiring);
    DhtWorld world(4);
    for (std::size_t i : {0, 1, 2}) world.start(i);
    world.run(seconds(5));
    world.node(3).ahead = seconds(10);
    for (int i = 0; i < 120; ++i) {
      PutRequested put{{}, "k" + std::to_string(i)};
      put.value = Buffer(as_bytes("v"));
      if (expiring) put.ttl = seconds(1);
      REQUIRE(world.put(0, put).outcome == PutOutcome::applied);
      world.run(seconds(1));
    }
    world.run(hours(24) - seconds(115));
    world.start(3);
    world.run(seconds(90));
    CHECK(world.node(3).dht->snapshot().synced);
    CHECK(world.node(3).synced.value > 0);
  }
}

TEST_CASE("dht: far apart and busy, a newcomer comes to count") {
  DhtWorld world(20);
  world.start_first(19);
  world.run(seconds(20));
  for (std::size_t i = 0; i < 2000; ++i) world.begin_put(i % 19, "k" + std::to_string(i), "v");
  world.run(seconds(60));
  world.delay = milliseconds(150);
  world.loss_percent = 2;
  world.run(seconds(20));
  world.start(19);
  std::size_t writes = 0;
  for (int tick = 0; tick < 1200 && world.node(19).synced.value == 0; ++tick) {
    for (int i = 0; i < 5; ++i, ++writes)
      world.begin_put(writes % 19, "n" + std::to_string(writes), "v");
    world.run(milliseconds(100));
  }
  CHECK(world.node(19).synced.value > 0);  // its round takes longer than a promise is good for
}

TEST_CASE("dht: who does not say again that it counts a newcomer is not taken to count it") {
  DhtWorld world(10);
  world.start_first(9);
  world.run(seconds(20));
  world.delay = milliseconds(600);   // a round takes longer than a promise is good for
  std::vector<std::size_t> visited;  // since the first promise
  std::optional<Instant> promised;
  bool again = false;
  world.on_send = [&](std::size_t from, std::size_t to, const Buffer& bytes) {
    const auto message = wire::decode(bytes);
    if (from != 9 || again || !message) return;
    if (promised && std::holds_alternative<wire::Reconcile>(*message) &&
        std::find(visited.begin(), visited.end(), to) == visited.end())
      visited.push_back(to);
    const auto* poll = std::get_if<wire::Fetch>(&*message);
    if (!poll || poll->record.bytes != world.id(9).bytes || poll->want != wire::Want::value) return;
    again = promised && world.now().mono - *promised > seconds(5);
    if (again)
      for (std::size_t i = 0; i < 4; ++i) world.hush(9, visited[i]);  // they have been visited
    if (!promised) promised = world.now().mono;
  };
  world.start(9);
  world.run(seconds(60));
  REQUIRE(again);
  CHECK_EQ(world.node(9).synced.value,
           0);  // five of eight do not make a base without it impossible
  for (std::size_t i = 0; i < 10; ++i) world.node(i).unreachable.clear();
  world.run(minutes(2));
  CHECK_GT(world.node(9).synced.value, 0);
}
