// What one replica that lies cannot do: spoil reads and writes that the others are a quorum for.
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
