#include "retry_budget.hpp"

#include <deque>

#include "world.hpp"

using namespace kith;
using namespace kith::dht;
using test::DhtWorld;

namespace {

constexpr Instant start{hours(3)};

std::size_t withdraw_all(RetryBudget& budget, Instant now) {
  std::size_t count = 0;
  while (budget.withdraw(now)) ++count;
  return count;
}

// Requests by first send and resend, a node.
struct Sends {
  struct Count {
    std::size_t first = 0, again = 0;
  };
  std::map<std::size_t, Count> nodes;
  std::set<std::pair<std::size_t, RequestId>> seen;

  void note(std::size_t from, const Buffer& raw) {
    const auto message = wire::decode(raw);
    REQUIRE(message);
    match(
        *message, [&](const wire::Store& m) { note(from, m.envelope.request); },
        [&](const wire::Fetch& m) { note(from, m.envelope.request); },
        [&](const wire::FindNodes& m) { note(from, m.envelope.request); },
        [&](const wire::Reconcile& m) { note(from, m.envelope.request); }, [](const auto&) {});
  }
  void note(std::size_t from, RequestId request) {
    Count& count = nodes[from];
    ++(seen.insert({from, request}).second ? count.first : count.again);
  }
};

}  // namespace

TEST_CASE("dht/budget: an idle node may resend a hundred times at once, and again 10 s later") {
  RetryBudget budget;
  CHECK_EQ(withdraw_all(budget, start), 100);
  CHECK_EQ(withdraw_all(budget, start + seconds(9)), 0);
  CHECK_EQ(withdraw_all(budget, start + seconds(11)), 100);
}

TEST_CASE("dht/budget: five first sends pay for one resend, whoever sent them") {
  RetryBudget budget;
  withdraw_all(budget, start);
  for (int i = 0; i < 4; ++i) budget.sent(start);
  CHECK_FALSE(budget.withdraw(start));
  budget.sent(start);
  CHECK(budget.withdraw(start));
  for (int i = 0; i < 1000; ++i) budget.sent(start + seconds(1));
  CHECK_EQ(withdraw_all(budget, start + seconds(2)), 200);
}

TEST_CASE("dht/budget: credits are forgotten after ten seconds, by the second") {
  RetryBudget budget;
  for (int i = 0; i < 500; ++i) budget.sent(start);
  for (int i = 0; i < 500; ++i) budget.sent(start + seconds(5));
  CHECK_EQ(withdraw_all(budget, start + seconds(11)), 200);  // the floor and the later half
  CHECK_EQ(withdraw_all(budget, start + hours(24)), 100);
}

TEST_CASE("dht/budget: time that stands still or jumps does no harm") {
  RetryBudget budget;
  CHECK(budget.withdraw(Instant{}));
  CHECK(budget.withdraw(Instant{hours(24 * 365 * 100)}));
  CHECK_EQ(withdraw_all(budget, Instant{hours(24 * 365 * 100)}), 99);
  CHECK_FALSE(budget.withdraw(Instant{hours(1)}));
}

TEST_CASE("dht/budget: within any ten seconds resends stay below a fifth of the sends and 100") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    RetryBudget budget;
    std::deque<std::pair<Instant, bool>> last;  // true: a resend; eleven seconds of them
    Instant now = start;
    for (int i = 0; i < 20'000; ++i) {
      now += milliseconds(static_cast<std::int64_t>(rng.below(8)));
      const bool again = rng.chance(2, 3) && budget.withdraw(now);
      if (!again) budget.sent(now);
      last.emplace_back(now, again);
      while (now - last.front().first >= seconds(11)) last.pop_front();
      std::size_t sent = 0, resent = 0;
      if (i % 50 != 0) continue;
      for (const auto& [when, resend] : last) {
        if (!resend) ++sent;
        if (resend && now - when < seconds(10)) ++resent;
      }
      CHECK_LE(resent * 5, sent + 500);
    }
  }
}

TEST_CASE("dht/budget: at 30 % loss and a thousand operations requests stay below 1.2 times") {
  DhtWorld world(8, 21);
  Sends sends;
  world.on_send = [&](std::size_t from, std::size_t, const Buffer& raw) { sends.note(from, raw); };
  world.start_all();
  world.loss_percent = 30;
  std::vector<std::pair<std::size_t, Ticket>> puts;
  for (std::size_t i = 0; i < 1000; ++i)
    puts.emplace_back(i % 4, world.begin_put(i % 4, "k" + std::to_string(i), "v"));
  world.run(seconds(6));
  std::size_t first = 0, again = 0, applied = 0;
  for (const auto& [node, count] : sends.nodes) {
    CAPTURE(node);
    CHECK_LE(count.again * 5, count.first + 500);
    first += count.first;
    again += count.again;
  }
  CHECK_GT(world.node(0).dht->snapshot().resends_withheld, 0);
  CHECK_EQ(world.node(0).dht->snapshot().resends, sends.nodes[0].again);
  for (const auto& [node, ticket] : puts) {
    const auto put = std::get<PutReport>(*world.finish(node, ticket));
    if (put.outcome == PutOutcome::applied)
      ++applied;
    else
      CHECK_EQ(put.reason, "the deadline passed");  // never earlier, for want of a resend
  }
  MESSAGE("first sends " << first << ", resends " << again << ", applied " << applied);
  CHECK_GT(applied, 400);
}

TEST_CASE("dht/budget: at 10 % loss and light load every put and get succeeds as before") {
  DhtWorld world(8, 22);
  world.start_all();
  world.loss_percent = 10;
  for (int i = 0; i < 100; ++i) {
    CHECK(world.put(0, "k" + std::to_string(i), "v").outcome == PutOutcome::applied);
    CHECK(world.get(5, "k" + std::to_string(i)).complete);
    world.run(milliseconds(100));
  }
  CHECK_EQ(world.node(0).dht->snapshot().resends_withheld, 0);
  CHECK_GT(world.node(0).dht->snapshot().resends, 0);
}

TEST_CASE("dht/requests: who does not answer is asked after twice as long each time, to 2 s") {
  DhtWorld world(2, 23);
  world.start_all();
  REQUIRE(world.put(0, "known", "v").outcome == PutOutcome::applied);  // and so is the round trip
  std::map<RequestId, std::vector<Instant>> asked;
  world.on_send = [&](std::size_t from, std::size_t, const Buffer& raw) {
    const auto message = wire::decode(raw);
    if (const auto* fetch = std::get_if<wire::Fetch>(&*message); fetch && from == 0)
      asked[fetch->envelope.request].push_back(world.now().mono);
    if (const auto* store = std::get_if<wire::Store>(&*message); store && from == 0)
      asked[store->envelope.request].push_back(world.now().mono);
  };
  world.hush(0, 1);
  PutRequested put;
  put.name = "known";
  put.deadline = seconds(20);
  world.begin_put(0, put);
  world.run(seconds(20));
  std::size_t most = 0;
  for (const auto& [request, at] : asked) {
    most = std::max(most, at.size());
    for (std::size_t i = 2; i < at.size(); ++i) {
      const Duration before = at[i - 1] - at[i - 2], after = at[i] - at[i - 1];
      CHECK_EQ(after, std::min<Duration>(before * 2, seconds(2)));
    }
  }
  CHECK_EQ(most, 15);  // after 0, 0.05, 0.15, 0.35, 0.75, 1.55, 3.15, 5.15 s and so on
}
