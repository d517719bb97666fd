// Network: what becomes of a packet. It knows the faults in force and nothing of nodes.
#pragma once

#include <array>
#include <vector>

#include "chance.hpp"
#include "kith/base/buffer.hpp"
#include "kith/sim/run.hpp"

namespace kith::sim {

struct Arrival {
  Instant at;
  Buffer bytes;
};

class Network {
 public:
  Network(const Scenario& scenario, Tally& tally)
      : scenario_(scenario), chance_(scenario.salt), tally_(tally), busy_(scenario.hosts * 2) {
    for (HostIndex i = 0; i < scenario.hosts; ++i) cable_.push_back(i);
  }

  // A twin hangs on its original's cable. On both sides of a cut one member would vote twice, which
  // no majority survives.
  void add_twin(HostIndex original) { cable_.push_back(original); }

  void begin(const Event& event) { active_.push_back(&event); }
  void end(const Event& event);
  void end_all() { active_.clear(); }

  // No, one or several arrivals of a datagram sent now.
  const std::vector<Arrival>& datagram(HostIndex from, HostIndex to, const Buffer& bytes,
                                       Instant now, std::uint64_t nonce);
  // When a stream's bytes sent now arrive; nullopt: not while the link is as it is.
  std::optional<Instant> stream(HostIndex from, HostIndex to, std::size_t bytes, Instant now,
                                std::uint64_t nonce);
  bool passes(HostIndex from, HostIndex to) const;
  Duration latency(HostIndex from, HostIndex to, std::uint64_t nonce) const;

 private:
  struct Weather {                                 // of one link, all faults taken together
    std::array<std::int64_t, act_count> chance{};  // per mille, by fault
    Instant held;                                  // clogged until then
    Duration delay{};
    std::size_t mtu = SIZE_MAX;
    std::int64_t rate = 0;  // bytes a second; 0: no limit
  };
  Weather weather(HostIndex from, HostIndex to) const;
  Instant through(HostIndex from, std::size_t bytes, const Weather& weather, Instant now);
  void count(Act act) { ++tally_.fired[static_cast<std::size_t>(act)]; }

  const Scenario& scenario_;
  Chance chance_;
  Tally& tally_;
  std::vector<const Event*> active_;
  std::vector<HostIndex> cable_;  // whose faults a host has: its own, a twin its original's
  std::vector<Instant> busy_;     // a squeezed host's line, by sender
  std::vector<Arrival> arrivals_;
};

}  // namespace kith::sim
