// run: plays a scenario with the very node composition that the daemon uses, under one virtual
// clock, with every checker watching. The same scenario gives the same trace under every compiler.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kith/sim/scenario.hpp"

namespace kith::sim {

// A sentence that did not hold.
struct Finding {
  std::string invariant;  // the checker's name
  Duration at{};
  std::string what;
};

struct Tally {
  std::uint64_t events = 0, steps = 0, datagrams = 0, bytes = 0, stream_bytes = 0;
  std::uint64_t puts = 0, applied = 0, gets = 0, complete = 0, found = 0;
  std::uint64_t deaths = 0;                      // dead verdicts told anywhere
  std::uint64_t commits = 0;                     // of all disks
  std::array<std::uint64_t, act_count> fired{};  // how often a fault befell something
  std::array<std::uint64_t, lie_count> lies{};   // how often each was told
  std::array<std::uint64_t, rare_count> rare{};  // how often such a thing happened
};

// How long things took, for a comparison with real daemons.
struct Figures {
  struct Death {
    Duration at{};
    HostIndex host = 0;
    std::map<HostIndex, Duration> told;  // by whom, so long after the kill
  };
  struct Healing {
    Duration at{};                  // when a cut ended
    std::optional<Duration> whole;  // so long after it everybody saw everybody alive
  };
  std::vector<Death> deaths;
  std::vector<Healing> healings;
  std::vector<Duration> puts;                            // those that were applied
  std::uint64_t rounds = 0, commits = 0, datagrams = 0;  // of them; from the first put to the end
};

struct Outcome {
  std::uint64_t trace = 0;  // hash over every delivery, answer and report, with its time
  std::vector<Finding> findings;
  std::size_t sentences = 0;  // that were checked
  Tally tally;
  Duration healed_after{};  // from `heal` until every checker of the second phase was content
  Figures figures;          // when asked for
};

struct RunOptions {
  bool stop_at_first = true;
  bool measure = false;
  std::function<void(std::string)> story;  // one line a thing that happens; empty: silent
};

Outcome run(const Scenario& scenario, const RunOptions& options = {});

}  // namespace kith::sim
