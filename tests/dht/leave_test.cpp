// What a node must not leave with.
#include <numeric>

#include "world.hpp"

using namespace kith;
using namespace kith::dht;
using test::DhtWorld;

namespace {

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

// A value, and from the nearest on who is near it, in a network in which all count.
struct Kept {
  std::vector<std::size_t> nearest;
  std::size_t reader;  // the farthest
};
Kept keep_one(DhtWorld& world, std::size_t leavers) {
  world.start_all();
  world.run(seconds(20));
  const PutReport put = world.put(0, "k", "v");
  REQUIRE(put.outcome == PutOutcome::applied);
  world.run(seconds(1));
  Kept kept{by_nearness(world, put.id), 0};
  kept.reader = kept.nearest.back();
  kept.nearest.resize(leavers);
  return kept;
}

void check_kept(DhtWorld& world, const Kept& kept) {
  const GetReport get = world.get(kept.reader, "k");
  CHECK(get.complete);
  CHECK(get.found);
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
      if (!world.handed_over(one)) continue;
      std::erase(leavers, one);
      world.run(milliseconds(20));
      gone(world, one);
    }
  }
  return leavers.empty();
}

}  // namespace

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
  CHECK(world.handed_over(2));
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
  CHECK_EQ(world.handed_over(0) + world.handed_over(1), 1);
  for (const std::size_t full : {3, 4}) world.node(full).disk_full = false;
  world.run(seconds(10));
  CHECK_EQ(world.handed_over(0) + world.handed_over(1), 2);
  for (const std::size_t stays : {2, 3, 4}) CHECK_EQ(world.node(stays).disk.size(), 1);
}

TEST_CASE("dht: of many who leave at once the last gives to those that were too far at first") {
  for (const std::uint64_t seed : {21, 71, 81, 112, 117}) {
    CAPTURE(seed);
    DhtWorld world(40, seed);
    const Kept kept = keep_one(world, 20);
    REQUIRE(all_leave(world, kept.nearest));
    check_kept(world, kept);
  }
}

TEST_CASE("dht: those who leave one after another give to who keeps it after them, near or not") {
  DhtWorld world(60);
  const Kept kept = keep_one(world, 30);
  for (const std::size_t one : kept.nearest) {
    REQUIRE(all_leave(world, {one}));
    world.run(seconds(200));  // time to mend what is missing
  }
  check_kept(world, kept);
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
    world.hush(1, 2);  // 1 does not answer for a moment
    world.hush(0, 1);
  };
  world.step(2, DrainRequested{});
  world.run(milliseconds(5));
  REQUIRE(asked);
  const Ticket put = world.begin_put(0, "k", "v");  // on 0 and 2
  world.run(milliseconds(100));
  for (const std::size_t one : {0, 1, 2}) world.node(one).unreachable.clear();
  world.node(1).disk_full = true;
  world.run(seconds(2));
  REQUIRE(world.handed_over(2));
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
      for (const std::size_t other : {0, 1}) world.hush(2, other);
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
  REQUIRE(world.handed_over(2));
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
  CHECK(world.handed_over(0));
  CHECK(world.handed_over(1));  // at once then
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
    if (asks_to_leave && from == second && to == 2) world.hush(second, 2);
  };
  world.step(second, DrainRequested{});
  world.run(milliseconds(200));  // all have answered but that one
  world.uninformed.insert(second);
  world.step(first, DrainRequested{});
  world.run(seconds(10));
  CHECK(world.handed_over(first));
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
  CHECK(world.handed_over(4));
  CHECK_FALSE(world.node(0).drained);  // of the three that stay two have not what it has
  for (const std::size_t back : {1, 2}) world.node(back).disk_full = false;
  world.run(seconds(10));
  CHECK(world.handed_over(0));
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
  CHECK(world.handed_over(2));
  CHECK_EQ(world.node(0).disk.size(), 1);
}

TEST_CASE("dht: who leaves with nobody there goes at once, and has handed over nothing") {
  DhtWorld world(1);
  world.start_all();
  REQUIRE(world.put(0, "k", "v").outcome == PutOutcome::applied);
  world.step(0, DrainRequested{});
  world.run(milliseconds(10));
  CHECK(world.node(0).drained);
  CHECK_FALSE(world.handed_over(0));
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
  CHECK(world.handed_over(0));
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

TEST_CASE("dht/leave: nobody stays for what has expired a day ago by the others' clocks") {
  DhtWorld world(3);
  world.start_all();
  PutRequested put{{}, "k"};
  put.value = Buffer(as_bytes("v"));
  put.ttl = seconds(1);
  REQUIRE(world.put(2, put).outcome == PutOutcome::applied);
  world.node(0).ahead = world.node(1).ahead = hours(25);
  world.run(minutes(61));  // they have purged it; by its own clock the leaver has not
  CHECK_EQ(world.node(0).dht->snapshot().records, 0);
  REQUIRE_EQ(world.node(2).dht->snapshot().records, 1);
  world.step(2, DrainRequested{});
  world.run(seconds(10));
  CHECK(world.handed_over(2));
}
