#include "sweep.hpp"

#include <unistd.h>

#include <cstdio>
#include <ctime>

namespace kith::tool {
namespace {

using sim::Act;
using sim::act_count;

struct Totals {
  sim::Tally tally;
  std::uint64_t host_seconds = 0, failed = 0;
  std::array<std::uint64_t, act_count> seeds{};                            // in which it fired
  std::array<std::array<std::uint64_t, act_count>, act_count> together{};  // in one seed
};

void add(Totals& totals, const sim::Scenario& scenario, const sim::Tally& tally) {
  sim::Tally& sum = totals.tally;
  sum.events += tally.events, sum.steps += tally.steps, sum.datagrams += tally.datagrams;
  sum.puts += tally.puts, sum.applied += tally.applied;
  sum.gets += tally.gets, sum.complete += tally.complete, sum.deaths += tally.deaths;
  totals.host_seconds += scenario.hosts * static_cast<std::uint64_t>(scenario.length / seconds(1));
  for (std::size_t i = 0; i < act_count; ++i) {
    sum.fired[i] += tally.fired[i];
    if (tally.fired[i] == 0) continue;
    ++totals.seeds[i];
    for (std::size_t j = 0; j < i; ++j) totals.together[i][j] += tally.fired[j] > 0;
  }
}

void print_faults(const Totals& totals) {
  std::printf("\n%-12s %12s %8s   seeds in which both fired, by the other's first letters\n",
              "fault", "fired", "seeds");
  for (std::size_t i = 1; i < act_count; ++i) {
    if (totals.seeds[i] == 0) continue;
    std::printf("%-12s %12llu %8llu  ", std::string(to_string(static_cast<Act>(i))).c_str(),
                static_cast<unsigned long long>(totals.tally.fired[i]),
                static_cast<unsigned long long>(totals.seeds[i]));
    for (std::size_t j = 1; j < i; ++j)
      if (totals.seeds[j] > 0)
        std::printf(" %s:%llu", std::string(to_string(static_cast<Act>(j))).substr(0, 4).c_str(),
                    static_cast<unsigned long long>(totals.together[i][j]));
    std::printf("\n");
  }
}

void progress(const Sweep& options, std::uint64_t done, const Totals& totals) {
  if (!isatty(STDERR_FILENO)) return;
  std::fprintf(stderr, "\r%llu of %llu seeds, %llu failed ", static_cast<unsigned long long>(done),
               static_cast<unsigned long long>(options.count),
               static_cast<unsigned long long>(totals.failed));
}

}  // namespace

std::size_t sweep(const Sweep& options) {
  Totals totals;
  const std::time_t begun = std::time(nullptr);
  std::uint64_t done = 0;
  for (std::uint64_t i = 0; i < options.count; ++i, ++done) {
    if (options.seconds > 0 && std::time(nullptr) - begun >= options.seconds) break;
    const std::uint64_t seed = options.first + i;
    const sim::Scenario scenario = sim::plan(seed, options.limits);
    const sim::Outcome outcome = sim::run(scenario);
    add(totals, scenario, outcome.tally);
    progress(options, i + 1, totals);
    if (outcome.findings.empty()) continue;
    ++totals.failed;
    const sim::Finding& finding = outcome.findings.front();
    std::printf("seed %llu, %u hosts, at %.3f s: %s\n    %s\n",
                static_cast<unsigned long long>(seed), scenario.hosts,
                static_cast<double>(finding.at.count()) / 1e6, finding.invariant.c_str(),
                finding.what.c_str());
    std::printf(
        "    again: kith-sim seed %llu --hosts-min %u --hosts-max %u --length %lld --story\n",
        static_cast<unsigned long long>(seed), options.limits.hosts_min, options.limits.hosts_max,
        static_cast<long long>(options.limits.length / seconds(1)));
    std::fflush(stdout);
    if (options.stop) {
      ++done;
      break;
    }
  }
  const sim::Tally& t = totals.tally;
  std::printf("\n%llu seeds, %llu failed; %llu host-seconds, %llu events, %llu datagrams\n",
              static_cast<unsigned long long>(done), static_cast<unsigned long long>(totals.failed),
              static_cast<unsigned long long>(totals.host_seconds),
              static_cast<unsigned long long>(t.events),
              static_cast<unsigned long long>(t.datagrams));
  std::printf("%llu puts, %llu applied; %llu gets, %llu complete; %llu deaths told\n",
              static_cast<unsigned long long>(t.puts), static_cast<unsigned long long>(t.applied),
              static_cast<unsigned long long>(t.gets), static_cast<unsigned long long>(t.complete),
              static_cast<unsigned long long>(t.deaths));
  print_faults(totals);
  return totals.failed;
}

}  // namespace kith::tool
