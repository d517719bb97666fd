// What a member with bad intent cannot do to others by what it sends them.
#include <limits>

#include "constants.hpp"
#include "record_rules.hpp"
#include "world.hpp"

using namespace kith;
using namespace kith::dht;
using test::DhtWorld;

namespace {

constexpr Now today{Instant(seconds(1000)), UnixMillis{1'760'000'000'000}};
constexpr std::int64_t end_of_time = 9'300'000'000'000'000;  // ms; in us it is past 2^63

std::shared_ptr<const crypto::Identity> member_of(Byte fill) {
  ByteArray<32> seed{};
  seed.fill(fill);
  return std::make_shared<const crypto::Identity>(crypto::Identity::from_seed(seed));
}

// One node, and a member that sends it records of its own.
struct Victim {
  std::shared_ptr<const crypto::Identity> self = member_of(1), writer = member_of(2);
  Bytes root = Bytes(32, 7);
  Dht dht;
  Dht::Outbox out;
  std::size_t forgotten = 0;
  std::optional<wire::Stored> answer;

  explicit Victim(Mode mode) : dht(Config{mode, {}, root, {}, false, {}}, self, Rng(1)) {
    for (const auto& member : {self, writer}) step(MemberSeen{member->id(), member->public_key()});
  }
  void step(const Input& input) {
    dht.step(input, today, out);
    for (Output& output : out.take()) {
      if (const auto* order = std::get_if<Persist>(&output)) step(Persisted{order->token});
      if (std::holds_alternative<Forget>(output)) ++forgotten;
      const auto* sent = std::get_if<SendMessage>(&output);
      if (!sent) continue;
      const auto message = wire::decode(sent->message);
      if (const auto* stored = std::get_if<wire::Stored>(&*message)) answer = *stored;
    }
  }
  void store(const Buffer& record) {
    answer.reset();
    const wire::Message message = wire::Store{{{7}, 1000, Lane::data, 0}, {}, record};
    step(MessageReceived{writer->id(), &message});
    REQUIRE(answer);
  }
  Buffer record_until(std::int64_t expiry, bool tombstone) const {
    wire::Record record;
    record.id = record_id(root, wire::Kind::owned, writer->id(), "k");
    record.kind = wire::Kind::owned;
    record.tombstone = tombstone;
    record.sequence = {static_cast<std::uint64_t>(today.wall.value)};
    record.expiry = {expiry};
    record.writer = writer->public_key();
    record.content = crypto::hash256({ByteView{}});
    record.ext = label_ext(label_of(root, "k"));
    return wire::encode_record(wire::record_head(record), {}, {});
  }
};

}  // namespace

TEST_CASE("dht/hostile: a record that expires in the far future holds up no replica") {
  for (const std::int64_t expiry : {end_of_time, std::numeric_limits<std::int64_t>::max()}) {
    Victim it(Mode::private_);
    it.store(it.record_until(expiry, false));
    CHECK(*it.dht.next_deadline() > today.mono);  // a purge due for ever otherwise
    CHECK(it.answer->status == wire::StoreStatus::refused);
    CHECK(it.answer->reason == wire::Refusal::bad_record);
    CHECK_EQ(it.dht.snapshot().records, 0);
  }
  Victim it(Mode::private_);
  it.store(it.record_until(expiry_limit, false));
  CHECK(it.answer->status == wire::StoreStatus::stored);
  CHECK(*it.dht.next_deadline() > today.mono);
}

TEST_CASE("dht/hostile: nor who finds one on its disk at the start, and it goes from there") {
  for (const std::int64_t expiry : {end_of_time, std::numeric_limits<std::int64_t>::max()}) {
    Victim it(Mode::private_);
    it.step(RecordLoaded{it.record_until(expiry, false)});
    CHECK(*it.dht.next_deadline() > today.mono);
    CHECK_EQ(it.dht.snapshot().records, 0);
    CHECK_EQ(it.forgotten, 1);
  }
}

TEST_CASE("dht/hostile: of a public network's tombstones none claims to last longer than they do") {
  const std::int64_t longest = today.wall.value + to_millis(tombstone_life);
  for (const std::int64_t expiry : {end_of_time, longest + 1}) {
    Victim it(Mode::public_);
    it.store(it.record_until(expiry, true));
    CHECK(*it.dht.next_deadline() > today.mono);
    CHECK(it.answer->status == wire::StoreStatus::refused);
    CHECK_EQ(it.dht.snapshot().tombstones, 0);
  }
  Victim it(Mode::public_);
  it.store(it.record_until(longest, true));
  CHECK(it.answer->status == wire::StoreStatus::stored);
}

namespace {

constexpr std::size_t nonsense = 4;  // the member whose answers are

// It answers each question about records with a range that nobody asked for.
void never_asked(DhtWorld& world) {
  world.tamper = [](std::size_t from, wire::Message& message) {
    auto* answer = std::get_if<wire::Reconciled>(&message);
    if (from != nonsense || !answer) return;
    answer->children.clear();
    answer->ranges = {wire::RangeItems{64, {}, {}}};
  };
}

// How many questions about records it is asked.
std::size_t asked_of(DhtWorld& world, Duration span) {
  std::size_t questions = 0;
  world.on_message = [&](std::size_t, std::size_t to, const wire::Message& message) {
    questions += to == nonsense && std::holds_alternative<wire::Reconcile>(message);
  };
  world.run(span);
  world.on_message = nullptr;
  return questions;
}

// A record as it lies on a disk.
void lay(DhtWorld::Node& node, std::size_t number, UnixMillis wall) {
  wire::Record record;
  record.id = record_id(Bytes(32, 7), wire::Kind::value, {}, "k" + std::to_string(number));
  record.sequence = {static_cast<std::uint64_t>(wall.value)};
  record.writer = node.identity->public_key();
  record.content = crypto::hash256({ByteView{}});
  const Bytes head = wire::record_head(record);
  const Signature signature = node.identity->sign(wire::record_message({}, head).view());
  node.disk[Bytes(record.id.bytes.begin(), record.id.bytes.end())] =
      wire::encode_record(head, {}, signature);
}

}  // namespace

TEST_CASE("dht/hostile: one whose reconcile answers are nonsense keeps no newcomer from counting") {
  DhtWorld world(6);
  world.start_first(5);
  never_asked(world);
  world.start(5);
  const std::size_t questions = asked_of(world, minutes(2));
  CHECK_GT(world.node(5).synced.value, 0);  // four of five are honest
  CHECK_LE(questions, 30);
}

TEST_CASE("dht/hostile: nor does one that has always more ranges that differ") {
  DhtWorld world(5);
  world.start_all();
  std::map<RequestId, std::vector<wire::RangeDigest>> questions;
  world.on_send = [&](std::size_t, std::size_t to, const Buffer& raw) {
    const auto message = wire::decode(raw);
    const auto* question = std::get_if<wire::Reconcile>(&*message);
    if (to == nonsense && question) questions[question->envelope.request] = question->ranges;
  };
  world.tamper = [&](std::size_t from, wire::Message& message) {
    auto* answer = std::get_if<wire::Reconciled>(&message);
    if (from != nonsense || !answer) return;
    answer->children.clear();
    answer->ranges.clear();
    for (const wire::RangeDigest& range : questions[answer->request])
      for (std::size_t digit = 0; digit < 16 && range.depth < 60; ++digit) {
        const auto depth = static_cast<std::uint8_t>(range.depth + 1);
        wire::RangeDigest child{depth, range.prefix, 100, {}};
        child.prefix[range.depth / 2u] |=
            static_cast<Byte>(range.depth % 2 == 0 ? digit << 4 : digit);
        child.fingerprint.fill(0xee);
        answer->children.push_back(child);
      }
  };
  world.kill(3);
  world.run(minutes(2));
  for (const std::size_t honest : {0, 1, 2}) CHECK(world.node(honest).dht->snapshot().synced);
  CHECK_LE(questions.size(), 16 * exchange_questions);  // exchanges, in rounds and between them
}

TEST_CASE("dht/hostile: nor is anybody kept from mending its copies by one, or from leaving") {
  DhtWorld world(5);
  world.start_all();
  never_asked(world);
  world.run(minutes(5));  // each has met it by now
  for (const std::size_t other : {1, 2, 3, 4}) world.hush(0, other);
  REQUIRE(world.put(1, "k", "v").outcome == PutOutcome::applied);
  for (std::size_t i = 0; i < 5; ++i) world.node(i).unreachable.clear();
  REQUIRE(world.node(0).disk.empty());
  world.run(minutes(15));
  CHECK_EQ(world.node(0).disk.size(), 1);
  world.step(1, DrainRequested{});
  world.run(seconds(60));
  CHECK(world.handed_over(1));
}

TEST_CASE("dht/hostile: one that shows other records than it is asked for is left at once") {
  DhtWorld world(6);
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t number = 0; number < 40; ++number)
      lay(world.node(i), number, world.now().wall);
  world.start_first(5);
  const Buffer other = world.node(0).disk.begin()->second;
  std::optional<std::size_t> liar;  // the first that is asked for any
  world.tamper = [&](std::size_t from, wire::Message& message) {
    auto* fetched = std::get_if<wire::Fetched>(&message);
    if (!fetched || fetched->record.empty() || liar.value_or(from) != from) return;
    liar = from;
    fetched->record = other;
  };
  world.start(5);
  world.run(seconds(10));
  CHECK_GT(world.node(5).synced.value, 0);
  CHECK_EQ(world.node(5).disk.size(), 40);
}

TEST_CASE("dht/hostile: a difference that is large and true is not taken for one without end") {
  // One has 4000 that the other lacks, and each lacks every 40th of what is left.
  DhtWorld world(2);
  constexpr std::size_t all = 20'000;
  for (std::size_t number = 0; number < all; ++number) {
    if (number >= 4000 && number % 40 != 0) lay(world.node(0), number, world.now().wall);
    if (number % 40 != 1) lay(world.node(1), number, world.now().wall);
  }
  std::size_t questions = 0;
  world.on_message = [&](std::size_t, std::size_t, const wire::Message& message) {
    questions += std::holds_alternative<wire::Reconcile>(message);
  };
  world.start_first(2);
  world.run(minutes(5));  // who founded the network mends its copies later
  CHECK_GT(questions, 2 * exchange_questions);
  CHECK(world.all_synced());
  for (const std::size_t one : {0, 1}) CHECK_EQ(world.node(one).disk.size(), all - 100);
}
