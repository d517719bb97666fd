#include "sweep.hpp"

#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

namespace kith::tool {
namespace {

bool same(const sim::PlanLimits& a, const sim::PlanLimits& b) {
  return std::tie(a.hosts_min, a.hosts_max, a.length) ==
         std::tie(b.hosts_min, b.hosts_max, b.length);
}

Result<Totals, std::string> load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return fail(path + ": cannot be read");
  auto totals = parse_totals(text.str());
  if (!totals) return fail(path + ": " + totals.error());
  return totals;
}

// All or nothing: a sweep may be ended at any time.
bool save(const std::string& path, const Totals& totals) {
  const std::string fresh = path + ".new";
  std::ofstream file(fresh, std::ios::binary);
  file << totals.json();
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(fresh, path, error);
  return file && !error;
}

Result<Totals, std::string> beginning(const Sweep& options) {
  Totals totals;
  totals.limits = options.limits;
  totals.first = options.first;
  if (options.results.empty() || !std::filesystem::exists(options.results)) return totals;
  auto kept = load(options.results);
  if (kept && (!same(kept->limits, options.limits) || kept->first != options.first))
    return fail(options.results + ": it is of another sweep: other seeds, sizes or length");
  return kept;
}

void tell(const sim::Scenario& scenario, std::uint64_t seed, const sim::Finding& finding,
          const sim::PlanLimits& limits) {
  std::printf("seed %llu, %u hosts, at %.3f s: %s\n    %s\n", static_cast<unsigned long long>(seed),
              scenario.hosts, static_cast<double>(finding.at.count()) / 1e6,
              finding.invariant.c_str(), finding.what.c_str());
  std::printf("    again: kith-sim seed %llu --hosts-min %u --hosts-max %u --length %lld --story\n",
              static_cast<unsigned long long>(seed), limits.hosts_min, limits.hosts_max,
              static_cast<long long>(limits.length / seconds(1)));
  std::fflush(stdout);
}

void progress(std::uint64_t count, const Totals& totals) {
  if (!isatty(STDERR_FILENO)) return;
  std::fprintf(stderr, "\r%llu of %llu seeds, %zu failed ",
               static_cast<unsigned long long>(totals.done), static_cast<unsigned long long>(count),
               totals.failed.size());
}

}  // namespace

Result<std::size_t, std::string> sweep(const Sweep& options) {
  auto begun = beginning(options);
  if (!begun) return fail(begun.error());
  Totals& totals = *begun;
  const std::time_t started = std::time(nullptr);
  while (totals.done < options.count) {
    if (options.seconds > 0 && std::time(nullptr) - started >= options.seconds) break;
    const std::uint64_t seed = options.first + totals.done;
    const sim::Scenario scenario = sim::plan(seed, options.limits);
    const sim::Outcome outcome = sim::run(scenario);
    totals.add(scenario, outcome);
    progress(options.count, totals);
    if (!options.results.empty() && !save(options.results, totals))
      return fail(options.results + ": cannot be written");
    if (outcome.findings.empty()) continue;
    tell(scenario, seed, outcome.findings.front(), options.limits);
    if (options.stop) break;
  }
  std::printf("\n");
  totals.print();
  return totals.failed.size();
}

Result<std::size_t, std::string> print_results(const std::vector<std::string>& paths) {
  Totals sum;
  std::map<std::uint64_t, std::uint64_t> ranges;  // end of each, by its first seed
  for (const std::string& path : paths) {
    const auto totals = load(path);
    if (!totals) return fail(totals.error());
    const std::uint64_t end = totals->first + totals->done;
    for (const auto& [from, to] : ranges)
      if (from < end && totals->first < to) return fail(path + ": has seeds counted already");
    ranges.emplace(totals->first, end);
    if (&path == &paths.front()) sum.limits = totals->limits;
    if (!same(sum.limits, totals->limits))
      return fail(path + ": other sizes or length than before");
    sum.add(*totals);
  }
  sum.print();
  for (const std::uint64_t seed : sum.failed)
    std::printf("failed: seed %llu\n", static_cast<unsigned long long>(seed));
  return sum.failed.size();
}

}  // namespace kith::tool
