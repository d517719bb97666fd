#include "play.hpp"

#include <cstdio>
#include <ctime>

#include "figures.hpp"

namespace kith::tool {
namespace {

double seconds_of(Duration d) { return static_cast<double>(d.count()) / 1e6; }
unsigned long long number(std::uint64_t n) { return n; }

void report(const sim::Scenario& scenario, const sim::Outcome& outcome, double cpu) {
  const sim::Tally& t = outcome.tally;
  std::printf("%u hosts, %.0f s, %zu events planned\n", scenario.hosts, seconds_of(scenario.length),
              scenario.events.size());
  std::printf("%llu events, %llu datagrams, %llu bytes, %llu of streams; %.2f s of CPU\n",
              number(t.events), number(t.datagrams), number(t.bytes), number(t.stream_bytes), cpu);
  std::printf(
      "puts %llu, applied %llu; gets %llu, complete %llu; deaths told %llu; healed in %.1f s\n",
      number(t.puts), number(t.applied), number(t.gets), number(t.complete), number(t.deaths),
      seconds_of(outcome.healed_after));
  for (const sim::Finding& finding : outcome.findings)
    std::printf("FOUND at %.6f s: %s\n  %s\n", seconds_of(finding.at), finding.invariant.c_str(),
                finding.what.c_str());
  if (outcome.findings.empty()) std::printf("all %zu sentences hold\n", outcome.sentences);
  std::printf("trace %016llx\n", number(outcome.trace));
}

}  // namespace

int play(const sim::Scenario& scenario, const Play& how) {
  sim::RunOptions options;
  options.stop_at_first = !how.all;
  options.measure = how.measure;
  if (how.story) options.story = [](std::string line) { std::puts(line.c_str()); };
  const std::clock_t begun = std::clock();
  const sim::Outcome outcome = sim::run(scenario, options);
  const double cpu = static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC;
  if (how.measure)
    std::puts(figures_json(outcome).c_str());
  else if (how.json)
    std::puts(outcome_json(how.name, scenario, outcome).c_str());
  else
    report(scenario, outcome, cpu);
  return outcome.findings.empty() ? 0 : exit_found;
}

}  // namespace kith::tool
