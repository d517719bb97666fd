#include "commands.hpp"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>

#include "figures.hpp"
#include "kith/sim/shrink.hpp"
#include "sweep.hpp"

namespace kith::tool {
namespace {

constexpr int exit_found = 1, exit_usage = 2;

double seconds_of(Duration d) { return static_cast<double>(d.count()) / 1e6; }

int report(const sim::Scenario& scenario, const sim::Outcome& outcome, double cpu) {
  const sim::Tally& t = outcome.tally;
  std::printf("%u hosts, %.0f s, %zu events planned; trace %016llx\n", scenario.hosts,
              seconds_of(scenario.length), scenario.events.size(),
              static_cast<unsigned long long>(outcome.trace));
  std::printf("%llu events, %llu datagrams, %llu bytes, %llu of streams; %.2f s of CPU\n",
              static_cast<unsigned long long>(t.events),
              static_cast<unsigned long long>(t.datagrams),
              static_cast<unsigned long long>(t.bytes),
              static_cast<unsigned long long>(t.stream_bytes), cpu);
  std::printf(
      "puts %llu, applied %llu; gets %llu, complete %llu; deaths told %llu; healed in %.1f s\n",
      static_cast<unsigned long long>(t.puts), static_cast<unsigned long long>(t.applied),
      static_cast<unsigned long long>(t.gets), static_cast<unsigned long long>(t.complete),
      static_cast<unsigned long long>(t.deaths), seconds_of(outcome.healed_after));
  for (const sim::Finding& finding : outcome.findings)
    std::printf("FOUND at %.6f s: %s\n  %s\n", seconds_of(finding.at), finding.invariant.c_str(),
                finding.what.c_str());
  return outcome.findings.empty() ? 0 : exit_found;
}

struct Play {
  bool story = false, all = false, measure = false;
};

int play(const sim::Scenario& scenario, const Play& how) {
  sim::RunOptions options;
  options.stop_at_first = !how.all;
  options.measure = how.measure;
  if (how.story) options.story = [](std::string line) { std::puts(line.c_str()); };
  const std::clock_t begun = std::clock();
  const sim::Outcome outcome = sim::run(scenario, options);
  const double cpu = static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC;
  if (how.measure) {
    std::puts(figures_json(outcome).c_str());
    return outcome.findings.empty() ? 0 : exit_found;
  }
  return report(scenario, outcome, cpu);
}

std::optional<sim::Scenario> read_scenario(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) {
    std::cerr << "kith-sim: " << path << ": cannot be read\n";
    return std::nullopt;
  }
  auto scenario = sim::parse_scenario(text.str());
  if (!scenario) {
    std::cerr << "kith-sim: " << path << ": " << scenario.error() << "\n";
    return std::nullopt;
  }
  return *std::move(scenario);
}

int shrink(const sim::Scenario& scenario, std::size_t budget, const std::string& out) {
  const sim::Outcome outcome = sim::run(scenario);
  if (outcome.findings.empty()) {
    std::cerr << "kith-sim: nothing fails in this scenario\n";
    return exit_usage;
  }
  const sim::Shrunk shrunk =
      sim::shrink(scenario, outcome.findings.front(), budget, [](const sim::Scenario& smaller) {
        std::fprintf(stderr, "%zu events, %u hosts, %.1f s\n", smaller.events.size(), smaller.hosts,
                     seconds_of(smaller.length));
      });
  const std::string text = to_string(shrunk.scenario);
  std::ofstream file(out, std::ios::binary);
  file << text;
  if (!file.flush()) {
    std::cerr << "kith-sim: " << out << ": cannot be written\n";
    return exit_usage;
  }
  std::printf("%zu runs; %s: %s\n%s", shrunk.runs, shrunk.finding.invariant.c_str(),
              shrunk.finding.what.c_str(), text.c_str());
  return 0;
}

// Of a sweep, or of its results.
int ended(const Result<std::size_t, std::string>& failed) {
  if (failed) return *failed == 0 ? 0 : exit_found;
  std::cerr << "kith-sim: " << failed.error() << "\n";
  return exit_usage;
}

void add_limits(CLI::App& verb, sim::PlanLimits& limits, int& length) {
  const CLI::Range hosts(sim::plan_hosts_min, sim::plan_hosts_max);
  const CLI::Range lengths(static_cast<int>(sim::plan_length_min / seconds(1)),
                           static_cast<int>(sim::plan_length_max / seconds(1)));
  verb.add_option("--hosts-min", limits.hosts_min, "smallest network")
      ->capture_default_str()
      ->check(hosts);
  verb.add_option("--hosts-max", limits.hosts_max, "largest network")
      ->capture_default_str()
      ->check(hosts);
  verb.add_option("--length", length, "virtual seconds a seed")
      ->capture_default_str()
      ->check(lengths);
}

}  // namespace

int simulate(int argc, char** argv) {
  CLI::App app{"kith-sim: a thousand worlds of kith, each from one seed"};
  app.require_subcommand(1);
  Sweep sweep;
  std::uint64_t seed = 1;
  std::size_t budget = 2000;
  std::string path, out = "shrunk.scenario";
  std::vector<std::string> results;
  Play how;
  int length = 180;

  const auto limits = [&](CLI::App* verb) { add_limits(*verb, sweep.limits, length); };
  auto* sweep_verb = app.add_subcommand("sweep", "run many seeds; exit 1 when one fails");
  sweep_verb->add_option("--first", sweep.first, "first seed")->capture_default_str();
  sweep_verb->add_option("--count", sweep.count, "how many")->capture_default_str();
  sweep_verb->add_option("--seconds", sweep.seconds, "begin no seed after so long; 0: no limit")
      ->capture_default_str();
  sweep_verb->add_flag("--stop", sweep.stop, "stop at the first seed that fails");
  sweep_verb->add_option("--results", sweep.results,
                         "file that keeps the totals; a sweep goes on where it ended");
  limits(sweep_verb);
  auto* results_verb = app.add_subcommand("results", "one table of files that sweeps have kept");
  results_verb->add_option("files", results)->required();
  auto* seed_verb = app.add_subcommand("seed", "run one seed");
  seed_verb->add_option("seed", seed)->required();
  seed_verb->add_flag("--story", how.story, "tell what happens, a line each");
  seed_verb->add_flag("--all", how.all, "do not stop at the first finding");
  limits(seed_verb);
  auto* plan_verb = app.add_subcommand("plan", "print the scenario of a seed");
  plan_verb->add_option("seed", seed)->required();
  limits(plan_verb);
  auto* scene_verb = app.add_subcommand("scene", "run a scenario file");
  scene_verb->add_option("file", path)->required();
  scene_verb->add_flag("--story", how.story, "tell what happens, a line each");
  scene_verb->add_flag("--all", how.all, "do not stop at the first finding");
  auto* salt = scene_verb->add_option("--salt", seed, "in place of the file's");
  scene_verb->add_flag("--measure", how.measure, "print how long things took, as JSON");
  auto* shrink_verb = app.add_subcommand("shrink", "the smallest scenario that still fails");
  auto* of_seed = shrink_verb->add_option("--seed", seed, "of this seed");
  shrink_verb->add_option("--file", path, "of this scenario file")->excludes(of_seed);
  shrink_verb->add_option("--out", out, "where to write it")->capture_default_str();
  shrink_verb->add_option("--budget", budget, "runs at most")->capture_default_str();
  limits(shrink_verb);
  CLI11_PARSE(app, argc, argv);

  sweep.limits.length = seconds(length);
  if (sweep.limits.hosts_min > sweep.limits.hosts_max) {
    std::cerr << "kith-sim: --hosts-min is larger than --hosts-max\n";
    return exit_usage;
  }
  if (*sweep_verb) return ended(tool::sweep(sweep));
  if (*results_verb) return ended(print_results(results));
  if (*seed_verb) return play(sim::plan(seed, sweep.limits), how);
  if (*plan_verb) {
    std::fputs(to_string(sim::plan(seed, sweep.limits)).c_str(), stdout);
    return 0;
  }
  auto scenario = path.empty() ? sim::plan(seed, sweep.limits) : read_scenario(path);
  if (!scenario) return exit_usage;
  if (*salt) scenario->salt = seed;
  if (*scene_verb) return play(*scenario, how);
  return shrink(*scenario, budget, out);
}

}  // namespace kith::tool
