#include "commands.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>

#include "kith/sim/named.hpp"
#include "kith/sim/shrink.hpp"
#include "play.hpp"
#include "sweep.hpp"

namespace kith::tool {
namespace {

constexpr int minutes_max = static_cast<int>(sim::plan_length_max / minutes(1));
constexpr double minutes_min = static_cast<double>(sim::plan_length_min / seconds(1)) / 60;

// What the words of a command line said.
struct Said {
  Sweep sweep;
  int length = 180;  // s, of a planned seed
  std::uint64_t seed = 1;
  sim::HostIndex nodes = 8;
  double minutes = 3;
  std::size_t budget = 2000;  // runs of a shrink
  std::string seeds = "1..100", scenario = "faults", path, out = "shrunk.scenario";
  std::vector<std::string> results;
  Play play;
};

int wrong(const std::string& what) {
  std::cerr << "kith-sim: " << what << "\n";
  return exit_usage;
}

Result<sim::Scenario, std::string> read_scenario(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return fail(path + ": cannot be read");
  auto scenario = sim::parse_scenario(text.str());
  if (!scenario) return fail(path + ": " + scenario.error());
  return scenario;
}

// "A..B", both included, or "A.." for all from there.
bool parse_seeds(const std::string& text, Sweep& sweep) {
  const std::size_t dots = text.find("..");
  if (dots == std::string::npos) return false;
  const auto number = [](std::string_view digits) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    return value;
  };
  const std::string_view last = std::string_view(text).substr(dots + 2);
  const auto from = number(std::string_view(text).substr(0, dots));
  const auto to = last.empty() ? std::optional(UINT64_MAX - 1) : number(last);
  if (!from || !to || *to < *from || *to == UINT64_MAX) return false;
  sweep.first = *from;
  sweep.count = *to - *from + 1;
  return true;
}

// --- the verbs ----------------------------------------------------------------------------------

int run(const CLI::App& verb, Said& said) {
  const auto named = sim::named_scenarios();
  const auto found = std::find_if(named.begin(), named.end(), [&](const sim::NamedScenario& one) {
    return one.name == said.scenario;
  });
  said.play.name = said.scenario;
  if (found != named.end()) {
    const Duration length(static_cast<std::int64_t>(said.minutes * 60e6));
    return play(found->make(said.nodes, length, said.seed), said.play);
  }
  auto scenario = read_scenario(said.scenario);
  if (!scenario) return wrong(scenario.error() + "; kith-sim list shows what has a name");
  if (verb.count("--nodes") + verb.count("--minutes") > 0)
    return wrong("--nodes and --minutes are for scenarios with a name; a file has its own");
  if (verb.count("--seed") > 0) scenario->salt = said.seed;
  return play(*scenario, said.play);
}

int list() {
  for (const sim::NamedScenario& one : sim::named_scenarios())
    std::printf("%-10s %s\n", std::string(one.name).c_str(), std::string(one.what).c_str());
  return 0;
}

int sweep(Said& said) {
  if (!parse_seeds(said.seeds, said.sweep))
    return wrong("--seeds " + said.seeds + ": it takes A..B, or A.. without an end");
  const auto failed = tool::sweep(said.sweep);
  return failed ? (*failed == 0 ? 0 : exit_found) : wrong(failed.error());
}

int results(const Said& said) {
  const auto failed = print_results(said.results);
  return failed ? (*failed == 0 ? 0 : exit_found) : wrong(failed.error());
}

int scene(const CLI::App& verb, Said& said) {
  auto scenario = read_scenario(said.path);
  if (!scenario) return wrong(scenario.error());
  if (verb.count("--salt") > 0) scenario->salt = said.seed;
  said.play.name = said.path;
  return play(*scenario, said.play);
}

int shrink(const Said& said) {
  const auto scenario =
      said.path.empty() ? sim::plan(said.seed, said.sweep.limits) : read_scenario(said.path);
  if (!scenario) return wrong(scenario.error());
  const sim::Outcome outcome = sim::run(*scenario);
  if (outcome.findings.empty()) return wrong("nothing fails in this scenario");
  const sim::Shrunk shrunk = sim::shrink(
      *scenario, outcome.findings.front(), said.budget, [](const sim::Scenario& smaller) {
        std::fprintf(stderr, "%zu events, %u hosts, %.1f s\n", smaller.events.size(), smaller.hosts,
                     static_cast<double>(smaller.length.count()) / 1e6);
      });
  const std::string text = to_string(shrunk.scenario);
  std::ofstream file(said.out, std::ios::binary);
  file << text;
  if (!file.flush()) return wrong(said.out + ": cannot be written");
  std::printf("%zu runs; %s: %s\n%s", shrunk.runs, shrunk.finding.invariant.c_str(),
              shrunk.finding.what.c_str(), text.c_str());
  return 0;
}

// --- their options ------------------------------------------------------------------------------

void add_limits(CLI::App& verb, Said& said) {
  const CLI::Range hosts(sim::plan_hosts_min, sim::plan_hosts_max);
  const CLI::Range lengths(static_cast<int>(sim::plan_length_min / seconds(1)),
                           static_cast<int>(sim::plan_length_max / seconds(1)));
  sim::PlanLimits& limits = said.sweep.limits;
  verb.add_option("--hosts-min", limits.hosts_min, "smallest network")
      ->capture_default_str()
      ->check(hosts);
  verb.add_option("--hosts-max", limits.hosts_max, "largest network")
      ->capture_default_str()
      ->check(hosts);
  verb.add_option("--length", said.length, "virtual seconds a seed")
      ->capture_default_str()
      ->check(lengths);
}

void add_telling(CLI::App& verb, Play& play) {
  verb.add_flag("--story", play.story, "tell what happens, a line each");
  verb.add_flag("--all", play.all, "do not stop at the first finding");
  verb.add_flag("--json", play.json, "print one object");
}

CLI::App* add_run(CLI::App& app, Said& said) {
  CLI::App* verb = app.add_subcommand("run", "play one scenario, by name or from a file");
  verb->add_option("--nodes", said.nodes, "so many hosts")
      ->capture_default_str()
      ->check(CLI::Range(sim::plan_hosts_min, sim::plan_hosts_max));
  verb->add_option("--minutes", said.minutes, "virtual time")
      ->capture_default_str()
      ->check(CLI::Range(minutes_min, static_cast<double>(minutes_max)));
  verb->add_option("--seed", said.seed, "of all chance")->capture_default_str();
  verb->add_option("--scenario", said.scenario, "a name (kith-sim list) or a file")
      ->capture_default_str();
  add_telling(*verb, said.play);
  return verb;
}

CLI::App* add_sweep(CLI::App& app, Said& said) {
  CLI::App* verb = app.add_subcommand("sweep", "run many seeds; exit 1 when one fails");
  verb->add_option("--seeds", said.seeds, "A..B, or A.. for all from there")->capture_default_str();
  verb->add_option("--seconds", said.sweep.seconds, "begin no seed after so long; 0: no limit")
      ->capture_default_str();
  verb->add_flag("--stop", said.sweep.stop, "stop at the first seed that fails");
  verb->add_option("--results", said.sweep.results,
                   "file that keeps the totals; a sweep goes on where it ended");
  add_limits(*verb, said);
  return verb;
}

CLI::App* add_scene(CLI::App& app, Said& said) {
  CLI::App* verb = app.add_subcommand("scene", "run a scenario file");
  verb->add_option("file", said.path)->required();
  verb->add_option("--salt", said.seed, "in place of the file's");
  verb->add_flag("--measure", said.play.measure, "print how long things took, as JSON");
  add_telling(*verb, said.play);
  return verb;
}

CLI::App* add_shrink(CLI::App& app, Said& said) {
  CLI::App* verb = app.add_subcommand("shrink", "the smallest scenario that still fails");
  CLI::Option* of_seed = verb->add_option("--seed", said.seed, "of this seed");
  verb->add_option("--file", said.path, "of this scenario file")->excludes(of_seed);
  verb->add_option("--out", said.out, "where to write it")->capture_default_str();
  verb->add_option("--budget", said.budget, "runs at most")->capture_default_str();
  add_limits(*verb, said);
  return verb;
}

}  // namespace

int simulate(int argc, char** argv) {
  CLI::App app{"kith-sim: a thousand worlds of kith, each from one seed"};
  app.require_subcommand(1);
  Said said;
  CLI::App* run_verb = add_run(app, said);
  CLI::App* list_verb = app.add_subcommand("list", "the scenarios that have a name");
  CLI::App* sweep_verb = add_sweep(app, said);
  CLI::App* results_verb =
      app.add_subcommand("results", "one table of files that sweeps have kept");
  results_verb->add_option("files", said.results)->required();
  CLI::App* seed_verb = app.add_subcommand("seed", "run one seed of a sweep");
  seed_verb->add_option("seed", said.seed)->required();
  add_telling(*seed_verb, said.play);
  add_limits(*seed_verb, said);
  CLI::App* plan_verb = app.add_subcommand("plan", "print the scenario of a seed");
  plan_verb->add_option("seed", said.seed)->required();
  add_limits(*plan_verb, said);
  CLI::App* scene_verb = add_scene(app, said);
  add_shrink(app, said);
  CLI11_PARSE(app, argc, argv);

  sim::PlanLimits& limits = said.sweep.limits;
  limits.length = seconds(said.length);
  if (limits.hosts_min > limits.hosts_max) return wrong("--hosts-min is larger than --hosts-max");
  if (*run_verb) return run(*run_verb, said);
  if (*list_verb) return list();
  if (*sweep_verb) return sweep(said);
  if (*results_verb) return results(said);
  if (*scene_verb) return scene(*scene_verb, said);
  if (*seed_verb) {
    said.play.name = "seed " + std::to_string(said.seed);
    return play(sim::plan(said.seed, limits), said.play);
  }
  if (!*plan_verb) return shrink(said);
  std::fputs(to_string(sim::plan(said.seed, limits)).c_str(), stdout);
  return 0;
}

}  // namespace kith::tool
