// What a node must not say for sure.
#include "world.hpp"

using namespace kith;
using namespace kith::dht;
using test::DhtWorld;

namespace {

// Two count and hold "k". One leaves, the other is away; who left comes back with two newcomers.
// The smallest of the three would found the network anew, and knows nothing.
struct Returned {
  std::size_t founder, newcomer, away, returned;
};
Returned returns_before_the_other(DhtWorld& world) {
  std::vector<std::size_t> by_id{0, 1, 2, 3};
  std::sort(by_id.begin(), by_id.end(),
            [&](std::size_t a, std::size_t b) { return world.id(a) < world.id(b); });
  const Returned who{by_id[0], by_id[1], by_id[2], by_id[3]};
  world.start(who.returned);
  world.start(who.away);
  world.run(seconds(5));
  REQUIRE(world.put(who.away, "k", "v").outcome == PutOutcome::applied);
  world.step(who.returned, DrainRequested{});
  world.run(seconds(5));
  REQUIRE(world.node(who.returned).drained);
  world.crash(who.returned);
  world.step(who.away, world.seen(who.returned, Presence::left));
  world.run(seconds(1));
  world.crash(who.away);
  for (const std::size_t at : {who.founder, who.newcomer, who.returned}) world.start(at);
  return who;
}

GetReport finished(DhtWorld& world, std::size_t at, Ticket ticket) {
  const ReportPtr report = world.finish(at, ticket);
  REQUIRE(report);
  return std::get<GetReport>(*report);
}

}  // namespace

TEST_CASE(
    "dht: half of a base of two waits for the other while it lives, and not once it is dead") {
  DhtWorld world(2);
  world.start_all();
  REQUIRE(world.put(0, "k", "v").outcome == PutOutcome::applied);
  world.hush(0, 1);
  const GetReport alone = world.get(0, "k");
  CHECK_FALSE(alone.complete);
  world.declare_dead(1);
  const GetReport widowed = world.get(0, "k");
  CHECK(widowed.complete);
  CHECK_EQ(to_text(widowed.value.view()), "v");
}

TEST_CASE(
    "dht: a version that was claimed and cannot be shown is not passed over for an older one") {
  DhtWorld world(3);
  world.start_all();
  REQUIRE(world.put(0, "k", "old").outcome == PutOutcome::applied);
  world.run(seconds(1));
  world.cut({0}, {1, 2});
  REQUIRE(world.put(1, "k", "new").outcome == PutOutcome::applied);
  world.heal();
  world.hush(0, 2);
  // 1 tells the reader that it has a greater version, and falls silent when it is asked for it;
  // then 2, which has it too, can be reached again.
  bool asked = false;
  world.on_message = [&](std::size_t from, std::size_t to, const wire::Message& message) {
    const auto* fetch = std::get_if<wire::Fetch>(&message);
    if (asked || from != 0 || to != 1 || !fetch || fetch->want != wire::Want::value) return;
    asked = true;
    world.hush(0, 1);
    world.node(0).unreachable.erase(2);
    world.node(2).unreachable.erase(0);
  };
  world.step(0, GetRequested{{7}, "k", {}});
  world.run(milliseconds(20));
  REQUIRE(asked);
  world.step(0, PeerUnreachable{world.id(1)});
  const GetReport get = finished(world, 0, {7});
  CHECK_FALSE((get.complete && to_text(get.value.view()) == "old"));
}

TEST_CASE("dht: a stamp is told when it is on disk, and tried again while the disk is full") {
  DhtWorld world(3);
  world.start_first(2);
  world.node(2).disk_full = true;
  world.start(2);
  world.run(seconds(10));
  CHECK(world.node(2).synced.value == 0);
  world.node(2).disk_full = false;
  world.run(seconds(60));
  CHECK(world.node(2).synced.value > 0);
  CHECK(world.node(2).stored_synced == world.node(2).synced);
}

TEST_CASE("dht: nobody comes to count with one whose disk cannot keep that, until it has room") {
  DhtWorld world(2);
  world.start_first(1);
  world.node(0).disk_full = true;
  world.start(1);
  world.run(seconds(5));
  CHECK_EQ(world.node(1).synced.value, 0);
  CHECK(world.node(0).counting.empty());
  world.node(0).disk_full = false;
  world.run(seconds(30));
  CHECK_GT(world.node(1).synced.value, 0);
  REQUIRE_EQ(world.node(0).counting.size(), 1);
  CHECK_EQ(world.node(0).counting.front().id, world.id(1));
}

TEST_CASE("dht: a writer whose own disk is full signs no sequence twice") {
  DhtWorld world(3);
  world.start_all();
  world.node(0).disk_full = true;
  std::set<Sequence> signed_here;
  constexpr std::uint64_t writes = 5;
  std::vector<Ticket> tickets;
  // All within one millisecond: the clock does not tell them apart.
  for (std::uint64_t i = 0; i < writes; ++i)
    tickets.push_back(world.begin_put(0, "k", std::to_string(i)));
  for (const Ticket ticket : tickets) {
    const ReportPtr report = world.finish(0, ticket);
    REQUIRE(report);
    signed_here.insert(std::get<PutReport>(*report).sequence);
  }
  CHECK_EQ(signed_here.size(), writes);
}

TEST_CASE("dht: a member whose record moved by an accusation syncs anew and says so") {
  DhtWorld world(3);
  world.start_all();
  world.run(seconds(1));
  const UnixMillis before = world.node(0).synced;
  MemberSeen accused = world.seen(0, Presence::alive);
  world.step(0, accused);  // its record as it was
  world.run(seconds(10));
  REQUIRE(world.node(0).synced == before);
  ++accused.incarnation.value;
  world.step(0, accused);
  world.run(seconds(10));
  CHECK(world.node(0).synced > before);
}

TEST_CASE("dht: newcomers found no network while one of them knows who counts and is away") {
  DhtWorld world(4);
  const Returned who = returns_before_the_other(world);
  world.run(seconds(10));
  for (const std::size_t at : {who.founder, who.newcomer, who.returned})
    CHECK_FALSE(world.get(at, "k").complete);
  world.start(who.away);
  world.run(seconds(10));
  for (std::size_t at = 0; at < world.size(); ++at) {
    const GetReport get = world.get(at, "k");
    CHECK(get.complete);
    CHECK(get.found);
  }
}

TEST_CASE("dht: nor while one that lives has not answered") {
  DhtWorld world(4);
  const Returned who = returns_before_the_other(world);
  world.hush(who.founder, who.returned);
  world.run(seconds(10));
  CHECK_FALSE(world.get(who.founder, "k").complete);
  CHECK_FALSE(world.get(who.newcomer, "k").complete);
}

TEST_CASE("dht: two newcomers, each known to one side of a cut, make no second majority") {
  DhtWorld world(4);
  world.start_first(2);
  world.uninformed = {0, 1, 2, 3};
  world.start(2);
  world.start(3);
  world.run(seconds(5));
  REQUIRE(world.node(2).synced.value > 0);
  REQUIRE(world.node(3).synced.value > 0);
  world.step(0, world.seen(2, Presence::alive));
  world.step(1, world.seen(3, Presence::alive));
  for (const std::size_t one : {0, 2})
    for (const std::size_t other : {1, 3}) world.hush(one, other);
  const PutReport put = world.put(2, "k", "v");
  const GetReport get = world.get(3, "k");
  CHECK_FALSE((put.outcome == PutOutcome::applied && get.complete && !get.found));
}

TEST_CASE("dht: two who were retired do not count for one of those who retired them alone") {
  DhtWorld world(5);
  world.start_all();
  world.run(seconds(1));
  world.cut({0, 1}, {2, 3, 4});
  world.run(seconds(30));
  const PutReport three = world.put(2, "k", "old");
  REQUIRE(three.outcome == PutOutcome::applied);
  REQUIRE_EQ(three.needed, 2);  // 0 and 1 are retired
  // The cut moves: 4 is on the other side now.
  world.cut({2, 3}, {4});
  for (const std::size_t back : {0, 1}) {
    world.node(4).unreachable.erase(back);
    world.node(back).unreachable.erase(4);
    world.step(4, world.seen(back, Presence::alive));
    world.step(back, world.seen(4, Presence::alive));
  }
  world.run(seconds(1));
  REQUIRE(world.put(2, "k", "new").outcome == PutOutcome::applied);  // on 2 and 3, of 2, 3 and 4
  world.run(seconds(30));
  const GetReport get = world.get(0, "k");
  CHECK_FALSE((get.complete && to_text(get.value.view()) != "new"));
  world.heal();
  world.run(seconds(60));
  const GetReport healed = world.get(0, "k");
  CHECK(healed.complete);
  CHECK_EQ(to_text(healed.value.view()), "new");
}

TEST_CASE("dht: at its deadline a read tells the value that it was shown, incomplete") {
  DhtWorld world(10);
  world.start_all();
  REQUIRE(world.put(0, "k", "v").outcome == PutOutcome::applied);
  world.run(seconds(1));
  std::size_t reader = 0;
  while (!world.node(reader).disk.empty()) ++reader;
  bool asked = false;
  world.on_send = [&](std::size_t from, std::size_t to, const Buffer& raw) {
    const auto message = wire::decode(raw);
    const auto* fetch = std::get_if<wire::Fetch>(&*message);
    if (from != reader || asked || !fetch || fetch->want != wire::Want::value) return;
    asked = true;  // of the other seven four are silent
    std::size_t silent = 0;
    for (std::size_t i = 0; i < world.size() && silent < 4; ++i) {
      if (i == reader || i == to || world.node(i).disk.empty()) continue;
      world.hush(reader, i);
      ++silent;
    }
  };
  const GetReport get = world.get(reader, "k");
  REQUIRE(asked);
  CHECK_FALSE(get.complete);
  CHECK(get.found);
  CHECK_EQ(to_text(get.value.view()), "v");
  CHECK_LE(get.took, seconds(5) + milliseconds(1));
}

TEST_CASE("dht: who does not agree on the base has no vote by showing its value") {
  DhtWorld world(3);
  world.start_all();
  NodeId known_to_one;
  known_to_one.bytes[0] = 1;
  MemberSeen stranger{known_to_one, {}, Presence::alive, UnixMillis{1}, {}, {}};
  world.step(1, stranger);
  world.node(1).unreachable = {0, 2};
  REQUIRE(world.put(1, "k", "v").outcome == PutOutcome::unknown);  // it alone has it
  world.node(1).unreachable.clear();
  world.kill(2);
  const GetReport get = world.get(0, "k");
  CHECK_EQ(to_text(get.value.view()), "v");
  CHECK_FALSE(get.complete);  // one of three agrees that it is a base of three
}

TEST_CASE("dht: no version is stale by a greater one that the disk may yet refuse") {
  DhtWorld world(2);
  world.start_all();
  world.node(1).unreachable.insert(0);
  std::vector<Buffer> stores;
  world.on_send = [&](std::size_t, std::size_t to, const Buffer& raw) {
    if (to == 1 && std::holds_alternative<wire::Store>(*wire::decode(raw))) stores.push_back(raw);
  };
  world.node(1).disk_full = true;
  world.begin_put(0, "k", "lower");
  world.run(milliseconds(5));
  world.begin_put(0, "k", "greater");
  world.run(milliseconds(5));
  world.on_send = nullptr;
  REQUIRE_EQ(stores.size(), 2);
  std::size_t stale = 0, refused = 0;
  world.on_send = [&](std::size_t from, std::size_t, const Buffer& raw) {
    const auto message = wire::decode(raw);
    const auto* stored = std::get_if<wire::Stored>(&*message);
    if (from != 1 || !stored) return;
    stale += stored->status == wire::StoreStatus::stale;
    refused += stored->status == wire::StoreStatus::refused;
  };
  for (const std::size_t which : {1, 0}) {  // as a resend may come
    const auto message = wire::decode(stores[which]);
    world.step(1, MessageReceived{world.id(0), &*message});
  }
  world.run(milliseconds(5));
  CHECK_EQ(stale, 0);
  CHECK_EQ(refused, 2);
}

TEST_CASE("dht: while a put signs above another one's version it tries the old one no more") {
  DhtWorld world(3);
  world.start_all();
  world.hush(0, 1);
  world.node(2).receipt_delay = milliseconds(100);
  bool told = false;
  world.tamper = [&](std::size_t from, wire::Message& message) {
    auto* stored = std::get_if<wire::Stored>(&message);
    if (from != 2 || !stored || std::exchange(told, true)) return;
    stored->status = wire::StoreStatus::stale;
    stored->sequence.value += 1000;
  };
  const Ticket put = world.begin_put(0, "k", "v");
  world.run(milliseconds(50));
  world.step(0, PeerUnreachable{world.id(1)});  // asked again in half a second
  world.job_delay = seconds(1);
  const ReportPtr report = world.finish(0, put);
  REQUIRE(told);
  REQUIRE(report);
  const auto& applied = std::get<PutReport>(*report);
  REQUIRE(applied.outcome == PutOutcome::applied);
  const GetReport get = world.get(2, "k");
  CHECK_EQ(get.sequence.value, applied.sequence.value);
}

TEST_CASE("dht: a replica shows one reader no version that it does not tell the next one of") {
  for (const std::string key : {"a", "b", "c", "d", "e", "f"}) {  // who is asked first differs
    DhtWorld world(3);
    world.start_all();
    REQUIRE(world.put(0, key, "old").outcome == PutOutcome::applied);
    world.run(seconds(1));
    world.node(0).receipt_delay = milliseconds(500);
    world.node(2).disk_full = true;
    const Ticket put = world.begin_put(0, key, "new");
    world.run(milliseconds(5));  // on the disks of 0, which has not been told, and of 1
    const GetReport first = world.get(0, key);
    const GetReport second = world.get(2, key);
    REQUIRE(first.complete);
    if (second.complete) CHECK(second.sequence >= first.sequence);
    const ReportPtr report = world.finish(0, put);
    REQUIRE(report);
    CHECK(std::get<PutReport>(*report).outcome == PutOutcome::applied);
  }
}

TEST_CASE("dht: a version on its way to the disk is not purged with the one before") {
  DhtWorld world(3);
  world.start_all();
  world.delay = Duration(100);
  std::vector<Instant> purged_at;
  for (int i = 0; i < 40; ++i) {
    PutRequested put{{}, "k" + std::to_string(i)};
    put.value = Buffer(as_bytes("old"));
    put.ttl = seconds(1);
    purged_at.push_back(world.now().mono + seconds(1) + hours(24));
    REQUIRE(world.put(0, put).outcome == PutOutcome::applied);
    world.run(milliseconds(10));
  }
  std::vector<RecordId> written;  // from 0.7 ms before that moment to 0.9 ms after it
  for (int i = 0; i < 40; ++i) {
    const Instant at = purged_at[static_cast<std::size_t>(i)] - Duration(700) + Duration(40 * i);
    if (at > world.now().mono) world.run(at - world.now().mono);
    const PutReport put = world.put(0, "k" + std::to_string(i), "new");
    REQUIRE(put.outcome == PutOutcome::applied);
    written.push_back(put.id);
  }
  world.run(seconds(30));
  for (const RecordId& id : written)
    for (const std::size_t one : {0, 1, 2})
      CHECK(world.node(one).disk.contains(Bytes(id.view().begin(), id.view().end())));
}

TEST_CASE("dht: what a member that died meanwhile may have stored is not called rejected") {
  DhtWorld world(3);
  world.start_all();
  for (const std::size_t full : {0, 1}) world.node(full).disk_full = true;
  const Ticket ticket = world.begin_put(0, "k", "v");
  world.run(Duration(1600));  // on the disk of 2, and its answer is under way
  world.lose_next(0, 100);
  world.node(0).unreachable.insert(2);
  world.node(2).unreachable.insert(0);
  REQUIRE_EQ(world.node(2).disk.size(), 1);
  world.crash(2);
  world.run(seconds(1));
  world.declare_dead(2);
  const PutReport put = std::get<PutReport>(*world.finish(0, ticket));
  CHECK(put.outcome == PutOutcome::unknown);
}

TEST_CASE("dht: nor what one that is held dead was sent, and stored") {
  DhtWorld world(3);
  world.start_all();
  world.step(0, world.seen(1, Presence::dead, world.now().wall));  // it lives, and can be reached
  for (const std::size_t full : {0, 2}) world.node(full).disk_full = true;
  const PutReport put = world.put(0, "k", "v");
  world.run(seconds(1));
  REQUIRE_EQ(world.node(1).disk.size(), 1);
  CHECK(put.outcome == PutOutcome::unknown);
}

TEST_CASE("dht: what an earlier version of a put may have reached is not forgotten") {
  DhtWorld world(3);
  world.start_all();
  std::size_t hi = 0;
  for (std::size_t i = 1; i < 3; ++i)
    if (world.id(hi) < world.id(i)) hi = i;
  const std::size_t lo = (hi + 1) % 3, third = (hi + 2) % 3;
  world.node(lo).disk_full = true;
  world.node(hi).unreachable.insert(third);
  world.begin_put(hi, "k", "h");
  const Ticket ticket = world.begin_put(lo, "k", "l");
  world.run(Duration(1600));
  REQUIRE_EQ(world.node(third).disk.size(), 1);
  for (std::size_t i = 0; i < 3; ++i) world.node(i).disk_full = true;
  const PutReport put = std::get<PutReport>(*world.finish(lo, ticket));
  CHECK(put.outcome == PutOutcome::unknown);
}
