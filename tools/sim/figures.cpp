#include "figures.hpp"

namespace kith::tool {
namespace {

std::string in(Duration d, double unit_us) {
  char text[40];
  std::snprintf(text, sizeof text, "%.6g", static_cast<double>(d.count()) / unit_us);
  return text;
}
std::string in_seconds(Duration d) { return in(d, 1e6); }

// [a,b,c], of what `text` makes of each.
template <class Items, class Text>
std::string list(const Items& items, Text text) {
  std::string out = "[";
  for (const auto& item : items) {
    if (out.size() > 1) out += ',';
    out += text(item);
  }
  return out + "]";
}

std::string death(const sim::Figures::Death& d) {
  return "{\"at_s\":" + in_seconds(d.at) + ",\"host\":" + std::to_string(d.host) +
         ",\"told_s\":" + list(d.told, [](const auto& told) { return in_seconds(told.second); }) +
         "}";
}

std::string healing(const sim::Figures::Healing& h) {
  return "{\"at_s\":" + in_seconds(h.at) +
         ",\"whole_s\":" + (h.whole ? in_seconds(*h.whole) : "null") + "}";
}

}  // namespace

std::string figures_json(const sim::Outcome& outcome) {
  const sim::Figures& f = outcome.figures;
  return "{\"schema\":\"kith-sim/figures/1\",\"findings\":" +
         list(outcome.findings, [](const sim::Finding& x) { return "\"" + x.invariant + "\""; }) +
         ",\"deaths\":" + list(f.deaths, death) + ",\"healings\":" + list(f.healings, healing) +
         ",\"puts\":{\"ms\":" + list(f.puts, [](Duration d) { return in(d, 1e3); }) +
         ",\"rounds\":" + std::to_string(f.rounds) + ",\"commits\":" + std::to_string(f.commits) +
         ",\"datagrams\":" + std::to_string(f.datagrams) + "}}";
}

}  // namespace kith::tool
