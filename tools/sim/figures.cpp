#include "figures.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace kith::tool {
namespace {

using Json = nlohmann::ordered_json;

double in_seconds(Duration d) { return static_cast<double>(d.count()) / 1e6; }

// What `each` makes of every item.
template <class Items, class Each>
Json list(const Items& items, Each each) {
  Json out = Json::array();
  for (const auto& item : items) out.push_back(each(item));
  return out;
}

Json death(const sim::Figures::Death& d) {
  return {{"at_s", in_seconds(d.at)},
          {"host", d.host},
          {"told_s", list(d.told, [](const auto& told) { return in_seconds(told.second); })}};
}

Json healing(const sim::Figures::Healing& h) {
  return {{"at_s", in_seconds(h.at)}, {"whole_s", h.whole ? Json(in_seconds(*h.whole)) : Json()}};
}

Json finding(const sim::Finding& f) {
  return {{"sentence", f.invariant}, {"at_s", in_seconds(f.at)}, {"what", f.what}};
}

std::string hex(std::uint64_t word) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(word));
  return text;
}

}  // namespace

std::string outcome_json(const std::string& name, const sim::Scenario& scenario,
                         const sim::Outcome& outcome) {
  const sim::Tally& t = outcome.tally;
  Json faults = Json::object();
  for (std::size_t i = 0; i < sim::act_count; ++i)
    if (t.fired[i] > 0) faults[std::string(to_string(static_cast<sim::Act>(i)))] = t.fired[i];
  const Json out = {{"schema", "kith-sim/run/1"},
                    {"scenario", name},
                    {"nodes", scenario.hosts},
                    {"minutes", in_seconds(scenario.length) / 60},
                    {"seed", scenario.salt},
                    {"passed", outcome.findings.empty()},
                    {"sentences", outcome.sentences},
                    {"findings", list(outcome.findings, finding)},
                    {"trace", hex(outcome.trace)},
                    {"healed_after_s", in_seconds(outcome.healed_after)},
                    {"events", t.events},
                    {"datagrams", t.datagrams},
                    {"bytes", t.bytes},
                    {"puts", t.puts},
                    {"applied", t.applied},
                    {"gets", t.gets},
                    {"complete", t.complete},
                    {"deaths", t.deaths},
                    {"faults", faults}};
  return out.dump();
}

std::string figures_json(const sim::Outcome& outcome) {
  const sim::Figures& f = outcome.figures;
  const Json puts = {{"ms", list(f.puts, [](Duration d) { return in_seconds(d) * 1e3; })},
                     {"rounds", f.rounds},
                     {"commits", f.commits},
                     {"datagrams", f.datagrams}};
  const Json out = {
      {"schema", "kith-sim/figures/1"},
      {"findings", list(outcome.findings, [](const auto& finding) { return finding.invariant; })},
      {"deaths", list(f.deaths, death)},
      {"healings", list(f.healings, healing)},
      {"puts", puts}};
  return out.dump();
}

}  // namespace kith::tool
