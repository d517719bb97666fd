// What a member with bad intent cannot do to others by what it sends them.
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
