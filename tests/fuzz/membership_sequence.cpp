// Membership under any sequence of facts: what peers say, signed or not, about what it holds or
// about anything, what the disk and the jobs answer, and time. Everything it sends decodes; the
// roster stays bounded, sorted and has itself.
#include "drive.hpp"
#include "kith/membership/membership.hpp"
#include "members.hpp"
#include "target.hpp"

using namespace kith;
namespace ms = kith::membership;

namespace {

constexpr std::size_t population = fuzz::identities_count;  // enough for rings

enum Op : std::uint8_t {
  op_raw,
  op_record,
  op_reference,
  op_suspicion,
  op_ack,
  op_heard,
  op_refused,
  op_unreachable,
  op_established,
  op_advance,
  op_self,
  op_leave,
  op_forget,
  op_reconcile,
  op_load,
  op_skip,
  op_refuse_disk,
  op_hold_jobs,
  op_members,
  op_ping,
  op_answer,
  op_probe_request,
  op_pull,
  op_compare,
  op_compared,
  op_accuse,
  op_twin,
  op_sleep,
  op_count
};

class World {
 public:
  explicit World(fuzz::Input& in)
      : in_(in),
        driver_(make(in.below(3)), [this](ms::Output&& output, std::deque<ms::Input>& answers) {
          on(output, answers);
        }) {
    driver_.advance(Duration(0));
  }

  void step() {
    const std::size_t op = in_.below(op_count);
    switch (op) {
      case op_raw: {
        const auto message = wire::decode(Buffer(in_.long_chunk()));
        if (message) say(*message);
        return;
      }
      case op_record:
      case op_members:
        return members(op == op_members);
      case op_reference:
        return say(wire::GossipPush{{{reference()}, {}}});
      case op_suspicion:
        return say(wire::GossipPush{{{}, {suspicion()}}});
      case op_ack:
        return reply(ping_,
                     wire::Ack{ping_.request, {static_cast<std::int64_t>(in_.u64() >> 16)}, {}});
      case op_ping:
        return say(wire::Ping{envelope(), {{held(in_.below(population))}, {}}});
      case op_answer:
        return answer();
      case op_probe_request:
        return say(wire::ProbeRequest{envelope(), someone()});
      case op_pull:
        return say(wire::PullMembers{envelope(), {prefix(), prefix()}});
      case op_compare:
        return say(wire::Reconcile{envelope(), wire::Topic::roster, {{0, {}, in_.u8(), {}}}});
      case op_compared:
        return reply(compare_, compared());
      case op_accuse:
        return accuse();
      case op_twin:
        return twin();
      case op_sleep:
        return sleep(hours(in_.below(48)));
      case op_advance:
        return driver_.advance(in_.pause());
      case op_refuse_disk:
        disk_full_ = in_.flip();
        return;
      case op_hold_jobs:
        hold_jobs_ = in_.flip();
        return;
      default:
        driver_.step(fact(op));
    }
  }

  void check() const {
    const ms::Snapshot snapshot = driver_.machine.snapshot();
    std::size_t live = 0;
    for (std::size_t i = 0; i < snapshot.members.size(); ++i) {
      const ms::Member& member = *snapshot.members[i].member;
      if (i > 0) KITH_ASSERT(snapshot.members[i - 1].member->id < member.id);
      live += member.verdict == wire::Verdict::alive || member.verdict == wire::Verdict::suspect;
    }
    KITH_ASSERT(driver_.machine.live_count() == std::max<std::size_t>(1, live));
    KITH_ASSERT(snapshot.members.size() <= population + 8);
  }

 private:
  static ms::Membership make(std::size_t mode) {
    ms::Config config;
    config.mode = static_cast<Mode>(mode);
    config.name = "self";
    config.boot.bytes.fill(1);
    config.addresses = {{IpAddress::v4(10, 0, 0, 1), 4747}};
    return ms::Membership(config, fuzz::identity(0), Rng(7));
  }

  struct Asked {
    RequestId request;
    NodeId to;
  };

  NodeId someone() { return fuzz::identity(in_.below(population))->id(); }
  wire::IdPrefix prefix() { return wire::prefix_of(someone()); }
  wire::Envelope envelope() { return {{in_.u16()}, in_.u16(), Lane::membership, 0}; }

  wire::Reference reference() {
    const std::size_t who = in_.below(population);
    fuzz::Input shape = in_;
    const Buffer record = fuzz::member_record(in_, who);
    wire::Reference made{wire::prefix_of(fuzz::identity(who)->id()),
                         {shape.u8() & 3u},
                         static_cast<wire::Verdict>(in_.below(4)),
                         fuzz::hash_of(record)};
    return made;
  }
  // What the machine itself holds of a member, as one that agrees with it would say it.
  wire::Reference held(std::size_t who) {
    const ms::MemberPtr member = driver_.machine.find(fuzz::identity(who)->id());
    if (!member) return reference();
    return {wire::prefix_of(member->id), member->record->incarnation,
            static_cast<wire::Verdict>(in_.below(4)),
            fuzz::hash_of(signed_by(who, *member->record))};
  }
  static Buffer signed_by(std::size_t who, const wire::MemberRecord& record) {
    const Bytes body = wire::member_record_body(record);
    return wire::encode_member_record(
        body, fuzz::sign(*fuzz::identity(who), wire::member_record_message({}, body).view()));
  }
  wire::Suspicion suspicion() {
    const wire::Reference about = reference();
    std::size_t subject = 0;
    while (wire::prefix_of(fuzz::identity(subject)->id()) != about.subject) ++subject;
    return suspicion(subject, about);
  }
  wire::Suspicion suspicion(std::size_t subject, const wire::Reference& about) {
    const std::int64_t stamp = driver_.now.wall.value - in_.u8() * 100;
    return fuzz::suspicion(in_.below(population), subject, about, stamp);
  }
  // Accusations of what the machine holds, as many as it takes; mostly with a verdict.
  void accuse() {
    const std::size_t subject = in_.below(population);
    const wire::Reference about = held(subject);
    wire::Gossip news;
    if (in_.flip()) news.references = {about};
    for (std::size_t left = in_.below(6); left > 0; --left)
      news.suspicions.push_back(suspicion(subject, about));
    say(wire::GossipPush{news});
  }
  void answer() {
    const std::size_t what = in_.below(3);
    if (what == 0) return reply(ping_, wire::Nack{ping_.request});
    const wire::Reference about = held(in_.below(population));
    if (what == 1) return say(wire::Heard{about.subject, about.incarnation});
    const std::int64_t clock = driver_.now.wall.value + in_.u16();
    reply(ping_, wire::Ack{ping_.request, {clock}, {{about}, {}}});
  }
  // All there is, or some of it and with other versions.
  wire::Reconciled compared() {
    wire::Reconciled made{compare_.request, wire::Topic::roster, {}, {}};
    if (in_.below(4) == 0) {
      for (unsigned nibble = 0; nibble < 16; ++nibble)
        made.children.push_back({1, {static_cast<Byte>(nibble << 4)}, in_.u8() & 3u, {}});
      return made;
    }
    wire::RangeItems all;
    const std::uint16_t there = in_.u16(), other = in_.u16();
    for (std::size_t who = 0; who < population; ++who) {
      if (!(there >> who & 1)) continue;
      const wire::RecordHash version = other >> who & 1 ? wire::RecordHash{1} : held(who).record;
      all.items.push_back({fuzz::identity(who)->id().bytes, version});
    }
    std::sort(all.items.begin(), all.items.end(),
              [](const auto& a, const auto& b) { return a.key < b.key; });
    made.ranges.push_back(all);
    return made;
  }
  // Another process under our own key, or what is left of an earlier life.
  void twin() {
    const NodeId self = fuzz::identity(0)->id();
    const ms::MemberPtr member = driver_.machine.find(self);
    if (!member) return;
    wire::MemberRecord record = *member->record;
    record.boot.bytes.fill(in_.u8());
    record.incarnation.value += in_.u16();
    const bool asked = in_.flip();
    reply({{}, self}, wire::Members{{}, {signed_by(0, record)}, {}});
    if (asked) reply(pull_, wire::Members{pull_.request, {signed_by(0, record)}, {}});
  }
  // The machine's host sleeps; the dead and the gone may be due to be forgotten.
  void sleep(Duration gap) {
    driver_.now.mono += gap;
    driver_.now.wall.value += to_millis(gap);
    driver_.step(ms::TimeSkipped{gap});
  }
  void members(bool answer) {
    const std::size_t who = in_.below(population);
    wire::Members made{answer ? pull_.request : RequestId{0}, {fuzz::member_record(in_, who)}, {}};
    if (answer)
      for (std::size_t left = in_.below(5); left > 0; --left)
        made.suspicions.push_back(suspicion());
    reply({{}, answer ? pull_.to : fuzz::identity(who)->id()}, made);
  }
  void say(const wire::Message& message) {
    const NodeId from = someone();
    const bool stream = in_.flip();
    driver_.step(ms::MessageReceived{from, &message, 200, stream});
  }
  void reply(const Asked& asked, const wire::Message& message) {
    driver_.step(ms::MessageReceived{asked.to, &message, 200, false});
  }

  ms::Input fact(std::size_t op) {
    const std::size_t who = in_.below(population);
    const NodeId peer = fuzz::identity(who)->id();
    switch (op) {
      case op_heard:
        return ms::PeerHeard{peer};
      case op_refused:
        return ms::PeerRefused{peer};
      case op_unreachable:
        return ms::PeerUnreachable{peer};
      case op_established:
        return ms::PeerEstablished{peer, fuzz::identity(who)->public_key()};
      case op_self:
        return ms::SelfChanged{std::nullopt, UnixMillis{in_.u16()}};
      case op_leave:
        return ms::LeaveRequested{};
      case op_forget:
        return ms::ForgetRequested{peer};
      case op_reconcile:
        return ms::ReconcileRequested{peer};
      case op_load:
        return ms::LoadReported{milliseconds(in_.u8())};
      case op_skip:
        return ms::TimeSkipped{seconds(in_.u8())};
      default:
        return Persisted{{in_.u8()}};
    }
  }

  void on(const ms::Output& output, std::deque<ms::Input>& answers) {
    if (const auto* job = std::get_if<Compute>(&output); job && !hold_jobs_)
      answers.push_back(fuzz::answer(*job));
    if (const auto* write = std::get_if<Persist>(&output)) {
      if (disk_full_)
        answers.push_back(DiskRefused{write->token, DiskRefusal::full});
      else
        answers.push_back(Persisted{write->token});
    }
    const auto* sent = std::get_if<ms::SendMessage>(&output);
    if (!sent) return;
    KITH_ASSERT(sent->message.size() <= wire::message_limit);
    const auto message = wire::decode(sent->message);
    KITH_ASSERT(message.has_value());
    if (const auto* ping = std::get_if<wire::Ping>(&*message))
      ping_ = {ping->envelope.request, sent->to};
    if (const auto* pull = std::get_if<wire::PullMembers>(&*message))
      pull_ = {pull->envelope.request, sent->to};
    if (const auto* compare = std::get_if<wire::Reconcile>(&*message))
      compare_ = {compare->envelope.request, sent->to};
  }

  fuzz::Input& in_;
  bool disk_full_ = false, hold_jobs_ = false;
  Asked ping_, pull_, compare_;  // the newest question of each kind
  fuzz::Driver<ms::Membership> driver_;
};

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Script meet, kill, chatter;
  meet.u8(0);
  for (std::size_t i = 1; i < 6; ++i) meet.u8(op_record).u8(i).u8(1).u8(op_established).u8(i);
  kill = meet;
  for (std::size_t i = 0; i < 4; ++i) kill.u8(op_advance).u8(0xc2).u8(op_refused).u8(3);
  for (std::size_t i = 2; i < 6; ++i)
    kill.u8(op_suspicion).u8(1).u8(1).u8(1).u8(9).u8(i).u8(i).u8(0).u8(op_advance).u8(0xa1);
  chatter = meet;
  for (std::size_t i = 0; i < 12; ++i)
    chatter.u8(op_advance)
        .u8(0xa0 + i)
        .u8(op_ack)
        .u64(i)
        .u8(i)
        .u8(0)
        .u8(op_reference)
        .u8(2)
        .u8(i)
        .u8(i)
        .u8(1)
        .u8(0);
  chatter.u8(op_leave).u8(0).u8(op_advance).u8(0xf0);

  // A death with its certificate, told; one told later; the dead one's own word; ourselves accused.
  fuzz::Script verdicts = meet;
  verdicts.u8(op_advance).u8(0xfa);
  for (const std::size_t subject : {3u, 3u, 0u}) {
    verdicts.u8(op_accuse).u8(subject).u8(2).u8(1).u8(4);
    for (const std::size_t accuser : {1u, 2u, 4u, 5u})
      verdicts.u8(subject == 3 ? 9 : 0).u8(accuser);
    verdicts.u8(1).u8(0).u8(op_advance).u8(0xb1);
  }
  verdicts.u8(op_heard).u8(3).u8(op_twin).u8(9).u16(500).u8(1).u8(op_advance).u8(0xf4);
  verdicts.u8(op_sleep).u8(25).u8(op_advance).u8(0xb1);
  // Questions of every kind, answers of every kind.
  fuzz::Script questions = meet;
  for (std::size_t i = 1; i < 6; ++i) {
    questions.u8(op_advance).u8(0xd1);
    questions.u8(op_ping).u16(i).u16(200).u8(i).u8(i % 4).u8(i).u8(0);
    questions.u8(op_probe_request).u16(i).u16(200).u8(i + 1).u8(i).u8(0);
    questions.u8(op_answer).u8(i % 3).u8(i).u8(1).u16(0).u8(i).u8(0);
    questions.u8(op_pull).u16(i).u16(200).u8(i).u8(9).u8(i).u8(0);
    questions.u8(op_compare).u16(i).u16(200).u8(i).u8(i).u8(0);
    questions.u8(op_reconcile).u8(i).u8(op_compared).u8(i % 2).u16(0xffe).u16(i);
  }
  questions.u8(op_advance).u8(0xff);
  // Somebody falls silent and others are asked to ask, who say that they heard it, or not.
  fuzz::Script silent = meet;
  for (std::size_t i = 0; i < 10; ++i) {
    silent.u8(op_advance).u8(0xc4).u8(op_answer).u8(0).u8(op_heard).u8(1 + i % 2);
    silent.u8(op_accuse).u8(3).u8(1).u8(0).u8(1).u8(0).u8(1 + i % 2).u8(1).u8(0);
    silent.u8(op_answer).u8(1).u8(3).u8(0).u8(1).u8(0);
  }
  return {meet, kill, chatter, verdicts, questions, silent};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, std::min<std::size_t>(size, 2048));
  World world(in);
  for (int steps = 0; !in.empty() && steps < 200; ++steps) world.step();
  world.check();
  return 0;
}
