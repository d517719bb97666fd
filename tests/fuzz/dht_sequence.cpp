// One Dht among members that say anything: every operation ends once and in time, what it sends
// decodes, and a value that a get finds is one that was written.
#include <set>

#include "../wire/samples.hpp"
#include "drive.hpp"
#include "jobs.hpp"
#include "kith/crypto/hash.hpp"
#include "kith/dht/dht.hpp"
#include "record_rules.hpp"
#include "target.hpp"

using namespace kith;
using dht::MessageReceived;

namespace {

const Bytes root(32, 7);
constexpr std::size_t population = 10;
constexpr int waits_limit = 2;  // long ones: they cost more than all the rest
constexpr std::int64_t epoch = 1'760'000'000'000;

enum Op : std::uint8_t {
  op_raw,
  op_store,
  op_fetch,
  op_stored,
  op_fetched,
  op_seen,
  op_forgotten,
  op_unreachable,
  op_put,
  op_get,
  op_lookup,
  op_advance,
  op_disk,
  op_stop,
  op_drain,
  op_skip,
  op_load,
  op_compare,
  op_compared,
  op_find,
  op_long,
  op_count
};

class Play {
 public:
  explicit Play(fuzz::Input& in)
      : in_(in),
        mode_(static_cast<Mode>(in.below(3))),
        driver_(
            dht::Dht(config(mode_, in), fuzz::identity(0), Rng(9)),
            [this](dht::Output&& output, std::deque<dht::Input>& answers) { on(output, answers); },
            {Instant(seconds(1000)), {epoch}}) {
    for (std::size_t left = in.below(4); left > 0; --left) {
      const Buffer raw = record();
      const auto decoded = wire::decode_record(raw);
      if (left == 3 && decoded)  // of three the first cannot be read
        driver_.step(dht::RecordDamaged{decoded->record.id});
      else
        driver_.step(dht::RecordLoaded{raw});
    }
  }

  void step() {
    const std::size_t op = in_.below(op_count);
    switch (op) {
      case op_raw: {
        const auto message = wire::decode(Buffer(in_.long_chunk()));
        if (message) say(*message);
        return;
      }
      case op_store:
        return say(wire::Store{envelope(), {}, record()});
      case op_fetch:
        return say(wire::Fetch{
            envelope(), {}, place(name()), in_.flip() ? wire::Want::value : wire::Want::digest});
      case op_stored:
      case op_fetched:
        return answer(op == op_fetched);
      case op_compare:
        return say(wire::Reconcile{envelope(), wire::Topic::records, {{0, {}, in_.u8(), {}}}});
      case op_compared:
        return compared();
      case op_find:
        return say(wire::FindNodes{envelope(), place(name()).bytes});
      case op_advance:
        return driver_.advance(in_.pause());
      case op_long:
        return driver_.advance(++waits_ <= waits_limit ? minutes(in_.u8()) : milliseconds(1));
      case op_disk:
        disk_ = in_.below(3);
        return;
      default:
        driver_.step(fact(op));
    }
  }

  // The longest deadline is 5 s; a node that is not told of anything more must still answer.
  void finish() {
    driver_.advance(seconds(12));
    KITH_ASSERT(open_.empty());
    KITH_ASSERT(driver_.machine.snapshot().operations == 0);
  }

 private:
  // A first start, or one after a while, with the members that counted then.
  static dht::Config config(Mode mode, fuzz::Input& in) {
    dht::Config made{mode, {}, root, {}, false, {}};
    const std::uint8_t shape = in.u8();
    if (shape & 1) made.last_seen = {epoch - to_millis(hours(shape & 2 ? 800 : 1))};
    made.expects_peers = (shape & 4) != 0;
    for (std::size_t i = 0; i < (shape >> 3) % population; ++i)
      made.counting.push_back(
          {fuzz::identity(i)->id(), fuzz::identity(i)->public_key(), {epoch - 5000}});
    return made;
  }

  NodeId someone() { return fuzz::identity(in_.below(population))->id(); }
  std::string name() { return "k" + std::to_string(in_.below(4)); }
  RecordId place(const std::string& called) const {
    return dht::record_id(root, wire::Kind::value, {}, called);
  }
  wire::Envelope envelope() { return {{in_.u16()}, 1000, Lane::data, 0}; }
  void say(const wire::Message& message) {
    const NodeId from = someone();
    driver_.step(MessageReceived{from, &message});
  }

  // A record of one of four names, mostly sound; every value there is begins with "value".
  Buffer record() {
    const std::uint8_t shape = in_.u8();
    const auto& writer = fuzz::identity(in_.below(population));
    wire::Record made;
    made.kind = shape & 1 ? wire::Kind::owned : wire::Kind::value;
    const std::string called = name();
    made.id = dht::record_id(root, made.kind, writer->id(), called);
    if (made.kind == wire::Kind::owned) {
      made.ext = dht::label_ext(dht::label_of(root, called));
      made.expiry = {epoch + to_millis(hours(shape & 2 ? 1 : 24))};
    }
    made.sequence = {static_cast<std::uint64_t>(epoch) + (shape >> 4)};
    made.writer = writer->public_key();
    made.tombstone = (shape & 0x0c) == 0x0c;
    if (!made.tombstone) made.value = Buffer(as_bytes("value" + std::to_string(shape >> 5)));
    made.content = crypto::hash256({made.value.view()});
    const Bytes head = wire::record_head(made);
    const Buffer message = wire::record_message({}, head);
    const bool forged = (shape & 0x0e) == 0x0a;
    return wire::encode_record(head, made.value.view(),
                               forged ? Signature{} : fuzz::sign(*writer, message.view()));
  }

  // An answer to the newest request that was sent to somebody, sound or not.
  void answer(bool fetched) {
    const std::uint8_t shape = in_.u8();
    if (fetched) {
      wire::Fetched made{last_request_, static_cast<wire::FetchStatus>(shape % 4)};
      made.record = record();
      if (const auto decoded = wire::decode_record(made.record)) {
        made.sequence = decoded->record.sequence;
        made.writer = crypto::node_id(decoded->record.writer);
        made.content = decoded->record.content;
      }
      if (shape & 0x10) made.record = Buffer();
      return reply(made);
    }
    wire::Stored made{last_request_, static_cast<wire::StoreStatus>(shape % 4)};
    made.reason = static_cast<wire::Refusal>(shape / 4 % 6);
    made.sequence = {static_cast<std::uint64_t>(epoch) + in_.u16()};
    reply(made);
  }
  // What the asked one has of the places there are; its versions are its own.
  void compared() {
    wire::Reconciled made{compare_.request, wire::Topic::records, {}, {}};
    wire::RangeItems all;
    for (const std::uint8_t there = in_.u8(); std::size_t i : {0, 1, 2, 3, 4, 5, 6, 7}) {
      if (!(there >> i & 1)) continue;
      const std::string called = "k" + std::to_string(i / 2);
      const RecordId id =
          i % 2 ? dht::record_id(root, wire::Kind::owned, compare_.to, called) : place(called);
      all.items.push_back({id.bytes, {static_cast<Byte>(i)}});
    }
    std::sort(all.items.begin(), all.items.end(),
              [](const auto& a, const auto& b) { return a.key < b.key; });
    made.ranges.push_back(all);
    const wire::Message message = made;
    driver_.step(MessageReceived{compare_.to, &message});
  }
  void reply(const wire::Message& message) {
    driver_.step(MessageReceived{in_.flip() ? someone() : last_asked_, &message});
  }

  dht::Input fact(std::size_t op) {
    const std::uint8_t shape = in_.u8();
    switch (op) {
      case op_seen: {
        const auto& member = fuzz::identity(shape % population);
        const std::int64_t synced = shape & 0x80 ? epoch - 1000 : 0;
        return dht::MemberSeen{member->id(),
                               member->public_key(),
                               static_cast<dht::Presence>(in_.below(4)),
                               {synced},
                               {epoch},
                               {}};
      }
      case op_forgotten:
        return dht::MemberForgotten{fuzz::identity(shape % population)->id()};
      case op_unreachable:
        return dht::PeerUnreachable{fuzz::identity(shape % population)->id()};
      case op_put:
        return put(shape);
      case op_get: {
        dht::GetRequested get{ticket(), name(), std::nullopt};
        if (shape & 4) get.owner = someone();
        get.consistency = static_cast<dht::Consistency>(shape % 3);
        return get;
      }
      case op_lookup:
        return dht::LookupRequested{ticket(), name()};
      case op_stop:
        if (shape == 1) return dht::StopRequested{};
        return dht::TimeSkipped{seconds(1)};
      case op_drain:
        if (shape == 1) return dht::DrainRequested{};
        return Persisted{{shape}};
      case op_load:
        return Loaded{{shape}, in_.flip(), record()};
      default:
        return dht::TimeSkipped{seconds(shape)};
    }
  }
  dht::Input put(std::uint8_t shape) {
    dht::PutRequested put{ticket(), name()};
    put.kind = mode_ == Mode::public_ ? wire::Kind::owned : wire::Kind::value;
    put.tombstone = (shape & 0x30) == 0x30;
    if (!put.tombstone) put.value = Buffer(as_bytes("value" + std::to_string(shape)));
    put.consistency = static_cast<dht::Consistency>(shape % 3);
    if (mode_ == Mode::public_ || (shape & 0x40)) put.ttl = hours(1);
    return put;
  }
  Ticket ticket() {
    open_.insert({++last_ticket_});
    return {last_ticket_};
  }

  void on(const dht::Output& output, std::deque<dht::Input>& answers) {
    if (const auto* job = std::get_if<Compute>(&output)) answers.push_back(fuzz::answer(*job));
    if (const auto* write = std::get_if<Persist>(&output)) persist(*write, answers);
    if (const auto* read = std::get_if<Load>(&output)) {
      const auto it = held_.find(fuzz::copy(read->key.view()));
      if (disk_ == 1)
        answers.push_back(DiskRefused{read->token, DiskRefusal::damaged});
      else if (it == held_.end())
        answers.push_back(Loaded{read->token, false, {}});
      else
        answers.push_back(Loaded{read->token, true, it->second});
    }
    if (const auto* gone = std::get_if<Forget>(&output)) {
      held_.erase(fuzz::copy(gone->key.view()));
      answers.push_back(Persisted{gone->token});
    }
    if (const auto* done = std::get_if<dht::Completed>(&output)) complete(*done);
    if (const auto* sent = std::get_if<dht::SendMessage>(&output)) check_sent(*sent);
  }
  void persist(const Persist& write, std::deque<dht::Input>& answers) {
    if (disk_ == 2) return;  // it never answers
    if (disk_ == 1) return answers.push_back(DiskRefused{write.token, DiskRefusal::full});
    held_[fuzz::copy(write.key.view())] = write.value;
    answers.push_back(Persisted{write.token});
  }
  void complete(const dht::Completed& done) {
    KITH_ASSERT(open_.erase(done.ticket) == 1);
    const auto* get = std::get_if<dht::GetReport>(done.report.get());
    if (get && get->found) KITH_ASSERT(as_text(get->value.view()).starts_with("value"));
    if (get) KITH_ASSERT(get->responded <= get->asked);
    const auto* put = std::get_if<dht::PutReport>(done.report.get());
    if (put && put->outcome == dht::PutOutcome::applied)
      KITH_ASSERT(put->stored_base >= put->needed && put->stored_base <= put->stored.size());
  }
  void check_sent(const dht::SendMessage& sent) {
    KITH_ASSERT(sent.message.size() <= wire::message_limit);
    const auto message = wire::decode(sent.message);
    KITH_ASSERT(message.has_value());
    last_asked_ = sent.to;
    if (const auto* store = std::get_if<wire::Store>(&*message))
      last_request_ = store->envelope.request;
    if (const auto* fetch = std::get_if<wire::Fetch>(&*message))
      last_request_ = fetch->envelope.request;
    if (const auto* compare = std::get_if<wire::Reconcile>(&*message))
      compare_ = {compare->envelope.request, sent.to};
  }

  fuzz::Input& in_;
  int waits_ = 0;
  Mode mode_;
  std::size_t disk_ = 0;  // answers, refuses, silent
  std::map<Bytes, Buffer> held_;
  std::set<Ticket> open_;
  std::uint64_t last_ticket_ = 0;
  RequestId last_request_;
  NodeId last_asked_;
  struct {
    RequestId request;
    NodeId to;
  } compare_;
  fuzz::Driver<dht::Dht> driver_;
};

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Script lone, crowd;
  lone.u8(1)
      .u8(0)
      .u8(0)
      .u8(op_seen)
      .u8(0x80)
      .u8(0)
      .u8(op_advance)
      .u8(0xf0)
      .u8(op_put)
      .u8(0)
      .u8(1)
      .u8(op_advance)
      .u8(0xa0)
      .u8(op_get)
      .u8(1)
      .u8(1)
      .u8(op_lookup)
      .u8(0)
      .u8(1);
  crowd.u8(1).u8(0).u8(0);
  for (std::size_t i = 0; i < 6; ++i) crowd.u8(op_seen).u8(0x82 + i * 10 + i).u8(0);
  crowd.u8(op_advance).u8(0xf0);
  for (std::size_t i = 0; i < 4; ++i) {
    crowd.u8(op_put).u8(i).u8(i);
    for (std::size_t k = 0; k < 5; ++k) crowd.u8(op_stored).u8(0).u16(i).u8(0);
    crowd.u8(op_store).u8(i).u16(5).u8(0).u8(i).u8(i).u8(op_get).u8(0).u8(i);
    for (std::size_t k = 0; k < 5; ++k) crowd.u8(op_fetched).u8(0).u8(0x10).u8(k).u8(i).u8(0);
    crowd.u8(op_advance).u8(0xb3);
  }
  // Back after an hour with two records and three that counted; they are alive and hold others.
  fuzz::Script back, full, aged;
  back.u8(1).u8(1 + (4 << 3)).u8(2).u8(0).u8(0).u8(0).u8(0x10).u8(1).u8(1);
  for (std::size_t i = 0; i < 4; ++i) back.u8(op_seen).u8(0x80 + i * 10 + i).u8(0);
  back.u8(op_advance).u8(0xd0);
  for (std::size_t i = 0; i < 3; ++i) {
    back.u8(op_compared).u8(0x55);
    for (std::size_t k = 0; k < 4; ++k) back.u8(op_fetched).u8(0).u8(0).u8(i).u8(k).u8(0);
    back.u8(op_advance).u8(0xd0);
  }
  back.u8(op_compare).u16(1).u8(3).u8(1).u8(op_find).u16(2).u8(1).u8(2).u8(op_long).u8(3);
  back.u8(op_compared).u8(0xff).u8(op_drain).u8(1).u8(op_advance).u8(0xf0).u8(op_stop).u8(1);
  // Owned records on a public network until its writer has too many; then they expire.
  full.u8(2).u8(0).u8(0);
  for (std::size_t i = 0; i < 4; ++i) full.u8(op_seen).u8(0x80 + i * 10 + i).u8(0);
  full.u8(op_advance).u8(0xf0);
  for (std::size_t i = 0; i < 12; ++i)
    full.u8(op_store).u16(i).u8(1 + (i << 4)).u8(i / 4).u8(i).u8(1);
  full.u8(op_put).u8(1).u8(0).u8(op_get).u8(4).u8(0).u8(1).u8(op_disk).u8(1).u8(op_put).u8(2).u8(1);
  full.u8(op_stop).u8(1).u8(op_long).u8(200);
  // Deaths that are settled late, by time alone.
  aged = crowd;
  for (std::size_t i = 1; i < 4; ++i)
    aged.u8(op_seen).u8(0x80 + i * 10 + i).u8(2).u8(op_long).u8(11);
  aged.u8(op_forgotten).u8(2).u8(op_put).u8(0).u8(2).u8(op_get).u8(1).u8(2).u8(op_long).u8(250);
  fuzz::Seeds seeds{lone, crowd, back, full, aged};
  for (const wire::Message& message : test::sample_messages())
    if (message.index() >= 8)
      seeds.push_back(fuzz::Script()
                          .u8(1)
                          .u8(0)
                          .u8(0)
                          .u8(op_seen)
                          .u8(0x81)
                          .u8(0)
                          .u8(op_raw)
                          .long_chunk(wire::encode(message).view())
                          .u8(1));
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, std::min<std::size_t>(size, 2048));
  Play play(in);
  for (int steps = 0; !in.empty() && steps < 150; ++steps) play.step();
  play.finish();
  return 0;
}
