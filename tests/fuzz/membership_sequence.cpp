// Membership under any sequence of facts: what peers say, signed or not, what the disk and the jobs
// answer, and time. Everything it sends decodes; the roster stays bounded, sorted and has itself.
#include "drive.hpp"
#include "kith/membership/membership.hpp"
#include "members.hpp"
#include "target.hpp"

using namespace kith;
namespace ms = kith::membership;

namespace {

constexpr std::size_t population = 6;

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
        return say(wire::Ack{last_request_, {static_cast<std::int64_t>(in_.u64() >> 16)}, {}});
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

  NodeId someone() { return fuzz::identity(in_.below(population))->id(); }

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
  wire::Suspicion suspicion() {
    const wire::Reference about = reference();
    std::size_t subject = 0;
    while (wire::prefix_of(fuzz::identity(subject)->id()) != about.subject) ++subject;
    const std::int64_t stamp = driver_.now.wall.value - in_.u8() * 100;
    return fuzz::suspicion(in_.below(population), subject, about, stamp);
  }
  void members(bool answer) {
    const std::size_t who = in_.below(population);
    wire::Members made{answer ? last_request_ : RequestId{0}, {fuzz::member_record(in_, who)}, {}};
    if (answer)
      for (std::size_t left = in_.below(5); left > 0; --left)
        made.suspicions.push_back(suspicion());
    const wire::Message message = made;
    const NodeId from = answer ? last_asked_ : fuzz::identity(who)->id();
    driver_.step(ms::MessageReceived{from, &message, 200, false});
  }
  void say(const wire::Message& message) {
    const NodeId from = someone();
    const bool stream = in_.flip();
    driver_.step(ms::MessageReceived{from, &message, 200, stream});
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
    last_asked_ = sent->to;
    if (const auto* ping = std::get_if<wire::Ping>(&*message))
      last_request_ = ping->envelope.request;
    if (const auto* pull = std::get_if<wire::PullMembers>(&*message))
      last_request_ = pull->envelope.request;
  }

  fuzz::Input& in_;
  bool disk_full_ = false, hold_jobs_ = false;
  RequestId last_request_;
  NodeId last_asked_;
  fuzz::Driver<ms::Membership> driver_;
};

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Script meet, kill, chatter;
  meet.u8(0);
  for (std::size_t i = 1; i < population; ++i)
    meet.u8(op_record).u8(i).u8(1).u8(op_established).u8(i);
  kill = meet;
  for (std::size_t i = 0; i < 4; ++i) kill.u8(op_advance).u8(0xc2).u8(op_refused).u8(3);
  for (std::size_t i = 2; i < population; ++i)
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
  return {meet, kill, chatter};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, std::min<std::size_t>(size, 2048));
  World world(in);
  for (int steps = 0; !in.empty() && steps < 200; ++steps) world.step();
  world.check();
  return 0;
}
