#include "figures.hpp"

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

}  // namespace

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
