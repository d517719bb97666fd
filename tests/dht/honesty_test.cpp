// What a node must not say for sure, and what it must not leave with.
#include <numeric>

#include "world.hpp"

using namespace kith;
using namespace kith::dht;
using test::DhtWorld;

namespace {

// A link that swallows everything, and nobody has noticed yet.
void hush(DhtWorld& world, std::size_t a, std::size_t b) {
  world.node(a).unreachable.insert(b);
  world.node(b).unreachable.insert(a);
}

bool handed_over(DhtWorld& world, std::size_t who) {
  return world.node(who).drained && world.node(who).synced.value == 0;
}

// Those nearest to where a record is kept come first.
std::vector<std::size_t> by_nearness(const DhtWorld& world, const RecordId& record) {
  const auto distance = [&](std::size_t i) {
    ByteArray<32> apart = world.id(i).bytes;
    for (std::size_t k = 0; k < apart.size(); ++k) apart[k] ^= record.bytes[k];
    return apart;
  };
  std::vector<std::size_t> order(world.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return distance(a) < distance(b); });
  return order;
}

void gone(DhtWorld& world, std::size_t who) {
  world.crash(who);
  for (std::size_t other = 0; other < world.size(); ++other)
    if (world.node(other).up) world.step(other, world.seen(who, Presence::left));
}

// Lets go whom the dht lets go, as node/ does, until all are gone; false: not within a minute.
bool all_leave(DhtWorld& world, std::vector<std::size_t> leavers) {
  for (const std::size_t one : leavers) world.step(one, DrainRequested{});
  for (int ms = 0; ms < 60'000 && !leavers.empty(); ++ms) {
    world.run(milliseconds(1));
    for (const std::size_t one : std::vector(leavers)) {
      if (!handed_over(world, one)) continue;
      std::erase(leavers, one);
      world.run(milliseconds(20));
      gone(world, one);
    }
  }
  return leavers.empty();
}

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
  hush(world, 0, 1);
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
  hush(world, 0, 2);
  // 1 tells the reader that it has a greater version, and falls silent when it is asked for it;
  // then 2, which has it too, can be reached again.
  bool asked = false;
  world.on_message = [&](std::size_t from, std::size_t to, const wire::Message& message) {
    const auto* fetch = std::get_if<wire::Fetch>(&message);
    if (asked || from != 0 || to != 1 || !fetch || fetch->want != wire::Want::value) return;
    asked = true;
    hush(world, 0, 1);
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

TEST_CASE("dht: a leave is drained only when what it takes along is where every later read looks") {
  DhtWorld world(3);
  world.start_all();
  world.cut({0}, {1, 2});
  REQUIRE(world.put(2, "k", "v").outcome == PutOutcome::applied);
  world.step(2, DrainRequested{});
  world.run(seconds(10));
  CHECK_FALSE(world.node(2).drained);  // of {0, 1} one has it, and one answers a read
  world.heal();
  world.run(seconds(10));
  CHECK(handed_over(world, 2));
  CHECK_EQ(world.node(0).disk.size(), 1);
}

TEST_CASE("dht: of two who leave at once neither counts on what the other keeps") {
  DhtWorld world(5);
  world.start_all();
  for (const std::size_t full : {3, 4}) world.node(full).disk_full = true;
  REQUIRE(world.put(0, "k", "v").outcome == PutOutcome::applied);
  for (const std::size_t leaver : {0, 1}) world.step(leaver, DrainRequested{});
  world.run(seconds(10));
  // Of the four that stay when the first has left two have it; of three one would.
  CHECK_EQ(handed_over(world, 0) + handed_over(world, 1), 1);
  for (const std::size_t full : {3, 4}) world.node(full).disk_full = false;
  world.run(seconds(10));
  CHECK_EQ(handed_over(world, 0) + handed_over(world, 1), 2);
  for (const std::size_t stays : {2, 3, 4}) CHECK_EQ(world.node(stays).disk.size(), 1);
}

TEST_CASE("dht: of many who leave at once the last gives to those that were too far at first") {
  for (const std::uint64_t seed : {21, 71, 81, 112, 117}) {
    CAPTURE(seed);
    DhtWorld world(40, seed);
    world.start_all();
    world.run(seconds(20));
    const PutReport put = world.put(0, "k", "v");
    REQUIRE(put.outcome == PutOutcome::applied);
    world.run(seconds(1));
    std::vector<std::size_t> nearest = by_nearness(world, put.id);
    const std::size_t reader = nearest.back();
    nearest.resize(20);
    REQUIRE(all_leave(world, nearest));
    const GetReport get = world.get(reader, "k");
    CHECK(get.complete);
    CHECK(get.found);
  }
}

TEST_CASE("dht: those who leave one after another give to who keeps it after them, near or not") {
  DhtWorld world(60);
  world.start_all();
  world.run(seconds(20));
  const PutReport put = world.put(0, "k", "v");
  REQUIRE(put.outcome == PutOutcome::applied);
  world.run(seconds(1));
  std::vector<std::size_t> nearest = by_nearness(world, put.id);
  const std::size_t reader = nearest.back();
  nearest.resize(30);
  for (const std::size_t one : nearest) {
    REQUIRE(all_leave(world, {one}));
    world.run(seconds(200));  // time to mend what is missing
  }
  const GetReport get = world.get(reader, "k");
  CHECK(get.complete);
  CHECK(get.found);
}

// Two stay of three: there a write needs both, and a read one.
TEST_CASE("dht: what a leaver stores while it asks whether it may go counts for nobody") {
  DhtWorld world(3);
  world.start_all();
  bool asked = false;
  world.on_message = [&](std::size_t from, std::size_t, const wire::Message& message) {
    const auto* fetch = std::get_if<wire::Fetch>(&message);
    if (asked || from != 2 || !fetch || fetch->record.bytes != world.id(2).bytes) return;
    asked = true;
    hush(world, 1, 2);  // 1 does not answer for a moment
    hush(world, 0, 1);
  };
  world.step(2, DrainRequested{});
  world.run(milliseconds(5));
  REQUIRE(asked);
  const Ticket put = world.begin_put(0, "k", "v");  // on 0 and 2
  world.run(milliseconds(100));
  for (const std::size_t one : {0, 1, 2}) world.node(one).unreachable.clear();
  world.node(1).disk_full = true;
  world.run(seconds(2));
  REQUIRE(handed_over(world, 2));
  gone(world, 2);
  const ReportPtr report = world.finish(0, put);
  REQUIRE(report);
  CHECK(std::get<PutReport>(*report).outcome != PutOutcome::applied);
}

TEST_CASE("dht: what a leaver acknowledged while it handed over does not stay with it") {
  DhtWorld world(3);
  world.start_all();
  std::vector<std::size_t> visited;
  world.on_message = [&](std::size_t from, std::size_t to, const wire::Message& message) {
    if (from != 2 || !std::holds_alternative<wire::Reconcile>(message) || visited.size() == 2)
      return;
    if (visited.empty() || visited.back() != to) visited.push_back(to);
    if (visited.size() == 2)
      for (const std::size_t other : {0, 1}) hush(world, 2, other);
  };
  world.step(2, DrainRequested{});
  world.run(milliseconds(20));
  REQUIRE_EQ(visited.size(), 2);
  const std::size_t first = visited[0], second = visited[1];
  const Ticket put = world.begin_put(2, "k", "v");
  world.run(milliseconds(20));
  world.node(2).unreachable.erase(second);
  world.node(second).unreachable.erase(2);
  const ReportPtr report = world.finish(2, put);
  REQUIRE(report);
  REQUIRE(std::get<PutReport>(*report).outcome == PutOutcome::applied);  // on 2 and the second
  for (const std::size_t one : {0, 1, 2}) world.node(one).unreachable.clear();
  world.run(seconds(20));
  REQUIRE(handed_over(world, 2));
  gone(world, 2);
  world.run(milliseconds(1));
  CHECK_EQ(world.node(first).disk.size(), 1);
}

TEST_CASE("dht: a leaver that has to wait counts as before") {
  DhtWorld world(3);
  world.start_all();
  world.node(1).receipt_delay = seconds(5);
  world.step(1, DrainRequested{});
  world.run(seconds(1));
  world.step(0, DrainRequested{});
  world.run(milliseconds(500));  // 1 has refused it
  const Ticket put = world.begin_put(2, "k", "v");
  const ReportPtr report = world.finish(2, put, seconds(1));
  REQUIRE(report);  // on 0 and 2: 1 is as good as gone
  CHECK(std::get<PutReport>(*report).outcome == PutOutcome::applied);
  CHECK_FALSE(world.node(1).drained);
}

TEST_CASE("dht: who may leave lets no other leave before it is gone") {
  DhtWorld world(5);
  world.start_all();
  REQUIRE(world.put(0, "k", "v").outcome == PutOutcome::applied);
  world.node(0).receipt_delay = seconds(5);
  world.step(0, DrainRequested{});
  world.run(milliseconds(1500));
  world.step(1, DrainRequested{});
  world.run(seconds(2));
  CHECK_FALSE(world.node(0).drained);  // its end is not on its disk yet
  CHECK_FALSE(world.node(1).drained);
  world.run(milliseconds(1600));
  CHECK(handed_over(world, 0));
  CHECK(handed_over(world, 1));  // at once then
}

TEST_CASE("dht: of two who ask to leave at the same time one goes first") {
  DhtWorld world(2);
  world.start_all();
  for (const std::size_t leaver : {0, 1}) world.step(leaver, DrainRequested{});
  world.run(seconds(1));
  CHECK(world.node(0).drained);
  CHECK(world.node(1).drained);
}

TEST_CASE("dht: who was asked by another that leaves hands over anew when that one is gone") {
  DhtWorld world(5);
  world.start_all();
  world.node(3).disk_full = true;
  REQUIRE(world.put(0, "k", "v").outcome == PutOutcome::applied);
  const std::size_t second = world.id(0) < world.id(1) ? 1 : 0, first = 1 - second;
  world.on_message = [&](std::size_t from, std::size_t to, const wire::Message& message) {
    const auto* fetch = std::get_if<wire::Fetch>(&message);
    const bool asks_to_leave = fetch && fetch->record.bytes == world.id(from).bytes;
    if (asks_to_leave && from == second && to == 2) hush(world, second, 2);
  };
  world.step(second, DrainRequested{});
  world.run(milliseconds(200));  // all have answered but that one
  world.uninformed.insert(second);
  world.step(first, DrainRequested{});
  world.run(seconds(10));
  CHECK(handed_over(world, first));
  CHECK_FALSE(world.node(second).drained);  // of the three that stay two have not what it has
}

TEST_CASE("dht: who was given everything and comes back with an older disk is given it again") {
  DhtWorld world(5);
  world.start_all();
  REQUIRE(world.put(0, "k", "v").outcome == PutOutcome::applied);
  world.node(4).receipt_delay = seconds(5);
  world.step(4, DrainRequested{});
  world.run(milliseconds(1500));
  world.step(0, DrainRequested{});
  world.run(seconds(1));  // it has given, and waits for 4 to be gone
  for (const std::size_t back : {1, 2}) {
    world.kill(back);
    world.node(back).disk.clear();
    world.node(back).disk_full = true;
    world.start(back);
  }
  world.run(seconds(10));
  CHECK(handed_over(world, 4));
  CHECK_FALSE(world.node(0).drained);  // of the three that stay two have not what it has
  for (const std::size_t back : {1, 2}) world.node(back).disk_full = false;
  world.run(seconds(10));
  CHECK(handed_over(world, 0));
  for (const std::size_t stays : {1, 2, 3}) CHECK_EQ(world.node(stays).disk.size(), 1);
}

TEST_CASE("dht: whom a round has only fetched from was given nothing by one who leaves meanwhile") {
  DhtWorld world(3);
  world.start_all();
  world.cut({0}, {1, 2});
  REQUIRE(world.put(2, "k", "v").outcome == PutOutcome::applied);
  world.node(0).disk_full = true;
  bool asked = false;
  world.on_message = [&](std::size_t from, std::size_t, const wire::Message& message) {
    const auto* poll = std::get_if<wire::Fetch>(&message);
    if (asked || from != 2 || !poll || poll->record.bytes != world.id(2).bytes) return;
    asked = true;  // it has been to both others
    world.step(2, DrainRequested{});
  };
  world.heal();
  world.run(seconds(8));
  REQUIRE(asked);
  CHECK_FALSE(world.node(2).drained);
  world.node(0).disk_full = false;
  world.run(seconds(5));
  CHECK(handed_over(world, 2));
  CHECK_EQ(world.node(0).disk.size(), 1);
}

TEST_CASE("dht: who leaves with nobody there goes at once, and has handed over nothing") {
  DhtWorld world(1);
  world.start_all();
  REQUIRE(world.put(0, "k", "v").outcome == PutOutcome::applied);
  world.step(0, DrainRequested{});
  world.run(milliseconds(10));
  CHECK(world.node(0).drained);
  CHECK_FALSE(handed_over(world, 0));
}

TEST_CASE("dht: the last member that counts does not leave those who do not with nothing") {
  DhtWorld world(2);
  world.start_first(1);
  REQUIRE(world.put(0, "k", "v").outcome == PutOutcome::applied);
  world.node(1).disk_full = true;
  world.start(1);
  world.run(seconds(10));
  world.step(0, DrainRequested{});
  world.run(seconds(10));
  CHECK_FALSE(world.node(0).drained);
  world.node(1).disk_full = false;
  world.run(seconds(10));
  CHECK(handed_over(world, 0));
  CHECK_EQ(world.node(1).disk.size(), 1);
}

TEST_CASE("dht: who leaves counts no more only when its own disk knows that") {
  DhtWorld world(3);
  world.start_all();
  REQUIRE(world.put(0, "k", "v").outcome == PutOutcome::applied);
  const UnixMillis before = world.node(2).synced;
  world.node(2).disk_full = true;
  world.step(2, DrainRequested{});
  world.run(seconds(1));
  CHECK(world.node(2).drained);  // as one that was stopped: it will come back as one that counts
  CHECK(world.node(2).synced == before);
  CHECK(world.node(2).stored_synced == before);
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

TEST_CASE("dht: who counts is written again when the disk has room") {
  DhtWorld world(2);
  world.start_first(1);
  world.node(0).disk_full = true;
  world.start(1);
  world.run(seconds(5));
  REQUIRE(world.node(1).synced.value > 0);
  CHECK(world.node(0).counting.empty());
  world.node(0).disk_full = false;
  world.run(seconds(2));
  REQUIRE(world.node(0).counting.size() == 1);
  CHECK(world.node(0).counting.front().id == world.id(1));
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
  accused.incarnation = {5};
  world.step(0, accused);
  world.run(seconds(10));
  REQUIRE(world.node(0).synced == before);  // the first record it ever saw of itself
  accused.incarnation = {6};
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
  hush(world, who.founder, who.returned);
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
    for (const std::size_t other : {1, 3}) hush(world, one, other);
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
  hush(world, 0, 1);
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
