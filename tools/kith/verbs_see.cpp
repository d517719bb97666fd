// What there is to see: status, members, ping, events, id, version.
#include <charconv>

#include "kith/control/parse.hpp"
#include "table.hpp"
#include "verbs.hpp"

namespace kith::tool {
namespace {

std::string yes_no(bool yes) { return yes ? "yes" : "no"; }

std::string show_status(const Status& s) {
  const auto shown = [](std::string_view text) { return control::escape_controls(text); };
  std::string out;
  const auto line = [&](std::string_view name, const std::string& text) {
    out += std::string(name) + std::string(10 - name.size(), ' ') + text + "\n";
  };
  std::string listen;
  for (const std::string& address : s.listen) listen += (listen.empty() ? "" : "  ") + address;
  line("node", shown(s.name) + " (" + short_id(s.id) + ")  version " + shown(s.version));
  line("network", shown(s.network) + "  mode " + s.mode + "  joined " + yes_no(s.joined) +
                      "  synced " + yes_no(s.synced));
  line("members", std::to_string(s.alive) + " alive  " + std::to_string(s.suspect) + " suspect  " +
                      std::to_string(s.dead) + " dead  " + std::to_string(s.left) + " left");
  line("records", std::to_string(s.records) + "  under-replicated " +
                      std::to_string(s.under_replicated) + "  repair queue " +
                      std::to_string(s.queued_bytes) + " B");
  line("listen", listen);
  line("uptime", show_uptime(s.uptime_s));
  for (const OtherNetwork& other : s.others)
    line("nearby", "another lan network at " + shown(other.seen_at) +
                       (other.holds_records ? ", with records" : "") +
                       "; to move there: kith join " + shown(other.seen_at) +
                       (s.records > 0 ? " --adopt" : ""));
  return out;
}

std::string show_members(const std::vector<Member>& members) {
  Table table({"ID", "NAME", "STATE", "ADDRESS", "RTT", "SINCE", "TAGS"});
  for (const Member& m : members) {
    std::string tags, address = m.addresses.empty() ? "" : m.addresses.front();
    for (const auto& [key, value] : m.tags) tags += (tags.empty() ? "" : ",") + key + "=" + value;
    if (m.addresses.size() > 1) address += " +" + std::to_string(m.addresses.size() - 1);
    table.add({short_id(m.id), m.name + (m.self ? "*" : ""), m.state, address,
               m.rtt_ms ? show_millis(*m.rtt_ms) : "", show_time(m.since), tags});
  }
  return table.text();
}

std::string show_event(const Event& event) {
  std::string out = std::to_string(event.n) + "  " + event.time + "  " + event.type;
  for (const auto& [name, value] : event.fields) {
    const bool id = name == "id" || name == "record_id";
    out += "  " + name + "=" + (id ? value.substr(0, 8) : value);
  }
  return control::escape_controls(out);
}

}  // namespace

Outcome run_status(Call& call) {
  return show_answer<Status>(call, call.client.get("/v1/status"), show_status);
}

Outcome run_members(Call& call) {
  return show_answer<std::vector<Member>>(call, call.client.get("/v1/members"), show_members);
}

Outcome run_ping(Call& call) {
  Client& client = call.client;
  const auto answer =
      client.ask({"POST", "/v1/ping", {}, post_body(client, "node", call.arguments.get("node"))});
  return show_answer<PingAnswer>(call, answer, [](const PingAnswer& ping) {
    return control::escape_controls(label(ping.peer)) + "  " + short_id(ping.peer.id) + "  " +
           show_millis(ping.rtt_ms) + "\n";
  });
}

Outcome run_events(Call& call) {
  const std::string since = call.arguments.get("since");
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(since.data(), since.data() + since.size(), number);
  if (!since.empty() &&
      (error != std::errc{} || end != since.data() + since.size() || since.size() > 18))
    return problem(exit_usage, "--since \"" + since + "\": it is an event's number",
                   "kith events shows them");
  const bool follow = call.arguments.has("follow");
  Outcome printed = exit_ok;
  const std::string target =
      "/v1/events?since=" + std::to_string(number) + "&follow=" + (follow ? "1" : "0");
  const auto answer = call.client.ask({"GET", target, {}, {}}, [&](std::string_view line) {
    const auto event = call.json() ? std::nullopt : parse<Event>(std::string(line));
    printed = print_line(event ? show_event(*event) : one_line(line));
    return printed.has_value();
  });
  if (!printed) return printed;
  if (!answer) return Failure<Problem>(answer.error());
  if (follow)
    return problem(exit_unreachable, "the daemon has ended the stream: it is stopping",
                   "kith wait --for ready");
  return exit_ok;
}

Outcome run_id(Call& call) {
  const auto answer = call.client.get("/v1/status");
  if (!answer) return Failure<Problem>(answer.error());
  const auto status = parse<Status>(answer->body);
  if (!status)
    return problem(exit_failed, "the daemon's answer is not understood", "is it another version?");
  if (!call.json()) return print_line(status->id);
  return print_line(object(
      {{"schema", "kith/id/1"}, {"id", status->id}, {"key", status->key}, {"name", status->name}}));
}

Outcome run_version(Call& call) {
  if (!call.json()) return print_line("kith " KITH_VERSION);
  return print_line(object({{"schema", "kith/version/1"}, {"version", KITH_VERSION}}));
}

}  // namespace kith::tool
