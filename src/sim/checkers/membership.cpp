#include <algorithm>
#include <limits>
#include <set>

#include "checkers.hpp"

namespace kith::sim {
namespace {

constexpr Duration grace = seconds(15);  // verdicts that trouble caused may still be on their way
constexpr Duration settled = seconds(10);

// What a member may be declared dead for. Loss below a tenth, wrong clocks and bad disks are no
// such thing. A lie is one for the liar alone: of the others it is one accuser, and no quorum.
bool may_bury(const Event& event, HostIndex hosts) {
  switch (event.act) {
    case Act::loss:
    case Act::corrupt:
    case Act::truncate:
      return event.amount > 100;
    case Act::delay:
      return event.amount > 100'000;
    case Act::pause:
    case Act::sleep:
      return event.span > milliseconds(2500);
    case Act::slow:
      // What a host hears when much happens grows with their number: some seven datagrams of each
      // when one comes back.
      return event.amount * std::max<HostIndex>(hosts, 16) > 10'000 * 16;
    case Act::duplicate:
    case Act::replay:
    case Act::reorder:
    case Act::step_clock:
    case Act::drift:
    case Act::disk_slow:
    case Act::disk_full:
    case Act::disk_busy:
    case Act::rot:
    case Act::rare:
    case Act::put:
    case Act::get:
    case Act::erase:
    case Act::start:
      return false;
    default:
      return true;
  }
}

// Where everyone observes everyone (PROTOCOL.md 3), members of one side hear each other all the
// time.
constexpr std::size_t everyone_observes = 9;

constexpr bool is_cut(Act act) {
  return act == Act::cut || act == Act::bridge || act == Act::ring || act == Act::clog;
}

// Whom it may bury. Of a cut the hosts named and no others, but in a larger network: both its sides
// are cut from the other one, two or more may certify the other side dead, and when it ends whoever
// is no observer of a member, and so has not heard it since, believes that. One alone certifies
// nobody: its verdicts do not travel.
bool buries_everybody(const World& world, const Event& event) {
  if (event.hosts.empty() || event.act == Act::bridge) return true;
  if (!is_cut(event.act) || event.hosts.size() < 2) return false;
  std::size_t running = 0;
  for (const Host& host : world.hosts()) running += host.up();
  return running > everyone_observes;
}

// Who has been well for a while: nothing that may bury befell it.
class Troubles {
 public:
  void note(const World& world, const Event& event, bool begins) {
    if (event.act == Act::heal) return ended({}, world.now() + grace);
    if (!may_bury(event, world.scenario().hosts)) return;
    const bool restart = event.act == Act::newer;  // and another one when its span ends
    const bool lasts = begins && !restart && event.span.count() == 0;
    const Instant until =
        lasts ? Instant::max()
              : world.now() + grace + (begins && !restart ? event.span : Duration{});
    ended(buries_everybody(world, event) ? std::vector<HostIndex>{} : event.hosts, until);
    if (begins && is_cut(event.act)) cuts_.emplace_back(world.now(), until);
  }
  bool well(const World& world, HostIndex host) const {
    const Host& one = world.host(host);
    return one.up() && world.now() - one.since > settled && world.now() > everybody_ &&
           !started_in_a_cut(world, one) && untroubled(world, host) &&
           untroubled(world, one.keyed);  // a twin is on that cable
  }

 private:
  bool untroubled(const World& world, HostIndex host) const {
    const auto found = until_.find(host);
    return found == until_.end() || world.now() > found->second;
  }
  // It may have met those of one side only, and believes what they say of the other.
  bool started_in_a_cut(const World& world, const Host& one) const {
    return std::any_of(cuts_.begin(), cuts_.end(), [&](const auto& cut) {
      return cut.first <= one.since && one.since <= cut.second && world.now() <= cut.second;
    });
  }
  void ended(const std::vector<HostIndex>& hosts, Instant until) {
    if (hosts.empty()) {
      everybody_ = std::max(everybody_, until);
      return;
    }
    for (const HostIndex host : hosts) {
      Instant& mine = until_[host];
      mine = std::max(mine, until);
    }
  }
  std::map<HostIndex, Instant> until_;
  std::vector<std::pair<Instant, Instant>> cuts_;  // from, until
  Instant everybody_{};
};

// What the healthy say of the healthy.
class AmongTheHealthy : public Checker {
 public:
  void on_fault(World& world, const Event& event, bool begins) override {
    if (event.act == Act::heal) troubles_ = {};  // what was for ever is over
    troubles_.note(world, event, begins);
  }

 protected:
  // Of whom it gives that verdict, if it does and both are well.
  std::optional<HostIndex> said(World& world, HostIndex by, const node::Output& output,
                                wire::Verdict verdict) const {
    const auto* news = std::get_if<node::MemberNews>(&output);
    if (!news || news->member->verdict != verdict) return std::nullopt;
    const auto subject = world.index_of(news->member->id);
    return subject && well(world, *subject) && well(world, by) ? subject : std::nullopt;
  }
  bool well(const World& world, HostIndex host) const { return troubles_.well(world, host); }

 private:
  Troubles troubles_;
};

class NobodyHealthyIsDead final : public AmongTheHealthy {
 public:
  std::string_view sentence() const override { return "nobody healthy is declared dead"; }
  void on_output(World& world, HostIndex index, const node::Output& output) override {
    if (const auto subject = said(world, index, output, wire::Verdict::dead))
      world.find(*this, "host " + std::to_string(index) + " declares host " +
                            std::to_string(*subject) + " dead");
  }
};

// One unanswered question makes no suspect: others ask too. What loss makes of that is a few a host
// and minute, at each who hears of it; the limit is over twice what thousands of host-minutes
// showed. Whom a liar accuses is suspected until it refutes, once a second: not counted.
class HealthyAreHardlySuspected final : public AmongTheHealthy {
 public:
  std::string_view sentence() const override { return "the healthy are hardly ever suspected"; }
  void on_fault(World& world, const Event& event, bool begins) override {
    AmongTheHealthy::on_fault(world, event, begins);
    if (event.act == Act::lie)
      slandered_until_ = world.now() + grace + (begins ? event.span : Duration{});
  }
  void on_output(World& world, HostIndex index, const node::Output& output) override {
    if (world.now() > slandered_until_ && said(world, index, output, wire::Verdict::suspect))
      ++suspected_;
  }
  void on_second(World& world) override {
    const std::size_t hosts = world.scenario().hosts;
    if (suspected_ > each_pair_a_minute * hosts * hosts)
      world.find(*this, std::to_string(suspected_) + " suspicions in a minute");
    if (++seconds_ % 60 == 0) suspected_ = 0;
  }

 private:
  static constexpr std::size_t each_pair_a_minute = 5;
  std::size_t suspected_ = 0;
  int seconds_ = 0;
  Instant slandered_until_;
};

class NobodyBuriesItself final : public Checker {
 public:
  std::string_view sentence() const override { return "nobody is suspect or dead to itself"; }
  void on_output(World& world, HostIndex index, const node::Output& output) override {
    const auto* news = std::get_if<node::MemberNews>(&output);
    if (!news || world.index_of(news->member->id) != world.host(index).keyed) return;
    const wire::Verdict verdict = news->member->verdict;
    if (verdict == wire::Verdict::suspect || verdict == wire::Verdict::dead)
      world.find(*this, "host " + std::to_string(index));
  }
};

// To whoever is well, where most are: else they may not have the witnesses. Told by the news alone,
// as who follows the events sees it.
class TheKilledAreDead final : public AmongTheHealthy {
 public:
  std::string_view sentence() const override {
    return "who is down is dead to the healthy in time";
  }
  void on_fault(World& world, const Event& event, bool begins) override {
    AmongTheHealthy::on_fault(world, event, begins);
    if (event.act == Act::heal) {
      for (auto& [host, until] : distracted_) until = std::min(until, world.now() + recovery);
    } else if (event.act == Act::rare && (event.amount & bit_of(Rare::load)) != 0) {
      for (const HostIndex host : world.befallen(event)) distracted_[host] = Instant::max();
    }
  }
  void on_output(World& world, HostIndex index, const node::Output& output) override {
    const auto* news = std::get_if<node::MemberNews>(&output);
    if (!news || index >= world.scenario().hosts) return;  // no twin
    if (const auto subject = world.index_of(news->member->id)) {
      const bool lives = news->member->verdict == wire::Verdict::alive ||
                         news->member->verdict == wire::Verdict::suspect;
      lives_.resize(std::size_t{world.scenario().hosts} * world.scenario().hosts);
      lives_[place(world, index, *subject)] =
          lives ? static_cast<std::uint32_t>(world.host(index).life) : 0;
    }
  }
  void on_second(World& world) override {
    const HostIndex hosts = world.scenario().hosts;
    down_.resize(hosts);
    const bool enough = most_are_well(world);
    for (HostIndex i = 0; i < hosts; ++i) {
      Down& down = down_[i];
      if (runs(world, i) || down.life != world.host(i).life) {
        down = {world.host(i).life, world.now()};
      } else if (enough && world.now() - down.since > in_time) {
        for (HostIndex by = 0; by < hosts; ++by) look(world, by, i);
      }
    }
  }

 private:
  static constexpr Duration in_time = seconds(20);
  static constexpr std::size_t gate = 3;  // witnesses (PROTOCOL.md 4)
  // Nine answered questions, 9, 8, ... 1 s apart, and a rest.
  static constexpr Duration recovery = seconds(60);
  static std::size_t place(const World& world, HostIndex by, HostIndex subject) {
    return std::size_t{by} * world.scenario().hosts + subject;
  }
  static bool runs(const World& world, HostIndex index) {
    return std::any_of(world.hosts().begin(), world.hosts().end(),
                       [&](const Host& host) { return host.up() && host.keyed == index; });
  }
  // Whose loop lags takes that for its own fault, and asks ever more slowly (PROTOCOL.md 4).
  bool attentive(const World& world, HostIndex host) const {
    const auto found = distracted_.find(host);
    return well(world, host) &&
           (found == distracted_.end() || world.now() - in_time > found->second);
  }
  bool most_are_well(const World& world) const {
    std::size_t running = 0, healthy = 0;
    for (HostIndex i = 0; i < world.scenario().hosts; ++i) {
      running += world.host(i).up();
      healthy += attentive(world, i);
    }
    return healthy == running || (healthy > gate && healthy > running / 2);
  }
  void look(World& world, HostIndex by, HostIndex subject) {
    const Host& host = world.host(by);
    if (!attentive(world, by) || world.now() - host.since < in_time) return;
    if (lives_[place(world, by, subject)] == host.life)
      world.find(*this, "host " + std::to_string(subject) + " at host " + std::to_string(by));
  }
  std::vector<std::uint32_t> lives_;  // in which of its lives one takes the other for alive
  struct Down {
    std::uint64_t life = 0;  // that has ended
    Instant since;
  };
  std::vector<Down> down_;
  std::map<HostIndex, Instant> distracted_;  // until when
};

class OneView final : public Checker {
 public:
  std::string_view sentence() const override { return "after healing all agree who is alive"; }
  std::string lacking(World& world) override {
    std::size_t core = 0;
    for (HostIndex i = 0; i < world.scenario().hosts; ++i) core += world.in_core(i);
    for (HostIndex i = 0; i < world.scenario().hosts; ++i) {
      if (!world.in_core(i)) continue;
      if (!world.host(i).up()) return "host " + std::to_string(i) + " does not run";
      std::size_t alive = 0;
      for (const membership::MemberSnapshot& member :
           world.host(i).node->snapshot().membership.members) {
        const auto index = world.index_of(member.member->id);
        if (member.member->verdict == wire::Verdict::suspect)
          return "host " + std::to_string(i) + " cannot decide about host " +
                 std::to_string(index.value_or(999999));
        if (member.member->verdict != wire::Verdict::alive) continue;
        if (!index || !world.in_core(*index))
          return "host " + std::to_string(i) + " sees one alive that is gone";
        ++alive;
      }
      if (alive != core)
        return "host " + std::to_string(i) + " sees " + std::to_string(alive) + " of " +
               std::to_string(core) + " alive";
    }
    return {};
  }
};

}  // namespace

std::unique_ptr<Checker> nobody_healthy_is_dead() {
  return std::make_unique<NobodyHealthyIsDead>();
}
std::unique_ptr<Checker> healthy_are_hardly_suspected() {
  return std::make_unique<HealthyAreHardlySuspected>();
}
std::unique_ptr<Checker> nobody_buries_itself() { return std::make_unique<NobodyBuriesItself>(); }
std::unique_ptr<Checker> the_killed_are_dead() { return std::make_unique<TheKilledAreDead>(); }
std::unique_ptr<Checker> one_view() { return std::make_unique<OneView>(); }

}  // namespace kith::sim
