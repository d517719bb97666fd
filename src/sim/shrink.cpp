#include "kith/sim/shrink.hpp"

#include <algorithm>

namespace kith::sim {
namespace {

class Shrinker {
 public:
  Shrinker(const Scenario& scenario, const Finding& finding, std::size_t budget,
           const std::function<void(const Scenario&)>& progress)
      : best_{scenario, finding, 0}, budget_(budget), progress_(progress) {}

  Shrunk work() {
    cut_the_end();
    // What is left may hang on chance: where nothing more can go, it often can with other packets
    // lost.
    for (const std::size_t salts : {1, 8}) {
      salts_ = salts;
      for (std::size_t before = 0; before != best_.scenario.events.size() && left();) {
        before = best_.scenario.events.size();
        start_together();
        drop_kinds();
        drop_events();
        drop_hosts();
      }
    }
    salts_ = 1;
    shorten();
    return best_;
  }

 private:
  bool left() const { return best_.runs < budget_; }

  bool try_instead(Scenario candidate) {
    if (candidate == best_.scenario) return false;
    for (std::size_t salt = 0; salt < salts_ && left(); ++salt, ++candidate.salt) {
      ++best_.runs;
      const Outcome outcome = run(candidate);
      if (outcome.findings.empty() || outcome.findings.front().invariant != best_.finding.invariant)
        continue;
      best_.scenario = std::move(candidate);
      best_.finding = outcome.findings.front();
      if (progress_) progress_(best_.scenario);
      return true;
    }
    return false;
  }

  // Nothing after the finding can have caused it.
  void cut_the_end() {
    Scenario candidate = best_.scenario;
    const Duration end = best_.finding.at;
    std::erase_if(candidate.events, [&](const Event& event) { return event.at > end; });
    candidate.length = std::min(candidate.length, end + seconds(1));
    try_instead(std::move(candidate));
  }

  // One event instead of one a host; else as many as can begin with the first.
  void start_together() {
    Scenario candidate = best_.scenario;
    std::erase_if(candidate.events, [](const Event& event) { return event.act == Act::start; });
    candidate.events.insert(candidate.events.begin(), Event{});
    if (try_instead(std::move(candidate))) return;
    for (std::size_t i = 1; i < best_.scenario.events.size() && left();) {
      candidate = best_.scenario;
      Event& first = candidate.events.front();
      const Event event = candidate.events[i];
      const bool joins = event.act == Act::start && first.act == Act::start &&
                         !first.hosts.empty() && !event.hosts.empty();
      candidate.events.erase(candidate.events.begin() + static_cast<std::ptrdiff_t>(i));
      first.hosts.insert(first.hosts.end(), event.hosts.begin(), event.hosts.end());
      std::sort(first.hosts.begin(), first.hosts.end());
      if (!joins || !try_instead(std::move(candidate))) ++i;
    }
  }

  void drop_kinds() {
    for (std::size_t kind = static_cast<std::size_t>(Act::start) + 1; kind < act_count; ++kind) {
      Scenario candidate = best_.scenario;
      std::erase_if(candidate.events, [&](const Event& event) {
        return static_cast<std::size_t>(event.act) == kind;
      });
      try_instead(std::move(candidate));
    }
  }

  // Half of them, a quarter, ... one by one: from the end, where the least depends on it. Who is
  // started stays: a host that never ran is another story.
  void drop_events() {
    for (std::size_t size = best_.scenario.events.size() / 2; size > 0; size /= 2) {
      for (std::size_t end = best_.scenario.events.size(); end > 0 && left();) {
        end = std::min(end, best_.scenario.events.size());
        const std::size_t begin = end > size ? end - size : 0;
        Scenario candidate = best_.scenario;
        std::vector<Event>& events = candidate.events;
        const auto from = events.begin() + static_cast<std::ptrdiff_t>(begin);
        const auto to = events.begin() + static_cast<std::ptrdiff_t>(end);
        events.erase(
            std::remove_if(from, to, [](const Event& event) { return event.act != Act::start; }),
            to);
        try_instead(std::move(candidate));
        end = begin;
      }
    }
  }

  // Hosts that do nothing: the highest first, so that the others keep their names.
  void drop_hosts() {
    while (best_.scenario.hosts > 1 && left()) {
      Scenario candidate = best_.scenario;
      const HostIndex last = --candidate.hosts;
      for (Event& event : candidate.events) {
        const bool everybody = event.hosts.empty();
        std::erase(event.hosts, last);
        if (event.amount == owned_keys + last) event.hosts.clear();  // nobody's now
        if (event.hosts.empty() && !everybody) event.at = candidate.length + seconds(1);
      }
      std::erase_if(candidate.events,
                    [&](const Event& event) { return event.at > candidate.length; });
      if (!try_instead(std::move(candidate))) return;
    }
  }

  void shorten() {
    for (std::size_t i = 0; i < best_.scenario.events.size(); ++i) {
      for (int halvings = 0; halvings < 4; ++halvings) {
        Scenario candidate = best_.scenario;
        Event& event = candidate.events[i];
        if (event.span < milliseconds(10)) break;
        event.span = milliseconds(to_millis(event.span) / 2);
        if (!try_instead(std::move(candidate))) break;
      }
    }
  }

  Shrunk best_;
  std::size_t budget_, salts_ = 1;
  const std::function<void(const Scenario&)>& progress_;
};

}  // namespace

Shrunk shrink(const Scenario& scenario, const Finding& finding, std::size_t budget,
              const std::function<void(const Scenario&)>& progress) {
  return Shrinker(scenario, finding, budget, progress).work();
}

}  // namespace kith::sim
