#include "quota.hpp"

#include "kith/wire/record.hpp"
#include "record_rules.hpp"
#include "world.hpp"

using namespace kith;
using namespace kith::dht;
using test::DhtWorld;

namespace {

NodeId writer(Byte fill) {
  NodeId id;
  id.bytes.fill(fill);
  return id;
}
RecordId record(Byte fill) {
  RecordId id;
  id.bytes.fill(fill);
  return id;
}

PutRequested owned(std::string name, std::size_t bytes = 1, Duration ttl = hours(48)) {
  PutRequested put{{}, std::move(name), wire::Kind::owned};
  put.value = Buffer(Bytes(bytes, 'v'));
  put.ttl = ttl;
  return put;
}
PutRequested deletion(std::string name) {
  PutRequested put{{}, std::move(name), wire::Kind::owned};
  put.tombstone = true;
  return put;
}
std::string name(std::size_t i) { return "k" + std::to_string(i); }

// Node 0 writes as many records as a replica holds of one writer.
void fill(DhtWorld& world, std::size_t count = writer_records_limit, std::size_t bytes = 1,
          Duration ttl = hours(48)) {
  for (std::size_t i = 0; i < count; ++i)
    REQUIRE(world.put(0, owned(name(i), bytes, ttl)).outcome == PutOutcome::applied);
}

// A record of `identity` as it lies on a disk of the world.
std::pair<Bytes, Buffer> on_disk(const crypto::Identity& identity, const std::string& name,
                                 UnixMillis wall, std::string_view value = {}) {
  const Bytes root(32, 7);
  wire::Record r;
  r.value = Buffer(as_bytes(value));
  r.id = record_id(root, wire::Kind::owned, identity.id(), name);
  r.kind = wire::Kind::owned;
  r.sequence = {static_cast<std::uint64_t>(wall.value)};
  r.expiry = {wall.value + to_millis(hours(48))};
  r.writer = identity.public_key();
  r.content = crypto::hash256({r.value.view()});
  r.ext = label_ext(label_of(root, name));
  const Bytes head = wire::record_head(r);
  const Signature signature = identity.sign(wire::record_message({}, head).view());
  return {Bytes(r.id.view().begin(), r.id.view().end()),
          wire::encode_record(head, r.value.view(), signature)};
}

}  // namespace

TEST_CASE("dht/quota: records and bytes are counted by writer, and what is gone counts no more") {
  Quota quota;
  quota.changed(writer(1), record(1), 0, 100);
  quota.changed(writer(1), record(2), 0, 50);
  quota.changed(writer(2), record(3), 0, 7);
  CHECK(quota.of(writer(1)) == Quota::Use{2, 150});
  quota.changed(writer(1), record(1), 100, 30);
  CHECK(quota.of(writer(1)) == Quota::Use{2, 80});
  quota.changed(writer(1), record(1), 30, 0);
  quota.changed(writer(1), record(2), 50, 0);
  CHECK(quota.of(writer(1)) == Quota::Use{});
  CHECK(quota.of(writer(2)) == Quota::Use{1, 7});
}

TEST_CASE("dht/quota: what is on its way to the disk counts once, as the larger of both") {
  Quota quota;
  quota.claim(writer(1), record(1), 0, 100);
  quota.claim(writer(1), record(1), 0, 60);  // another version of it, at the same time
  CHECK(quota.of(writer(1)) == Quota::Use{1, 100});
  quota.release(writer(1), record(1), 0);
  quota.changed(writer(1), record(1), 0, 60);
  CHECK(quota.of(writer(1)) == Quota::Use{1, 100});
  quota.changed(writer(1), record(1), 60, 0);  // dropped while the other is still under way
  CHECK(quota.of(writer(1)) == Quota::Use{1, 100});
  quota.changed(writer(1), record(1), 0, 60);
  quota.release(writer(1), record(1), 60);
  CHECK(quota.of(writer(1)) == Quota::Use{1, 60});
  quota.release(writer(1), record(1), 60);  // of something that claimed nothing
  CHECK(quota.of(writer(1)) == Quota::Use{1, 60});
}

TEST_CASE("dht/quota: at the limit only what takes the place of something as large fits") {
  Quota quota;
  const Quota::Use limit{2, 100};
  CHECK(quota.fits(writer(1), record(1), 0, 100, limit));
  CHECK_FALSE(quota.fits(writer(1), record(1), 0, 101, limit));
  quota.changed(writer(1), record(1), 0, 40);
  quota.changed(writer(1), record(2), 0, 50);
  CHECK_FALSE(quota.fits(writer(1), record(3), 0, 1, limit));
  CHECK(quota.fits(writer(2), record(3), 0, 1, limit));
  CHECK(quota.fits(writer(1), record(1), 40, 50, limit));
  CHECK_FALSE(quota.fits(writer(1), record(1), 40, 51, limit));
  const Quota::Use less{1, 10};  // over it already, by repair
  CHECK(quota.fits(writer(1), record(1), 40, 40, less));
  CHECK_FALSE(quota.fits(writer(1), record(1), 40, 41, less));
}

TEST_CASE("dht/quota: a writer at its limit is refused another name and told why, others go on") {
  DhtWorld world(3, 1, Mode::public_);
  world.start_all();
  fill(world);
  const PutReport more = world.put(0, owned("more"));
  CHECK(more.outcome == PutOutcome::rejected);
  CHECK_EQ(more.stored.size(), 0);
  CAPTURE(more.reason);
  CHECK(more.reason.find("1024 records or 16 MiB of yours") != std::string::npos);
  CHECK(world.put(1, owned("another writer's")).outcome == PutOutcome::applied);
  CHECK_FALSE(world.get(2, "more", Consistency::quorum, world.id(0)).found);

  CHECK(world.put(0, owned(name(0), 1)).outcome == PutOutcome::applied);    // a refresh
  CHECK(world.put(0, owned(name(1), 900)).outcome == PutOutcome::applied);  // an overwrite
  CHECK(world.put(0, deletion(name(2))).outcome == PutOutcome::applied);
  CHECK_FALSE(world.get(2, name(2), Consistency::quorum, world.id(0)).found);
  CHECK(world.put(0, owned(name(2))).outcome == PutOutcome::applied);  // back in its place
  CHECK(world.put(0, owned("more")).outcome == PutOutcome::rejected);
}

TEST_CASE("dht/quota: the bytes of a writer are limited too, and a smaller value gives them back") {
  DhtWorld world(3, 1, Mode::public_);
  world.start_all();
  const std::size_t largest = wire::value_limit;
  const std::size_t count = writer_bytes_limit / (largest + 256);
  fill(world, count, largest);
  CHECK(world.put(0, owned("more", largest)).outcome == PutOutcome::rejected);
  CHECK(world.put(0, owned(name(0), largest)).outcome == PutOutcome::applied);
  CHECK(world.put(0, deletion(name(1))).outcome == PutOutcome::applied);
  CHECK(world.put(0, owned("more", largest)).outcome == PutOutcome::applied);
  CHECK(world.put(0, owned("yet more", largest)).outcome == PutOutcome::rejected);
}

TEST_CASE("dht/quota: many stores at once do not slip past the limit") {
  DhtWorld world(3, 1, Mode::public_);
  world.start_all();
  fill(world, writer_records_limit - 20);
  std::vector<Ticket> tickets;
  for (std::size_t i = 0; i < 100; ++i)
    tickets.push_back(world.begin_put(0, owned("burst" + std::to_string(i))));
  std::size_t applied = 0;
  for (const Ticket ticket : tickets)
    applied += std::get<PutReport>(*world.finish(0, ticket)).outcome == PutOutcome::applied ? 1 : 0;
  CHECK_EQ(applied, 20);
  for (std::size_t i = 0; i < 3; ++i) CHECK_EQ(world.node(i).disk.size(), writer_records_limit);
}

TEST_CASE("dht/quota: a disk that refuses gives the room back") {
  DhtWorld world(1, 1, Mode::public_);
  world.start_all();
  fill(world, writer_records_limit - 1);
  world.node(0).disk_full = true;
  for (int i = 0; i < 3; ++i) CHECK(world.put(0, owned("refused")).outcome == PutOutcome::rejected);
  world.node(0).disk_full = false;
  CHECK(world.put(0, owned("last")).outcome == PutOutcome::applied);
  CHECK(world.put(0, owned("one too many")).outcome == PutOutcome::rejected);
}

TEST_CASE("dht/quota: what was on disk counts after a restart, what expired and was dropped not") {
  DhtWorld world(1, 1, Mode::public_);
  world.start_all();
  fill(world, writer_records_limit, 1, hours(1));
  world.crash(0);
  world.start(0);
  world.run(seconds(5));
  CHECK(world.put(0, owned("more")).outcome == PutOutcome::rejected);
  world.run(hours(2));  // expired, and still kept to suppress older ones
  CHECK(world.put(0, owned("more")).outcome == PutOutcome::rejected);
  world.run(hours(24));
  CHECK(world.put(0, owned("more")).outcome == PutOutcome::applied);
  CHECK_EQ(world.node(0).dht->snapshot().records, 1);
}

TEST_CASE("dht/quota: a private network has none") {
  DhtWorld world(1);
  world.start_all();
  fill(world);
  CHECK(world.put(0, owned("more")).outcome == PutOutcome::applied);
}

TEST_CASE("dht/quota: a newcomer offered too much of one writer is synced, and does not ask on") {
  DhtWorld world(3, 1, Mode::public_);
  // What an old member held before there was a limit, or holds against the rules.
  const std::size_t too_many = writer_repair_limit.records + 300;
  for (std::size_t i = 0; i < too_many; ++i)
    world.node(0).disk.insert(on_disk(*world.node(2).identity, name(i), world.now().wall));
  world.node(0).stored_synced = world.now().wall;
  world.start(0);
  world.run(seconds(5));
  CHECK(world.put(0, owned("of another writer")).outcome == PutOutcome::applied);
  world.start(1);
  world.run(seconds(10));
  CHECK(world.node(1).dht->snapshot().synced);
  CHECK_EQ(world.node(1).disk.size(), writer_repair_limit.records + 1);
  CHECK(world.get(1, "of another writer", Consistency::quorum, world.id(0)).complete);
  const std::uint64_t before = world.messages();
  world.run(minutes(10));
  CHECK_LT(world.messages() - before, 300);
}

TEST_CASE("dht: an owner that signs one sequence twice keeps no two replicas from being synced") {
  DhtWorld world(3);
  const crypto::Identity owner = crypto::Identity::from_seed(ByteArray<32>{9});
  world.node(1).disk.insert(on_disk(owner, "name", world.now().wall, "one"));
  world.node(2).disk.insert(on_disk(owner, "name", world.now().wall, "another"));
  world.start_all();
  world.run(minutes(5));
  CHECK(world.all_synced());
  CHECK(world.node(0).disk == world.node(1).disk);
  CHECK(world.node(1).disk == world.node(2).disk);
}
