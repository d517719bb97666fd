#include "kith/sim/plan.hpp"

#include <algorithm>
#include <bit>
#include <optional>

#include "kith/base/rng.hpp"

namespace kith::sim {
namespace {

// How often a kind of fault begins, whom it befalls and how strongly.
struct Recipe {
  Act act;
  Duration span_min, span_max;
  std::int64_t amount_min, amount_max;
  enum class Whom : std::uint8_t { one, few, side, all } whom;
};

using Whom = Recipe::Whom;
constexpr Recipe recipes[] = {
    {Act::kill, milliseconds(200), seconds(40), 0, 0, Whom::few},
    {Act::pause, milliseconds(100), seconds(20), 0, 0, Whom::few},
    {Act::sleep, milliseconds(100), seconds(20), 0, 0, Whom::few},
    {Act::slow, seconds(1), seconds(20), 200, 10'000, Whom::one},
    {Act::leave, seconds(5), seconds(40), 0, 0, Whom::one},
    {Act::loss, seconds(1), seconds(40), 5, 300, Whom::all},
    {Act::loss, seconds(1), seconds(20), 50, 1000, Whom::few},
    {Act::duplicate, seconds(1), seconds(40), 10, 100, Whom::all},
    {Act::replay, seconds(1), seconds(40), 10, 50, Whom::all},
    {Act::reorder, seconds(1), seconds(40), 10, 300, Whom::all},
    {Act::corrupt, seconds(1), seconds(20), 1, 100, Whom::all},
    {Act::truncate, seconds(1), seconds(20), 1, 100, Whom::all},
    {Act::delay, seconds(1), seconds(30), 1'000, 250'000, Whom::few},
    {Act::mtu, seconds(1), seconds(15), 300, 1'200, Whom::few},
    {Act::squeeze, seconds(1), seconds(20), 4'000, 200'000, Whom::few},
    {Act::cut, seconds(1), seconds(30), 0, 0, Whom::side},
    {Act::cut, milliseconds(100), seconds(2), 0, 0, Whom::side},
    {Act::cut, seconds(1), seconds(30), 0, 0, Whom::one},
    {Act::bridge, seconds(1), seconds(15), 0, 0, Whom::side},
    {Act::ring, seconds(1), seconds(10), 0, 0, Whom::all},
    {Act::mute, seconds(1), seconds(20), 0, 0, Whom::one},
    {Act::deaf, seconds(1), seconds(20), 0, 0, Whom::one},
    {Act::clog, milliseconds(100), seconds(10), 0, 0, Whom::side},
    {Act::step_clock, Duration(0), Duration(0), -3'600'000, 3'600'000, Whom::one},
    {Act::step_clock, Duration(0), Duration(0), -30'000, 30'000, Whom::few},
    {Act::drift, seconds(10), seconds(60), -10'000, 10'000, Whom::few},
    {Act::disk_slow, seconds(1), seconds(20), 5'000, 500'000, Whom::few},
    {Act::disk_full, seconds(1), seconds(20), 0, 0, Whom::few},
    {Act::disk_busy, seconds(1), seconds(20), 50, 900, Whom::few},
};
// Those that lose what was on a disk: one a run (the atlas).
constexpr Recipe losses[] = {
    {Act::wipe, seconds(1), seconds(10), 0, 0, Whom::one},  // the likeliest: a new machine
    {Act::wipe, seconds(1), seconds(10), 0, 0, Whom::one},
    {Act::rollback, seconds(1), seconds(10), 500, 30'000, Whom::one},
    {Act::rot, Duration(0), Duration(0), 50, 1000, Whom::one},
    {Act::twin, seconds(1), seconds(20), 0, 0, Whom::one},
};

class Planner {
 public:
  Planner(std::uint64_t seed, const PlanLimits& limits) : rng_(seed * 2 + 1), limits_(limits) {
    scenario_.salt = seed;
    scenario_.hosts = size();
    scenario_.length = limits.length;
    trouble_until_ = limits.length * 2 / 3;
    if (rng_.chance(1, 4)) trouble_from_ = seconds(1);
    if (rng_.chance(1, 3))  // a wide area instead of a LAN
      scenario_.latency.points = {milliseconds(5), milliseconds(60)};
  }

  Scenario make() {
    starts();
    faults();
    clients();
    heal();
    restored_clock();
    if (rng_.chance(1, 4)) rolling_restart();
    if (rng_.chance(1, 6)) restart_storm();
    if (rng_.chance(1, 8)) mass_leave();
    if (rng_.chance(1, 4)) busy_leave();
    if (rng_.chance(1, 6)) flapping();
    if (rng_.chance(1, 4)) burst();
    liar();
    releases();
    rarities();
    if (calm_) keep_calm();
    std::stable_sort(scenario_.events.begin(), scenario_.events.end(),
                     [](const Event& a, const Event& b) { return a.at < b.at; });
    return std::move(scenario_);
  }

 private:
  // Log-uniform: a doubling is as likely as the next, the last as far as it goes; linear within.
  HostIndex size() {
    const std::uint64_t low = limits_.hosts_min, high = limits_.hosts_max;
    const auto doublings = static_cast<std::uint64_t>(std::bit_width(high / low));
    for (;;) {
      const std::uint64_t base = low << rng_.below(doublings);
      const std::uint64_t hosts = base + rng_.below(base);
      if (hosts <= high) return static_cast<HostIndex>(hosts);
    }
  }
  void add(Event event) { scenario_.events.push_back(std::move(event)); }
  Duration within(Duration low, Duration high) { return rng_.between(low, high); }

  // All within some seconds; in one seed of four few form a network, and the rest joins them at
  // once.
  void starts() {
    const Duration spread = rng_.chance(1, 2) ? milliseconds(50) : seconds(10);
    HostIndex first = scenario_.hosts;
    if (rng_.chance(1, 4) && trouble_until_ > formed_after * 2) {
      first = static_cast<HostIndex>(1 + rng_.below(scenario_.hosts));
      calm_ = within(formed_after, trouble_until_ / 2);
    }
    for (HostIndex i = 0; i < scenario_.hosts; ++i) {
      const Duration at =
          i < first ? within(Duration(0), spread) : *calm_ + within(Duration(0), seconds(1));
      add({at, Act::start, {i}, {}, 0, 0});
    }
  }
  // Newcomers that meet nobody who counts found a network of their own: until they have joined, no
  // other trouble is under way. And before, those that run may be too few to lose a disk or to have
  // a liar.
  void keep_calm() {
    std::erase_if(scenario_.events, [&](const Event& event) {
      const bool takes_five = event.act == Act::lie || takes_a_disk(event.act);
      if (takes_five && event.at < *calm_) return true;
      const bool client = event.act == Act::put || event.act == Act::get || event.act == Act::erase;
      if (client || event.act == Act::start || event.act == Act::heal) return false;
      return event.at < *calm_ + joined_after && *calm_ < event.at + event.span + settled_after;
    });
  }

  static bool takes_a_disk(Act act) {
    return std::any_of(std::begin(losses), std::end(losses),
                       [act](const Recipe& loss) { return loss.act == act; });
  }

  std::vector<HostIndex> some(std::size_t count) {
    std::vector<HostIndex> all(scenario_.hosts);
    for (HostIndex i = 0; i < scenario_.hosts; ++i) all[i] = i;
    rng_.shuffle(std::span<HostIndex>(all));
    all.resize(std::min<std::size_t>(count, all.size()));
    std::sort(all.begin(), all.end());
    return all;
  }
  std::vector<HostIndex> whom(Whom whom) {
    switch (whom) {
      case Whom::one:
        return some(1);
      case Whom::few:
        return some(1 + rng_.below(std::max<HostIndex>(1, scenario_.hosts / 4)));
      case Whom::side:
        return some(1 + rng_.below(std::max<HostIndex>(2, scenario_.hosts) - 1));
      case Whom::all:
        return {};
    }
    return {};
  }
  // One seed in four has trouble from the first second; the others let the network form.
  Event from(const Recipe& recipe) {
    Event event;
    event.act = recipe.act;
    event.at = sometime();
    event.hosts = whom(recipe.whom);
    event.span = within(recipe.span_min, recipe.span_max);
    const auto width = static_cast<std::uint64_t>(recipe.amount_max - recipe.amount_min) + 1;
    event.amount = recipe.amount_min + static_cast<std::int64_t>(rng_.below(width));
    if (event.act == Act::bridge) event.amount = rng_.below(scenario_.hosts);
    // Both sides accuse, and all refute once a second: as much work a second as ten otherwise.
    if (event.act == Act::bridge || event.act == Act::ring)
      event.span =
          std::min(event.span, std::max<Duration>(seconds(1), seconds(200) / scenario_.hosts));
    return event;
  }

  void faults() {
    for (const Recipe& recipe : recipes) {
      if (rng_.chance(1, 2)) continue;  // swarm
      const std::uint64_t times = 1 + rng_.below(4);
      for (std::uint64_t i = 0; i < times; ++i) add(from(recipe));
    }
    if (scenario_.hosts < 5 || rng_.chance(1, 2) || early()) return;
    add(from(losses[rng_.below(std::size(losses))]));
    lost_ = true;
  }

  void clients() {
    const std::uint64_t keys = 1 + rng_.below(20);
    const Duration pause = within(milliseconds(50), seconds(2));
    for (Duration at = seconds(3); at < trouble_until_; at += within(Duration(0), pause * 2)) {
      auto host = static_cast<HostIndex>(rng_.below(scenario_.hosts));
      auto key = static_cast<std::int64_t>(rng_.below(keys));
      const std::uint64_t what = rng_.below(20);
      const Act act = what < 9 ? Act::put : what < 19 ? Act::get : Act::erase;
      const bool large = act == Act::put && rng_.chance(1, 10);
      const auto size = static_cast<std::uint32_t>(large ? rng_.below(65'536) : 0);
      Duration ttl{};
      if (act == Act::put && rng_.chance(1, 10)) ttl = within(seconds(1), seconds(60));
      if (rng_.chance(1, 10)) {  // of three who own something
        const auto owner =
            static_cast<HostIndex>(rng_.below(std::min<HostIndex>(3, scenario_.hosts)));
        key = owned_keys + owner;
        if (act != Act::get) host = owner;
      }
      add({at, act, {host}, ttl, key, size});
    }
  }

  // The core is what is left when few are gone for good; one where a disk was lost besides.
  void heal() {
    const std::uint64_t fewest = std::min<HostIndex>(scenario_.hosts, 8);
    const std::uint64_t can_go = lost_ || fewest < 5 ? 0 : 1;
    add({trouble_until_, Act::heal, some(rng_.below(can_go + 1)), {}, 0, 0});
  }

  // A machine that comes back from an old image often has its clock as well.
  void restored_clock() {
    for (std::size_t i = 0; i < scenario_.events.size(); ++i) {
      const Event& event = scenario_.events[i];
      const bool lost = event.act == Act::wipe || event.act == Act::rollback;
      if (!lost || rng_.chance(1, 2)) continue;
      const auto back = static_cast<std::int64_t>(rng_.below(3'600'000));
      add({event.at, Act::step_clock, std::vector<HostIndex>(event.hosts), {}, -back, 0});
    }
  }

  // As somebody does who brings a new version: one after another, all of them.
  void rolling_restart() {
    const Duration step = within(seconds(1), seconds(10));
    Duration at = within(trouble_from_, trouble_until_ / 2);
    for (const HostIndex host : some(scenario_.hosts)) {
      const Duration away = within(seconds(1), seconds(8));
      if (at + away < trouble_until_) add({at, Act::leave, {host}, away, 0, 0});
      at += step;
    }
  }

  // A release of tomorrow: few run it for a while, or it is brought to all, one after another, and
  // stays, or is taken back in the same order.
  void releases() {
    if (!rng_.chance(1, 3)) return;
    if (rng_.chance(1, 2)) {
      const std::uint64_t times = 1 + rng_.below(4);
      for (std::uint64_t i = 0; i < times; ++i)
        add(from({Act::newer, seconds(1), seconds(60), 0, 0, Whom::few}));
      return;
    }
    const Duration step = within(milliseconds(200), seconds(10));
    const Duration span = rng_.chance(1, 2) ? within(seconds(1), trouble_until_ / 2) : Duration{};
    Duration at = within(trouble_from_, trouble_until_ / 2);
    for (const HostIndex host : some(scenario_.hosts)) {
      if (at < trouble_until_) add({at, Act::newer, {host}, span, 0, 0});
      at += step;
    }
  }

  // From the start, on some hosts, or on all; each by itself.
  void rarities() {
    if (rng_.chance(1, 2)) return;
    for (std::size_t i = 0; i < rare_count; ++i) {
      if (!rng_.chance(1, 3)) continue;
      auto hosts = rng_.chance(1, 3) ? std::vector<HostIndex>{} : whom(Whom::side);
      const Event event{{}, Act::rare, std::move(hosts), {}, bit_of(static_cast<Rare>(i)), 0};
      scenario_.events.insert(scenario_.events.begin(), event);  // before they start
    }
  }

  // One, of five at least: where one of four is gone, two accusers bury, and it may be one of them.
  // Nowhere beside a lost disk: of a base of five those are two, and a quorum is three.
  void liar() {
    if (scenario_.hosts < 5 || lost_ || !rng_.chance(1, 3)) return;
    const Duration begins = within(trouble_from_, trouble_until_ - seconds(1));
    const auto told = static_cast<std::int64_t>(1 + rng_.below((1u << lie_count) - 1));
    add({begins, Act::lie, some(1), within(seconds(1), trouble_until_ - begins), told, 0});
  }

  // A breaker falls, and somebody looks for it by trial: many are killed at once, a few times.
  void restart_storm() {
    Duration at = sometime();
    for (std::uint64_t times = 1 + rng_.below(3); times > 0 && at < trouble_until_; --times) {
      for (const HostIndex host : some(1 + rng_.below(scenario_.hosts))) {
        const Duration when = at + within(Duration(0), seconds(1));
        const Duration away = within(milliseconds(200), seconds(10));
        add({std::min(when, trouble_until_), Act::kill, {host}, away, 0, 0});
      }
      at += within(seconds(2), seconds(15));
    }
  }

  // Up to half of them say goodbye at once.
  void mass_leave() {
    const Duration at = sometime();
    for (const HostIndex host : some(1 + rng_.below(std::max<HostIndex>(1, scenario_.hosts / 2)))) {
      const Duration away = within(seconds(5), seconds(40));
      add({at, Act::leave, {host}, away, 0, 0});
    }
  }

  // One says goodbye while everybody writes, itself too, and another is killed right after.
  void busy_leave() {
    const Duration at = sometime();
    const std::vector<HostIndex> two = some(2);
    const std::size_t first = rng_.below(two.size());
    add({at, Act::leave, {two[first]}, within(seconds(10), seconds(40)), 0, 0});
    for (std::uint64_t count = 20 + rng_.below(180); count > 0; --count) {
      const auto host =
          rng_.chance(1, 4) ? two[first] : static_cast<HostIndex>(rng_.below(scenario_.hosts));
      const auto key = static_cast<std::int64_t>(rng_.below(20));
      const Duration when = at + within(-seconds(1), seconds(4));
      add({std::min(when, trouble_until_), Act::put, {host}, {}, key, 0});
    }
    const Duration killed = at + within(Duration(0), seconds(8));
    if (two.size() < 2 || killed >= trouble_until_) return;
    add({killed, Act::kill, {two[1 - first]}, within(seconds(1), seconds(20)), 0, 0});
  }

  // A cable with a loose contact.
  void flapping() {
    const std::vector<HostIndex> side = whom(rng_.chance(1, 2) ? Whom::one : Whom::side);
    Duration at = sometime();
    for (std::uint64_t times = 5 + rng_.below(16); times > 0 && at < trouble_until_; --times) {
      const Duration span = within(milliseconds(100), seconds(3));
      add({at, Act::cut, side, span, 0, 0});
      at += span + within(milliseconds(100), seconds(3));
    }
  }

  // Everybody wants something within a second, half of them of one key.
  void burst() {
    const Duration at = sometime();
    for (std::uint64_t count = 50 + rng_.below(350); count > 0; --count) {
      const auto host = static_cast<HostIndex>(rng_.below(scenario_.hosts));
      const Act act = rng_.chance(1, 2) ? Act::put : Act::get;
      const auto key = static_cast<std::int64_t>(rng_.chance(1, 2) ? 0 : rng_.below(20));
      const Duration when = at + within(Duration(0), seconds(1));
      add({std::min(when, trouble_until_), act, {host}, {}, key, 0});
    }
  }

  // Some may meet nobody for a while, found a network of their own, and hold its only copies.
  bool early() const { return trouble_from_ < usual_trouble; }

  Duration sometime() { return within(trouble_from_, trouble_until_ - seconds(1)); }

  static constexpr Duration usual_trouble = seconds(15), formed_after = seconds(20),
                            joined_after = seconds(12), settled_after = seconds(5);

  Rng rng_;
  PlanLimits limits_;
  Scenario scenario_;
  Duration trouble_from_ = usual_trouble, trouble_until_{};
  std::optional<Duration> calm_;  // since when many join
  bool lost_ = false;
};

}  // namespace

Scenario plan(std::uint64_t seed, const PlanLimits& limits) { return Planner(seed, limits).make(); }

}  // namespace kith::sim
