#include "kith/sim/named.hpp"

#include <algorithm>

#include "kith/base/rng.hpp"

namespace kith::sim {
namespace {

constexpr std::int64_t keys = 20;

// Adds up what a scenario is made of. All hosts start within two seconds; trouble ends after two
// thirds, from when on clients only read.
class Maker {
 public:
  Maker(HostIndex hosts, Duration length, std::uint64_t seed) : rng_(seed) {
    scenario_.salt = seed;
    scenario_.hosts = hosts;
    scenario_.length = length;
  }

  HostIndex hosts() const { return scenario_.hosts; }
  Duration third() const { return scenario_.length / 3; }
  HostIndex anybody() { return static_cast<HostIndex>(rng_.below(hosts())); }

  void start(HostIndex from, HostIndex to, Duration at = {}) {
    for (HostIndex i = from; i < to; ++i)
      add({at + rng_.between(Duration(0), seconds(2)), Act::start, {i}, {}, 0, 0});
  }
  void add(Event event) { scenario_.events.push_back(std::move(event)); }
  // So many puts and gets a second, from when a network has formed until the trouble ends.
  void clients(Duration pause) {
    for (Duration at = seconds(10); at < third() * 2; at += pause) {
      client(at, Act::put);
      client(at + pause / 2, Act::get);
    }
  }
  Scenario done() {
    add({third() * 2, Act::heal, {}, {}, 0, 0});
    std::stable_sort(scenario_.events.begin(), scenario_.events.end(),
                     [](const Event& a, const Event& b) { return a.at < b.at; });
    return std::move(scenario_);
  }

 private:
  void client(Duration at, Act act) {
    const HostIndex host = anybody();
    const auto key = static_cast<std::int64_t>(rng_.below(keys));
    add({at, act, {host}, {}, key, 0});
  }
  Rng rng_;
  Scenario scenario_;
};

constexpr Duration light = milliseconds(500);

// All start, and little is asked.
Maker peaceful(HostIndex hosts, Duration length, std::uint64_t seed) {
  Maker make(hosts, length, seed);
  make.start(0, hosts);
  make.clients(light);
  return make;
}

Scenario faults(HostIndex hosts, Duration length, std::uint64_t seed) {
  return plan(seed, {.hosts_min = hosts, .hosts_max = hosts, .length = length});
}

Scenario quiet(HostIndex hosts, Duration length, std::uint64_t seed) {
  return peaceful(hosts, length, seed).done();
}

Scenario kill(HostIndex hosts, Duration length, std::uint64_t seed) {
  Maker make = peaceful(hosts, length, seed);
  make.add({make.third(), Act::kill, {make.anybody()}, make.third() / 2, 0, 0});
  return make.done();
}

Scenario split(HostIndex hosts, Duration length, std::uint64_t seed) {
  Maker make = peaceful(hosts, length, seed);
  std::vector<HostIndex> side;
  for (HostIndex i = 0; i < hosts / 2; ++i) side.push_back(i);
  if (!side.empty()) make.add({make.third(), Act::cut, side, make.third() / 2, 0, 0});
  return make.done();
}

Scenario restarts(HostIndex hosts, Duration length, std::uint64_t seed) {
  Maker make = peaceful(hosts, length, seed);
  const Duration step = make.third() / std::max<HostIndex>(hosts, 1);
  for (HostIndex i = 0; i < hosts; ++i)
    make.add({make.third() + step * i, Act::leave, {i}, seconds(3), 0, 0});
  return make.done();
}

Scenario join(HostIndex hosts, Duration length, std::uint64_t seed) {
  Maker make(hosts, length, seed);
  const HostIndex few = std::max<HostIndex>(1, hosts / 10);
  make.start(0, few);
  make.start(few, hosts, make.third());
  make.clients(light);
  return make.done();
}

Scenario load(HostIndex hosts, Duration length, std::uint64_t seed) {
  Maker make(hosts, length, seed);
  make.start(0, hosts);
  make.clients(milliseconds(10));
  return make.done();
}

constexpr NamedScenario all[] = {
    {"faults", "all that a seed plans: faults of every kind, and clients meanwhile", faults},
    {"quiet", "all start; two puts and two gets a second, no trouble", quiet},
    {"kill", "one is killed after a third, and comes back", kill},
    {"split", "two halves are cut off from each other for a while", split},
    {"restarts", "all are restarted, one after another", restarts},
    {"join", "a tenth forms a network; the rest joins it at once", join},
    {"load", "a hundred puts and a hundred gets a second", load},
};

}  // namespace

std::span<const NamedScenario> named_scenarios() { return all; }

}  // namespace kith::sim
