#include "kith/sim/scenario.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <optional>

namespace kith::sim {
namespace {

constexpr std::string_view first_line = "kith scenario 1";
constexpr std::array<std::string_view, act_count> act_names = {
    "start",   "kill",     "pause", "sleep",      "slow",    "leave",     "wipe",      "rollback",
    "twin",    "lie",      "newer", "rare",       "loss",    "duplicate", "replay",    "reorder",
    "corrupt", "truncate", "delay", "mtu",        "squeeze", "cut",       "bridge",    "ring",
    "mute",    "deaf",     "clog",  "step_clock", "drift",   "disk_slow", "disk_full", "disk_busy",
    "rot",     "put",      "get",   "erase",      "heal"};
constexpr std::array<std::string_view, lie_count> lie_names = {
    "silence", "accuse", "forge", "replay", "misroute", "receipts", "clocks", "storm"};
constexpr std::array<std::string_view, rare_count> rare_names = {
    "slow_jobs",     "small_credit", "load",         "skips",      "late_receipts",
    "new_keys",      "by_stream",    "small_gossip", "eager_sync", "lazy_sync",
    "narrow_repair", "hasty",        "few_resends"};
constexpr HostIndex hosts_limit = 100'000;
constexpr std::size_t events_limit = 1'000'000;

// Seconds, exactly: as many decimals as it takes, six at most.
std::string seconds_text(Duration d) {
  char text[40];
  std::snprintf(text, sizeof text, "%lld.%06lld", static_cast<long long>(d.count() / 1'000'000),
                static_cast<long long>(d.count() % 1'000'000));
  std::string out = text;
  while (out.ends_with('0')) out.pop_back();
  if (out.ends_with('.')) out.pop_back();
  return out;
}

std::string spread_text(std::string_view name, const Spread& spread) {
  std::string out(name);
  for (const Duration point : spread.points) out.append(" ").append(seconds_text(point));
  return out;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Duration> parse_seconds(std::string_view text) {
  const std::size_t dot = text.find('.');
  const auto whole = parse_number<std::uint32_t>(text.substr(0, dot));
  if (!whole) return std::nullopt;
  std::int64_t micros = 0;
  if (dot != std::string_view::npos) {
    std::string decimals(text.substr(dot + 1));
    if (decimals.empty() || decimals.size() > 6) return std::nullopt;
    decimals.resize(6, '0');
    const auto parsed = parse_number<std::uint32_t>(decimals);
    if (!parsed) return std::nullopt;
    micros = *parsed;
  }
  return Duration(std::int64_t{*whole} * 1'000'000 + micros);
}

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(by), text.size());
    if (end > 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::optional<std::vector<HostIndex>> parse_hosts(std::string_view text) {
  std::vector<HostIndex> hosts;
  if (text == "*") return hosts;
  for (const std::string_view part : split(text, ',')) {
    const auto host = parse_number<HostIndex>(part);
    if (!host || (!hosts.empty() && *host <= hosts.back())) return std::nullopt;
    hosts.push_back(*host);
  }
  if (hosts.empty()) return std::nullopt;
  return hosts;
}

std::optional<Event> parse_event(const std::vector<std::string_view>& words) {
  if (words.size() < 3 || words.size() % 2 == 0) return std::nullopt;
  const auto at = parse_seconds(words[0]);
  const auto name = std::find(act_names.begin(), act_names.end(), words[1]);
  auto hosts = parse_hosts(words[2]);
  if (!at || name == act_names.end() || !hosts) return std::nullopt;
  Event event{*at, static_cast<Act>(name - act_names.begin()), *std::move(hosts), {}, 0, 0};
  for (std::size_t i = 3; i < words.size(); i += 2) {
    const std::string_view value = words[i + 1];
    if (words[i] == "for") {
      const auto span = parse_seconds(value);
      if (!span) return std::nullopt;
      event.span = *span;
    } else if (words[i] == "amount") {
      const auto amount = parse_number<std::int64_t>(value);
      if (!amount) return std::nullopt;
      event.amount = *amount;
    } else if (words[i] == "size") {
      const auto size = parse_number<std::uint32_t>(value);
      if (!size) return std::nullopt;
      event.size = *size;
    } else {
      return std::nullopt;
    }
  }
  return event;
}

bool parse_spread(const std::vector<std::string_view>& words, Spread& spread) {
  std::vector<Duration> points;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto point = parse_seconds(words[i]);
    if (!point || (!points.empty() && *point < points.back())) return false;
    points.push_back(*point);
  }
  if (points.size() < 2 || points.size() > Spread::points_limit) return false;
  spread.points = std::move(points);
  return true;
}

bool parse_setting(const std::vector<std::string_view>& words, Scenario& scenario) {
  if (words[0] == "latency") return parse_spread(words, scenario.latency);
  if (words[0] == "disk") return parse_spread(words, scenario.disk);
  if (words[0] == "job") return parse_spread(words, scenario.job);
  if (words.size() != 2) return false;
  if (words[0] == "length" || words[0] == "step") {
    const auto time = parse_seconds(words[1]);
    if (time) (words[0] == "step" ? scenario.step : scenario.length) = *time;
    return time.has_value();
  }
  const auto number = parse_number<std::uint64_t>(words[1]);
  if (!number) return false;
  if (words[0] == "salt") return scenario.salt = *number, true;
  if (words[0] != "hosts" || *number == 0 || *number > hosts_limit) return false;
  scenario.hosts = static_cast<HostIndex>(*number);
  return true;
}

// What the world takes for granted: hosts that exist, clients that name one, events in order.
bool sound(const Event& event, const Scenario& scenario) {
  if (!event.hosts.empty() && event.hosts.back() >= scenario.hosts) return false;
  const bool of_one = event.act == Act::put || event.act == Act::get || event.act == Act::erase;
  if (of_one && event.hosts.size() != 1) return false;
  if (of_one && event.amount >= owned_keys + scenario.hosts) return false;
  if (event.size > 65'536) return false;
  if (event.act == Act::rare && (event.amount < 0 || event.amount >> rare_count != 0)) return false;
  return scenario.events.empty() || scenario.events.back().at <= event.at;
}

}  // namespace

std::string_view to_string(Act act) { return act_names[static_cast<std::size_t>(act)]; }
std::string_view to_string(Lie lie) { return lie_names[static_cast<std::size_t>(lie)]; }

std::string_view to_string(Rare rare) { return rare_names[static_cast<std::size_t>(rare)]; }

std::string to_string(const Event& event) {
  std::string line = seconds_text(event.at);
  line.append(" ").append(to_string(event.act)).append(" ");
  if (event.hosts.empty()) line += "*";
  for (std::size_t i = 0; i < event.hosts.size(); ++i)
    line.append(i == 0 ? "" : ",").append(std::to_string(event.hosts[i]));
  if (event.amount != 0) line.append(" amount ").append(std::to_string(event.amount));
  if (event.size != 0) line.append(" size ").append(std::to_string(event.size));
  if (event.span.count() != 0) line.append(" for ").append(seconds_text(event.span));
  return line;
}

std::string to_string(const Scenario& scenario) {
  std::string out(first_line);
  out.append("\nsalt ").append(std::to_string(scenario.salt));
  out.append("\nhosts ").append(std::to_string(scenario.hosts));
  out.append("\nlength ").append(seconds_text(scenario.length));
  out.append("\n").append(spread_text("latency", scenario.latency));
  out.append("\n").append(spread_text("disk", scenario.disk));
  out.append("\n").append(spread_text("job", scenario.job));
  out.append("\nstep ").append(seconds_text(scenario.step)).append("\n");
  for (const Event& event : scenario.events) out.append(to_string(event)).append("\n");
  return out;
}

Result<Scenario, std::string> parse_scenario(std::string_view text) {
  Scenario scenario;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    const auto wrong = [&](std::string_view what) {
      return fail("line " + std::to_string(number) + ": " + std::string(what));
    };
    if (number == 1) {
      if (line != first_line) return wrong("not a scenario: it begins \"kith scenario 1\"");
      continue;
    }
    const std::vector<std::string_view> words = split(line, ' ');
    if (words.empty() || words[0].starts_with('#')) continue;
    if (words[0][0] >= '0' && words[0][0] <= '9') {
      auto event = parse_event(words);
      if (!event)
        return wrong("not an event: SECONDS ACT HOSTS|* [amount N] [size N] [for SECONDS]");
      if (!sound(*event, scenario)) return wrong("no such host, too large, or out of order");
      if (scenario.events.size() == events_limit) return wrong("too many events");
      scenario.events.push_back(*std::move(event));
    } else if (!scenario.events.empty() || !parse_setting(words, scenario)) {
      return wrong(
          "not a setting: salt, hosts, length, latency, disk, job or step, before all events");
    }
  }
  if (number == 0) return fail(std::string("line 1: empty"));
  return scenario;
}

}  // namespace kith::sim
