// What one replica that lies cannot do: spoil reads and writes that the others are a quorum for.
#include "constants.hpp"
#include "world.hpp"

using namespace kith;
using namespace kith::dht;
using test::DhtWorld;

namespace {

constexpr std::size_t liar = 3;

// The same version, by another expiry: its content is what was written, its signature is none.
Buffer expired_copy(const Buffer& raw) {
  const auto genuine = wire::decode_record(raw);
  wire::Record record = genuine->record;
  record.expiry = {1};
  return wire::encode_record(wire::record_head(record), record.value.view(), genuine->signature);
}

struct Lied {
  DhtWorld world;
  Buffer raw;  // what was written

  explicit Lied(std::size_t size) : world(size) {
    world.start_all();
    REQUIRE(world.put(0, "k", "v").outcome == PutOutcome::applied);
    world.run(seconds(1));
    for (std::size_t i = 0; i < size; ++i)
      if (!world.node(i).disk.empty()) raw = world.node(i).disk.begin()->second;
  }
};

}  // namespace

TEST_CASE("dht: who showed a version with a false signature takes no say from those who have it") {
  Lied it(10);
  std::size_t reader = 0;  // none of its replicas: it has to ask for the value
  while (!it.world.node(reader).disk.empty()) ++reader;
  REQUIRE(reader < it.world.size());
  std::optional<std::size_t> asked;
  it.world.on_message = [&](std::size_t, std::size_t to, const wire::Message& message) {
    const auto* fetch = std::get_if<wire::Fetch>(&message);
    if (fetch && fetch->want == wire::Want::value && !asked) asked = to;
  };
  it.world.tamper = [&](std::size_t from, wire::Message& message) {
    auto* fetched = std::get_if<wire::Fetched>(&message);
    if (asked == from && fetched && !fetched->record.empty())
      fetched->record = expired_copy(it.raw);
  };
  const GetReport get = it.world.get(reader, "k");
  REQUIRE(asked);
  CHECK(get.complete);
  CHECK_EQ(to_text(get.value.view()), "v");
  CHECK_EQ(it.world.dropped(DropReason::bad_signature), 1);
}

TEST_CASE("dht: what a reader has verified of its own copy is not known of one it is shown") {
  Lied it(5);
  it.world.delay = microseconds(1);  // faster than a disk: their answers are the first
  it.world.tamper = [&](std::size_t from, wire::Message& message) {
    auto* fetched = std::get_if<wire::Fetched>(&message);
    if (from == liar && fetched && fetched->status == wire::FetchStatus::found)
      fetched->record = expired_copy(it.raw);  // also where a digest was asked for
  };
  for (std::size_t at = 0; at < it.world.size(); ++at) {
    if (at == liar) continue;
    const GetReport get = it.world.get(at, "k");
    CHECK(get.complete);
    CHECK_EQ(to_text(get.value.view()), "v");
  }
}

TEST_CASE("dht: one replica that has always something newer does not keep others from storing") {
  for (const std::uint64_t more : {std::uint64_t{1}, std::uint64_t{1} << 52}) {
    Lied it(5);
    std::optional<std::size_t> fastest;
    it.world.tamper = [&](std::size_t from, wire::Message& message) {
      auto* stored = std::get_if<wire::Stored>(&message);
      if (!stored || fastest.value_or(from) != from) return;
      fastest = from;
      stored->status = wire::StoreStatus::stale;
      stored->sequence.value += more;
    };
    const PutReport put = it.world.put(0, "k", "newer");
    CHECK(put.outcome == PutOutcome::applied);
    CHECK(put.sequence.value < std::uint64_t{1} << 51);
    it.world.tamper = nullptr;
    CHECK_EQ(to_text(it.world.get(1, "k").value.view()), "newer");
    CHECK(it.world.put(0, "k", "newest").outcome == PutOutcome::applied);
  }
}

TEST_CASE("dht/liar: one that leaves others out makes them not publish without end") {
  DhtWorld world(5);
  world.start_all();
  world.run(seconds(10));
  constexpr std::size_t liar = 4;
  world.tamper = [&](std::size_t from, wire::Message& message) {
    auto* fetched = std::get_if<wire::Fetched>(&message);
    if (from != liar || !fetched) return;
    fetched->status = wire::FetchStatus::not_base;
    fetched->base = {world.id(liar)};
    fetched->record = {};
    fetched->sequence = {};
  };
  std::set<std::int64_t> stamps;
  for (int i = 0; i < 300; ++i) {
    world.get(0, "k" + std::to_string(i));
    world.run(seconds(1));
    stamps.insert(world.node(0).synced.value);
  }
  CHECK_LE(stamps.size(), 10);
}

TEST_CASE(
    "dht/liar: one that asks half of them to count it, again and again, stops the network for "
    "minutes") {
  DhtWorld world(9);
  world.start_first(8);
  world.run(seconds(10));
  REQUIRE(world.put(0, "before", "v").outcome == PutOutcome::applied);
  for (std::size_t i = 0; i < 8; ++i) world.step(i, world.seen(8, Presence::alive));  // no stamp
  std::size_t applied = 0, complete = 0;
  for (int i = 0; i < 108; ++i) {  // 18 minutes: as long as the promise and the pause after it
    for (const std::size_t half : {0, 1, 2, 3}) {
      const wire::Message poll =
          wire::Fetch{{{static_cast<std::uint64_t>(100 + i)}, 5000, Lane::repair, 0},
                      {1},
                      RecordId::from(world.id(8).view()),
                      wire::Want::value};
      world.step(half, MessageReceived{world.id(8), &poll});
    }
    const Instant begun = world.now().mono;
    const std::string key = "k" + std::to_string(i);
    applied += world.put(5, key, "v").outcome == PutOutcome::applied;
    complete += world.get(6, key).complete;
    const Duration passed = world.now().mono - begun;
    if (passed < seconds(10)) world.run(seconds(10) - passed);
  }
  CHECK_GE(applied, 86);
  CHECK_GE(complete, 86);
}

namespace {

// Reads at a node that holds nothing, five times, while one replica claims something newer.
void read_beside_a_claim(std::uint64_t newer_by, Duration at_most) {
  Lied it(10);
  std::size_t reader = 0, claimer = 0;
  while (!it.world.node(reader).disk.empty()) ++reader;
  while (it.world.node(claimer).disk.empty()) ++claimer;
  std::set<RequestId> values;
  it.world.on_message = [&](std::size_t, std::size_t to, const wire::Message& message) {
    const auto* fetch = std::get_if<wire::Fetch>(&message);
    if (fetch && to == claimer && fetch->want == wire::Want::value)
      values.insert(fetch->envelope.request);
  };
  it.world.tamper = [&](std::size_t from, wire::Message& message) {
    auto* fetched = std::get_if<wire::Fetched>(&message);
    if (from != claimer || !fetched || fetched->sequence.value == 0) return;
    if (values.contains(fetched->request))
      message = wire::Nack{};  // it shows nothing
    else
      fetched->sequence.value += newer_by;
  };
  for (int i = 0; i < 5; ++i) {
    const GetReport get = it.world.get(reader, "k");
    CHECK(get.complete);
    CHECK_EQ(to_text(get.value.view()), "v");
    CHECK_LT(get.took, at_most);
  }
}

}  // namespace

TEST_CASE("dht: one replica that claims a greater version and shows nothing spoils no read") {
  read_beside_a_claim(1, show_at_least + milliseconds(200));
}

TEST_CASE("dht: nor does it hold one up by a version that no replica would take") {
  read_beside_a_claim(to_millis(future_limit + hours(1)), milliseconds(200));
}

TEST_CASE("dht: a replica that is slow to show what it claims has its vote when it does") {
  DhtWorld world(3);
  world.start_all();
  REQUIRE(world.put(0, "k", "old").outcome == PutOutcome::applied);
  world.run(seconds(1));
  world.cut({0}, {1, 2});
  REQUIRE(world.put(1, "k", "new").outcome == PutOutcome::applied);
  world.crash(2);
  world.heal();
  const Instant shown_from = world.now().mono + show_at_least + milliseconds(500);
  world.on_send = [&](std::size_t from, std::size_t to, const Buffer& raw) {
    const auto message = wire::decode(raw);
    const auto* fetched = std::get_if<wire::Fetched>(&*message);
    if (from == 1 && to == 0 && fetched && !fetched->record.empty() &&
        world.now().mono < shown_from)
      world.lose_next(0, 1);
  };
  const GetReport get = world.get(0, "k");
  CHECK(get.complete);
  CHECK_EQ(to_text(get.value.view()), "new");
  CHECK_GT(get.took, show_at_least);
}

TEST_CASE("dht: nor do two that claim each its own greater version") {
  Lied it(10);
  std::size_t reader = 0;
  while (!it.world.node(reader).disk.empty()) ++reader;
  std::map<std::size_t, std::uint64_t> claims;  // by whom, of the first two that answer
  std::set<std::pair<std::size_t, RequestId>> values;
  it.world.on_message = [&](std::size_t, std::size_t to, const wire::Message& message) {
    const auto* fetch = std::get_if<wire::Fetch>(&message);
    if (fetch && fetch->want == wire::Want::value) values.insert({to, fetch->envelope.request});
  };
  it.world.tamper = [&](std::size_t from, wire::Message& message) {
    auto* fetched = std::get_if<wire::Fetched>(&message);
    if (!fetched || fetched->sequence.value == 0) return;
    if (!values.contains({from, fetched->request}) && claims.size() < 2)
      claims.try_emplace(from, claims.size() + 1);
    if (!claims.contains(from)) return;
    if (values.contains({from, fetched->request}))
      message = wire::Nack{};
    else
      fetched->sequence.value += claims.at(from);
  };
  const GetReport get = it.world.get(reader, "k");
  REQUIRE_EQ(claims.size(), 2);
  CHECK(get.complete);
  CHECK_EQ(to_text(get.value.view()), "v");
  CHECK_LT(get.took, 2 * show_at_least + milliseconds(200));
}
