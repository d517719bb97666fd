#include "totals.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace kith::tool {
namespace {

using Json = nlohmann::ordered_json;
using sim::Act;
using sim::act_count;
using Counts = std::array<std::uint64_t, act_count>;

constexpr std::string_view schema = "kith-sim/sweep/1";

struct Field {
  const char* name;
  std::uint64_t sim::Tally::* value;
};
constexpr std::array<Field, 9> fields{{{"events", &sim::Tally::events},
                                       {"steps", &sim::Tally::steps},
                                       {"datagrams", &sim::Tally::datagrams},
                                       {"bytes", &sim::Tally::bytes},
                                       {"puts", &sim::Tally::puts},
                                       {"applied", &sim::Tally::applied},
                                       {"gets", &sim::Tally::gets},
                                       {"complete", &sim::Tally::complete},
                                       {"deaths", &sim::Tally::deaths}}};

void sum(Counts& into, const Counts& more) {
  for (std::size_t i = 0; i < act_count; ++i) into[i] += more[i];
}

// By the name of the branch.
Json by_name(const std::array<std::uint64_t, sim::rare_count>& counts) {
  Json out = Json::object();
  for (std::size_t i = 0; i < sim::rare_count; ++i)
    out[std::string(to_string(static_cast<sim::Rare>(i)))] = counts[i];
  return out;
}

std::string name_of(std::size_t act) { return std::string(to_string(static_cast<Act>(act))); }

// Counts by the name of the fault, without those that never fired.
Json by_name(const Counts& counts) {
  Json out = Json::object();
  for (std::size_t i = 0; i < act_count; ++i)
    if (counts[i] > 0) out[name_of(i)] = counts[i];
  return out;
}

Counts counts_in(const Json& json) {
  Counts counts{};
  for (std::size_t i = 0; i < act_count; ++i) counts[i] = json.value(name_of(i), std::uint64_t{0});
  return counts;
}

std::string name_of_lie(std::size_t lie) {
  return std::string(to_string(static_cast<sim::Lie>(lie)));
}

// Throws what nlohmann throws.
Totals totals_in(const Json& json) {
  Totals totals;
  totals.limits.hosts_min = json.at("hosts").at(0).get<sim::HostIndex>();
  totals.limits.hosts_max = json.at("hosts").at(1).get<sim::HostIndex>();
  totals.limits.length = seconds(json.at("length_s").get<std::int64_t>());
  totals.first = json.at("first").get<std::uint64_t>();
  totals.done = json.at("done").get<std::uint64_t>();
  totals.failed = json.at("failed").get<std::vector<std::uint64_t>>();
  totals.host_seconds = json.at("host_seconds").get<std::uint64_t>();
  for (const Field& field : fields)
    totals.tally.*field.value = json.at(field.name).get<std::uint64_t>();
  totals.tally.fired = counts_in(json.at("fired"));
  const Json rare = json.value("rare", Json::object());  // files of older sweeps have none
  for (std::size_t i = 0; i < sim::rare_count; ++i)
    totals.tally.rare[i] =
        rare.value(std::string(to_string(static_cast<sim::Rare>(i))), std::uint64_t{0});
  totals.seeds = counts_in(json.at("seeds"));
  const Json lies = json.value("lies", Json::object());  // a file from before there were any
  for (std::size_t i = 0; i < sim::lie_count; ++i)
    totals.tally.lies[i] = lies.value(name_of_lie(i), std::uint64_t{0});
  for (std::size_t i = 0; i < act_count; ++i)
    totals.together[i] = counts_in(json.at("together").value(name_of(i), Json::object()));
  return totals;
}

}  // namespace

void Totals::add(const sim::Scenario& scenario, const sim::Outcome& outcome) {
  Totals one;
  one.done = 1;
  if (!outcome.findings.empty()) one.failed.push_back(first + done);
  one.tally = outcome.tally;
  one.host_seconds = scenario.hosts * static_cast<std::uint64_t>(scenario.length / seconds(1));
  for (std::size_t i = 0; i < act_count; ++i) {
    if (outcome.tally.fired[i] == 0) continue;
    one.seeds[i] = 1;
    for (std::size_t j = 0; j < i; ++j) one.together[i][j] = outcome.tally.fired[j] > 0;
  }
  add(one);
}

void Totals::add(const Totals& other) {
  done += other.done;
  failed.insert(failed.end(), other.failed.begin(), other.failed.end());
  for (const Field& field : fields) tally.*field.value += other.tally.*field.value;
  host_seconds += other.host_seconds;
  sum(tally.fired, other.tally.fired);
  for (std::size_t i = 0; i < sim::rare_count; ++i) tally.rare[i] += other.tally.rare[i];
  sum(seeds, other.seeds);
  for (std::size_t i = 0; i < sim::lie_count; ++i) tally.lies[i] += other.tally.lies[i];
  for (std::size_t i = 0; i < act_count; ++i) sum(together[i], other.together[i]);
}

void Totals::print() const {
  const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  std::printf("%llu seeds, %zu failed; %llu host-seconds, %llu events, %llu datagrams\n",
              number(done), failed.size(), number(host_seconds), number(tally.events),
              number(tally.datagrams));
  std::printf("%llu puts, %llu applied; %llu gets, %llu complete; %llu deaths told\n",
              number(tally.puts), number(tally.applied), number(tally.gets), number(tally.complete),
              number(tally.deaths));
  std::printf("lies:");
  for (std::size_t i = 0; i < sim::lie_count; ++i)
    std::printf(" %s %llu", name_of_lie(i).c_str(), number(tally.lies[i]));
  std::printf("\n");
  std::printf("\n%-12s %12s %8s   seeds in which both fired, by the other's name\n", "fault",
              "fired", "seeds");
  for (std::size_t i = 0; i < act_count; ++i) {
    if (seeds[i] == 0) continue;
    std::printf("%-12s %12llu %8llu  ", name_of(i).c_str(), number(tally.fired[i]),
                number(seeds[i]));
    for (std::size_t j = 0; j < i; ++j)
      if (seeds[j] > 0) std::printf(" %s:%llu", name_of(j).c_str(), number(together[i][j]));
    std::printf("\n");
  }
  std::printf("\n%-14s %10s\n", "rare", "taken");
  for (std::size_t i = 0; i < sim::rare_count; ++i)
    std::printf("%-14s %10llu\n", std::string(to_string(static_cast<sim::Rare>(i))).c_str(),
                number(tally.rare[i]));
}

std::string Totals::json() const {
  Json out = {{"schema", schema},
              {"hosts", {limits.hosts_min, limits.hosts_max}},
              {"length_s", limits.length / seconds(1)},
              {"first", first},
              {"done", done},
              {"failed", failed},
              {"host_seconds", host_seconds}};
  for (const Field& field : fields) out[field.name] = tally.*field.value;
  out["fired"] = by_name(tally.fired);
  out["rare"] = by_name(tally.rare);
  out["seeds"] = by_name(seeds);
  out["lies"] = Json::object();
  for (std::size_t i = 0; i < sim::lie_count; ++i) out["lies"][name_of_lie(i)] = tally.lies[i];
  out["together"] = Json::object();
  for (std::size_t i = 0; i < act_count; ++i)
    if (Json with = by_name(together[i]); !with.empty()) out["together"][name_of(i)] = with;
  return out.dump(1) + "\n";
}

Result<Totals, std::string> parse_totals(const std::string& json) {
  try {
    const Json parsed = Json::parse(json);
    if (parsed.value("schema", "") != schema)
      return fail("it is no " + std::string(schema) + " file");
    return totals_in(parsed);
  } catch (const Json::exception& error) {
    return fail(std::string(error.what()));
  }
}

}  // namespace kith::tool
