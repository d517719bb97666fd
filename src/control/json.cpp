#include "json.hpp"

#include <nlohmann/json.hpp>

#include "kith/base/address.hpp"

namespace kith::control {
namespace {

using Json = nlohmann::ordered_json;

// Names and tags come from strangers: what is not UTF-8 is replaced, never thrown on.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string schema(std::string_view verb) { return "kith/" + std::string(verb) + "/1"; }

std::string name_of(const node::Snapshot& snapshot, const NodeId& id) {
  for (const auto& entry : snapshot.membership.members)
    if (entry.member->id == id && entry.member->record) return entry.member->record->name;
  return {};
}

std::string address_of(const node::Snapshot& snapshot, const NodeId& id) {
  for (const auto& entry : snapshot.membership.members)
    if (entry.member->id == id && entry.member->record && !entry.member->record->addresses.empty())
      return to_string(entry.member->record->addresses.front());
  return {};
}

double in_millis(Duration d) { return static_cast<double>(d.count()) / 1000.0; }

std::string_view verdict_name(wire::Verdict verdict) {
  switch (verdict) {
    case wire::Verdict::alive:
      return "alive";
    case wire::Verdict::suspect:
      return "suspect";
    case wire::Verdict::dead:
      return "dead";
    case wire::Verdict::left:
      return "left";
  }
  return "?";
}

std::string_view kind_name(wire::Kind kind) {
  return kind == wire::Kind::owned ? "owned" : "value";
}

std::string_view outcome_name(dht::PutOutcome outcome) {
  switch (outcome) {
    case dht::PutOutcome::applied:
      return "applied";
    case dht::PutOutcome::unknown:
      return "unknown";
    case dht::PutOutcome::rejected:
      return "rejected";
  }
  return "?";
}

std::string base64(ByteView bytes) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = bytes.size() - i;
    std::uint32_t word = static_cast<std::uint32_t>(bytes[i]) << 16;
    if (left > 1) word |= static_cast<std::uint32_t>(bytes[i + 1]) << 8;
    if (left > 2) word |= bytes[i + 2];
    out.push_back(digits[(word >> 18) & 63]);
    out.push_back(digits[(word >> 12) & 63]);
    out.push_back(left > 1 ? digits[(word >> 6) & 63] : '=');
    out.push_back(left > 2 ? digits[word & 63] : '=');
  }
  return out;
}

Json who(const node::Snapshot& snapshot, const NodeId& id) {
  return {{"id", to_string(id)}, {"name", name_of(snapshot, id)}};
}

Json put_object(const dht::PutReport& report, std::string_view verb,
                const node::Snapshot& snapshot) {
  Json stored = Json::array();
  for (const NodeId& id : report.stored) stored.push_back(who(snapshot, id));
  Json out{{"schema", schema(verb)},         {"key", report.name},
           {"kind", kind_name(report.kind)}, {"seq", report.sequence.value},
           {"bytes", report.bytes},          {"outcome", outcome_name(report.outcome)},
           {"needed", report.needed},        {"asked", report.asked},
           {"stored", std::move(stored)}};
  out["stored_base"] = report.stored_base;
  out["rounds"] = report.rounds;
  out["duration_ms"] = in_millis(report.took);
  if (!report.reason.empty()) out["reason"] = report.reason;
  return out;
}

Json join_object(const std::string& target, const node::JoinReport& report,
                 const node::Snapshot& snapshot) {
  Json attempts = Json::array();
  for (const node::Attempt& attempt : report.attempts)
    attempts.push_back(
        {{"target", attempt.target}, {"address", attempt.address}, {"cause", attempt.cause}});
  Json out{{"schema", schema("join")}, {"target", target}, {"joined", report.joined}};
  if (report.joined) out["peer"] = who(snapshot, report.peer);
  out["attempts"] = std::move(attempts);
  return out;
}

}  // namespace

std::string status_json(const About& about, const node::Snapshot& snapshot, Now now) {
  std::array<std::size_t, 4> counts{};
  for (const auto& entry : snapshot.membership.members)
    ++counts[static_cast<std::size_t>(entry.member->verdict)];
  Json listen = Json::array();
  for (const Endpoint& endpoint : about.listen) listen.push_back(to_string(endpoint));
  Json others = Json::array();
  for (const auto& [lan, endpoint] : snapshot.discovery.other_lans)
    others.push_back({{"id", to_hex(lan.id)},
                      {"holds_records", lan.holds_records},
                      {"seen_at", to_string(endpoint)}});
  Json out{
      {"schema", schema("status")},
      {"id", to_string(snapshot.id)},
      {"key", to_zbase32(about.key.view())},
      {"name", about.name},
      {"version", about.version},
      {"network", about.network},
      {"mode", about.mode},
      {"instance", about.instance},
      {"listen", std::move(listen)},
      {"uptime_s", std::chrono::duration_cast<seconds>(now.mono - about.started).count()},
      {"joined", snapshot.joined},
      {"synced", snapshot.dht.synced},
      {"members",
       {{"alive", counts[0]}, {"suspect", counts[1]}, {"dead", counts[2]}, {"left", counts[3]}}},
      {"records", snapshot.dht.records},
      {"repair",
       {{"under_replicated", snapshot.dht.under_replicated},
        {"queued_bytes", snapshot.dht.queued_bytes}}},
      {"health", snapshot.membership.health},
      {"operations", snapshot.dht.operations},
      {"data_dir", about.data_dir}};
  if (!others.empty()) out["other_networks"] = std::move(others);
  return dump(out);
}

std::string members_json(const About& about, const node::Snapshot& snapshot) {
  Json members = Json::array();
  for (const auto& entry : snapshot.membership.members) {
    const membership::Member& member = *entry.member;
    Json item{{"id", to_string(member.id)}};
    Json addresses = Json::array(), tags = Json::object();
    std::string name, version;
    std::uint64_t incarnation = 0;
    if (member.record) {
      for (const Endpoint& endpoint : member.record->addresses)
        addresses.push_back(to_string(endpoint));
      for (const wire::Tag& tag : member.record->tags) tags[tag.key] = tag.value;
      name = member.record->name;
      version = member.record->version;
      incarnation = member.record->incarnation.value;
    }
    item["name"] = name;
    item["self"] = entry.self;
    item["state"] = verdict_name(member.verdict);
    item["incarnation"] = incarnation;
    item["addresses"] = std::move(addresses);
    item["rtt_ms"] = entry.rtt ? Json(in_millis(*entry.rtt)) : Json(nullptr);
    item["since"] = to_rfc3339(member.since);
    item["tags"] = std::move(tags);
    item["version"] = version;
    if (member.alone) item["alone"] = true;
    item["synced"] = member.record && member.record->synced.value > 0;
    members.push_back(std::move(item));
  }
  return dump(
      {{"schema", schema("members")}, {"network", about.network}, {"members", std::move(members)}});
}

std::string ready_json() { return dump({{"schema", schema("ready")}, {"ready", true}}); }

std::string put_json(const dht::PutReport& report, std::string_view verb,
                     const node::Snapshot& snapshot) {
  return dump(put_object(report, verb, snapshot));
}

std::string get_json(const dht::GetReport& report) {
  Json out{{"schema", schema("get")}, {"key", report.name}, {"kind", kind_name(report.kind)}};
  out["value"] = report.found ? Json(base64(report.value.view())) : Json(nullptr);
  out["bytes"] = report.value.size();
  out["seq"] = report.sequence.value;
  out["writer"] = report.writer.is_zero() ? Json(nullptr) : Json(to_string(report.writer));
  out["complete"] = report.complete;
  out["needed"] = report.needed;
  out["asked"] = report.asked;
  out["responded"] = report.responded;
  out["duration_ms"] = in_millis(report.took);
  if (!report.reason.empty()) out["reason"] = report.reason;
  return dump(out);
}

std::string lookup_json(const dht::LookupReport& report, const node::Snapshot& snapshot) {
  Json replicas = Json::array(), steps = Json::array();
  for (const auto& replica : report.replicas)
    replicas.push_back({{"id", to_string(replica.id)},
                        {"name", name_of(snapshot, replica.id)},
                        {"rank", replica.rank},
                        {"distance_bits", replica.distance_bits},
                        {"address", address_of(snapshot, replica.id)},
                        {"base", replica.base}});
  for (const auto& step : report.steps)
    steps.push_back({{"peer", to_string(step.peer)},
                     {"rtt_ms", in_millis(step.rtt)},
                     {"new", step.fresh},
                     {"closer", step.nearer}});
  return dump({{"schema", schema("lookup")},
               {"key", report.name},
               {"record_id", to_hex(report.id.view())},
               {"replicas", std::move(replicas)},
               {"steps", std::move(steps)},
               {"duration_ms", in_millis(report.took)}});
}

std::string join_json(const std::string& target, const node::JoinReport& report,
                      const node::Snapshot& snapshot) {
  return dump(join_object(target, report, snapshot));
}

std::string ping_json(const NodeId& peer, const node::PingReport& report,
                      const node::Snapshot& snapshot) {
  Json out{{"schema", schema("ping")}, {"id", to_string(peer)}, {"name", name_of(snapshot, peer)}};
  out["rtt_ms"] = report.answered ? Json(in_millis(report.rtt)) : Json(nullptr);
  return dump(out);
}

std::string done_json(std::string_view verb) {
  return dump({{"schema", schema(verb)}, {"done", true}});
}

std::string error_json(const ApiError& error, const std::string& result) {
  Json inner{
      {"code", error.code}, {"exit", error.exit}, {"message", escape_controls(error.message)}};
  if (!error.hint.empty()) inner["hint"] = error.hint;
  if (!result.empty()) inner["result"] = Json::parse(result, nullptr, false);
  return dump({{"error", std::move(inner)}});
}

std::string event_json(std::uint64_t n, const BootId& boot, UnixMillis wall,
                       const EventBody& body) {
  Json out{
      {"n", n}, {"boot", to_hex(boot.view())}, {"time", to_rfc3339(wall)}, {"type", body.type}};
  for (const auto& [name, value] : body.strings) out[name] = value;
  for (const auto& [name, value] : body.numbers) out[name] = value;
  return dump(out);
}

Result<PostBody, std::string> parse_post(const std::string& body) {
  const auto json = nlohmann::json::parse(body.empty() ? "{}" : body, nullptr, false);
  if (body.contains('\0') || json.is_discarded() || !json.is_object())  // a NUL ends parsing
    return Failure<std::string>("the body is not a JSON object");
  PostBody out;
  for (const auto& [name, value] : json.items()) {
    const bool text = name == "target" || name == "node" || name == "timeout";
    const bool flag = name == "adopt" || name == "trust_first";
    if (!text && !flag) return Failure<std::string>("unknown member \"" + name + "\"");
    if (text && !value.is_string())
      return Failure<std::string>("\"" + name + "\" must be a string");
    if (flag && !value.is_boolean())
      return Failure<std::string>("\"" + name + "\" must be true or false");
    if (name == "target") out.target = value.get<std::string>();
    if (name == "node") out.node = value.get<std::string>();
    if (name == "timeout") out.timeout = value.get<std::string>();
    if (name == "adopt") out.adopt = value.get<bool>();
    if (name == "trust_first") out.trust_first = value.get<bool>();
  }
  return out;
}

}  // namespace kith::control
