// Records: put, get, del, lookup.
#include <unistd.h>

#include "kith/control/parse.hpp"
#include "table.hpp"
#include "value_source.hpp"
#include "verbs.hpp"

namespace kith::tool {
namespace {

constexpr std::string_view kv = "/v1/kv/";

// The options of a kv request as a query, checked here so that a typo needs no daemon.
Result<std::string, Problem> query_in(const Call& call) {
  const Arguments& arguments = call.arguments;
  std::string query;
  const auto add = [&](std::string_view name, std::string_view value) {
    query += (query.empty() ? "?" : "&") + std::string(name) + "=" + encoded(value);
  };
  if (const std::string* ttl = arguments.find("ttl")) {
    const auto duration = control::parse_duration(*ttl);
    if (!duration || duration->count() <= 0)
      return problem(exit_usage, "--ttl \"" + *ttl + "\" is not a duration",
                     "write it with a unit: 30s 10m 7d");
    add("ttl", *ttl);
  }
  if (const std::string* level = arguments.find("consistency")) {
    if (!control::parse_consistency(*level))
      return problem(exit_usage, "--consistency \"" + *level + "\": one, quorum or all");
    add("consistency", *level);
  }
  if (const std::string* owner = arguments.find("owner")) add("owner", *owner);
  if (arguments.has("owned")) add("owned", "1");
  return query;
}

std::string with_time(std::string target, const Client& client) {
  const std::string left = client.time_left();
  if (left.empty()) return target;
  return target + (target.find('?') == std::string::npos ? "?" : "&") + "timeout=" + left;
}

std::string names_of(const std::vector<Peer>& peers) {
  std::string out;
  for (const Peer& peer : peers)
    out += (out.empty() ? "" : ", ") + control::escape_controls(label(peer));
  return out;
}

std::string show_put(const PutAnswer& put, const std::string* ttl, bool deleted) {
  std::string out =
      put.outcome + (deleted ? ": deleted " : ": ") + control::escape_controls(put.key);
  out += "  replicas " + std::to_string(put.stored.size()) + "/" + std::to_string(put.needed);
  if (!put.stored.empty()) out += " (" + names_of(put.stored) + ")";
  out += "  seq " + std::to_string(put.seq);
  if (!deleted) out += "  " + std::to_string(put.bytes) + " B  ttl " + (ttl ? *ttl : "none");
  return out + "\n";
}

std::string show_lookup(const LookupAnswer& lookup) {
  std::string out = "record " + lookup.record_id + "  " + show_millis(lookup.duration_ms) + "\n";
  Table replicas({"RANK", "ID", "NAME", "DISTANCE", "ADDRESS"});
  for (const Replica& r : lookup.replicas)
    replicas.add({std::to_string(r.rank), short_id(r.peer.id), r.peer.name,
                  "2^" + std::to_string(r.distance_bits), r.address});
  out += replicas.text();
  if (lookup.steps.empty()) return out;
  Table steps({"STEP", "PEER", "RTT", "NEW", "CLOSER"});
  std::size_t number = 0;
  for (const Step& s : lookup.steps)
    steps.add({std::to_string(++number), short_id(s.peer), show_millis(s.rtt_ms),
               std::to_string(s.fresh), std::to_string(s.closer)});
  return out + "\n" + steps.text();
}

}  // namespace

Outcome run_put(Call& call) {
  const auto key = key_in(call.arguments);
  if (!key) return Failure<Problem>(key.error());
  const auto query = query_in(call);
  if (!query) return Failure<Problem>(query.error());
  const auto source = value_source(call.arguments.find("value"), ::isatty(STDIN_FILENO) != 0);
  if (!source) return Failure<Problem>(source.error());
  auto value = read_value(*source, call.client.deadline());
  if (!value) return Failure<Problem>(value.error());
  const std::string target = with_time(key_path(kv, *key) + *query, call.client);
  const auto answer = call.client.ask({"PUT", target, {}, *std::move(value)});
  return show_answer<PutAnswer>(call, answer, [&](const PutAnswer& put) {
    return call.quiet() ? std::string() : show_put(put, call.arguments.find("ttl"), false);
  });
}

Outcome run_get(Call& call) {
  const auto key = key_in(call.arguments);
  if (!key) return Failure<Problem>(key.error());
  const auto query = query_in(call);
  if (!query) return Failure<Problem>(query.error());
  Headers headers;
  if (call.json()) headers.emplace_back("Accept", "application/json");
  const std::string target = with_time(key_path(kv, *key) + *query, call.client);
  const auto answer = call.client.ask({"GET", target, std::move(headers), {}});
  if (!answer) return Failure<Problem>(answer.error());
  const auto printed = call.json() ? print_line(one_line(answer->body)) : print(answer->body);
  if (!printed) return printed;
  const int exit = exit_of(answer->header("x-kith-exit"), answer->status);
  if (exit == exit_partial && !call.quiet() && !call.json())
    std::fputs("kith: too few replicas answered to know that this is the newest value\n", stderr);
  return exit;
}

Outcome run_del(Call& call) {
  const auto key = key_in(call.arguments);
  if (!key) return Failure<Problem>(key.error());
  const auto query = query_in(call);
  if (!query) return Failure<Problem>(query.error());
  const auto answer =
      call.client.ask({"DELETE", with_time(key_path(kv, *key) + *query, call.client), {}, {}});
  return show_answer<PutAnswer>(call, answer, [&](const PutAnswer& put) {
    return call.quiet() ? std::string() : show_put(put, nullptr, true);
  });
}

Outcome run_lookup(Call& call) {
  const auto key = key_in(call.arguments);
  if (!key) return Failure<Problem>(key.error());
  const auto answer = call.client.get(with_time(key_path("/v1/lookup/", *key), call.client));
  return show_answer<LookupAnswer>(call, answer, show_lookup);
}

}  // namespace kith::tool
