#include "kith/control/api.hpp"

#include "json.hpp"
#include "kith/base/visit.hpp"
#include "kith/control/parse.hpp"
#include "metrics.hpp"
#include "pending.hpp"

namespace kith::control {
namespace {

constexpr std::string_view kv_prefix = "/v1/kv/";
constexpr std::string_view lookup_prefix = "/v1/lookup/";

ApiError usage(std::string message, std::string hint = {}) {
  return {"usage", 2, 400, std::move(message), std::move(hint)};
}

Response json_response(std::string body, int status = 200, int exit = 0) {
  return {status, "application/json", {{"X-Kith-Exit", std::to_string(exit)}}, std::move(body)};
}

Response method_not_allowed(std::string_view allowed) {
  Response out = error_response({"usage", 2, 405, "this path takes " + std::string(allowed), ""});
  out.headers.emplace_back("Allow", allowed);
  return out;
}

// The operation's deadline: ?timeout=, else what the contract says.
Result<Duration, ApiError> deadline_of(const std::string* text, Duration standard) {
  if (!text || text->empty()) return standard;
  const auto duration = parse_duration(*text);
  if (!duration || *duration <= Duration(0))
    return Failure<ApiError>(
        usage("timeout \"" + *text + "\" is not a duration", "write it with a unit: 500ms 5s 10m"));
  return std::min(*duration, Duration(hours(1)));
}

ApiError no_such_member(const std::string& text) {
  return {"not_joined", 9, 404, "no member is called \"" + text + "\", or several are",
          "kith members lists ids and names"};
}

}  // namespace

Response error_response(const ApiError& error) {
  return json_response(error_json(error), error.status, error.exit);
}

Api::Api(About about)
    : about_(std::move(about)), metrics_(std::make_unique<Metrics>(about_.version)) {}
Api::~Api() = default;

bool Api::wants_metrics(const Request& request) {
  return request.method == "GET" &&
         (request.target == "/metrics" || request.target.starts_with("/metrics?"));
}

Response Api::metrics(const node::Node& node, const ProcessFigures& figures, Now) {
  return {200,
          "text/plain; version=0.0.4",
          {{"X-Kith-Exit", "0"}},
          metrics_->text(node.snapshot(), figures)};
}

Response Api::stopping(Ticket ticket) {
  const auto entry = pending_.extract(ticket);
  if (!entry.empty() && entry.mapped().verb == "join")
    return error_response({"not_joined", 9, 503,
                           "could not join " + entry.mapped().target + ": the daemon is stopping",
                           ""});
  return error_response(
      {"failed", 1, 503, "the daemon is stopping", "what was asked for may have been done"});
}

void Api::forget(Ticket ticket) { pending_.erase(ticket); }

// --- requests: one function a family of routes --------------------------------------------------

namespace {

// A kv or lookup path: everything after the prefix, percent-decoded exactly once.
Result<std::string, ApiError> key_in(const std::string& path, std::string_view prefix) {
  const auto key = percent_decode(std::string_view(path).substr(prefix.size()));
  if (!key) return Failure<ApiError>(usage("the key has a bad percent escape"));
  const KeyError error = check_key(*key);
  if (error != KeyError::none)
    return Failure<ApiError>(usage("bad key: " + std::string(to_string(error))));
  return *key;
}

struct KvOptions {
  std::optional<Duration> ttl;
  dht::Consistency consistency = dht::Consistency::quorum;
  std::optional<NodeId> owner;
  bool owned = false;
  Duration deadline = seconds(5);
};

// "?owned" alone says yes.
Result<bool, ApiError> flag_in(const std::string& name, const std::string& text) {
  if (text.empty() || text == "1" || text == "true") return true;
  if (text == "0" || text == "false") return false;
  return Failure<ApiError>(usage(name + " is 1 or 0"));
}

Result<KvOptions, ApiError> kv_options(const Query& query, const std::string& method,
                                       const node::Node& node) {
  KvOptions out;
  for (const auto& [name, value] : query.fields) {
    if (name == "ttl" && method == "DELETE")
      return Failure<ApiError>(usage("ttl does not go with this method", "only values expire"));
    if (name == "ttl") {
      out.ttl = parse_duration(value);
      if (!out.ttl || *out.ttl < Duration(milliseconds(1)))
        return Failure<ApiError>(
            usage("ttl \"" + value + "\" is not a duration", "write it with a unit: 30s 10m 7d"));
    } else if (name == "consistency") {
      const auto level = parse_consistency(value);
      if (!level) return Failure<ApiError>(usage("consistency is one, quorum or all"));
      out.consistency = *level;
    } else if (name == (method == "GET" ? "owned" : "owner")) {
      return Failure<ApiError>(usage(name + " does not go with this method",
                                     "read with owner=NODE, write your own names with owned=1"));
    } else if (name == "owner") {
      out.owner = node.find_member(value);
      if (const auto whole = from_zbase32(value);
          !out.owner && whole && whole->size() == NodeId::size)
        out.owner = NodeId::from(*whole);
      if (!out.owner) return Failure<ApiError>(no_such_member(value));
    } else if (name == "owned") {
      const auto owned = flag_in(name, value);
      if (!owned) return Failure<ApiError>(owned.error());
      out.owned = *owned;
    } else if (name == "timeout") {
      const auto deadline = deadline_of(&value, seconds(5));
      if (!deadline) return Failure<ApiError>(deadline.error());
      out.deadline = *deadline;
    } else {
      return Failure<ApiError>(
          usage("unknown option \"" + name + "\"", "ttl, consistency, owner, owned, timeout"));
    }
  }
  return out;
}

node::Input kv_input(const Request& request, Ticket ticket, const std::string& key,
                     const KvOptions& options) {
  if (request.method == "GET")
    return dht::GetRequested{ticket, key, options.owner, options.consistency, options.deadline};
  dht::PutRequested put{ticket, key};
  put.kind = options.owned ? wire::Kind::owned : wire::Kind::value;
  put.tombstone = request.method == "DELETE";
  if (!put.tombstone) put.value = Buffer(as_bytes(request.body));
  put.ttl = options.ttl;
  put.consistency = options.consistency;
  put.deadline = options.deadline;
  return put;
}

std::string_view kv_verb(const std::string& method) {
  if (method == "GET") return "get";
  return method == "PUT" ? "put" : "del";
}

Command events_of(const Query& query) {
  StreamEvents stream;
  if (const std::string* since = query.find("since")) {
    if (since->empty() || since->size() > 18 ||
        since->find_first_not_of("0123456789") != std::string::npos)
      return error_response(usage("since is a number"));
    stream.since = std::stoull(*since);
  }
  if (const std::string* text = query.find("follow")) {
    const auto follow = flag_in("follow", *text);
    if (!follow) return error_response(follow.error());
    stream.follow = *follow;
  }
  return stream;
}

// Why this member cannot be forgotten: the living would only be heard of again.
std::optional<ApiError> unforgettable(const NodeId& peer, const node::Node& node) {
  for (const auto& entry : node.snapshot().membership.members) {
    if (entry.member->id != peer) continue;
    if (entry.self) return usage("a node cannot forget itself", "kith leave ends it");
    const wire::Verdict verdict = entry.member->verdict;
    if (verdict == wire::Verdict::alive || verdict == wire::Verdict::suspect)
      return ApiError{"failed", 1, 503,
                      "this member is alive: only the dead and those that left are forgotten",
                      "kith leave on it"};
  }
  return std::nullopt;
}

}  // namespace

Command Api::handle(const Request& request, const node::Node& node, Now now) {
  const auto query = split_target(request.target);
  if (!query) return error_response(usage("the query has a bad percent escape"));
  const std::string& path = query->path;
  const bool get = request.method == "GET";

  if (path == "/v1/status")
    return get ? json_response(status_json(about_, node.snapshot(), now))
               : method_not_allowed("GET");
  if (path == "/v1/members")
    return get ? json_response(members_json(about_, node.snapshot())) : method_not_allowed("GET");
  if (path == "/v1/ready") return get ? json_response(ready_json()) : method_not_allowed("GET");
  if (path == "/metrics" && !get) return method_not_allowed("GET");  // see wants_metrics
  if (path == "/v1/events") return get ? events_of(*query) : method_not_allowed("GET");
  if (path.starts_with(lookup_prefix) || path.starts_with(kv_prefix))
    return records(request, *query, node);
  if (path == "/v1/join" || path == "/v1/leave" || path == "/v1/forget" || path == "/v1/ping")
    return request.method == "POST" ? orders(request, path, node) : method_not_allowed("POST");
  return error_response(
      {"usage", 2, 404, "no such path: " + path, "see the README's table of routes"});
}

Command Api::records(const Request& request, const Query& query, const node::Node& node) {
  const std::string& path = query.path;
  const bool get = request.method == "GET";
  const Ticket ticket = next_ticket();
  if (path.starts_with(lookup_prefix)) {
    if (!get) return method_not_allowed("GET");
    const auto key = key_in(path, lookup_prefix);
    if (!key) return error_response(key.error());
    const auto deadline = deadline_of(query.find("timeout"), seconds(5));
    if (!deadline) return error_response(deadline.error());
    pending_.emplace(ticket, Pending{"lookup"});
    return Run{ticket, dht::LookupRequested{ticket, *key, *deadline}};
  }
  if (!get && request.method != "PUT" && request.method != "DELETE")
    return method_not_allowed("GET, PUT, DELETE");
  const auto key = key_in(path, kv_prefix);
  if (!key) return error_response(key.error());
  if (request.body.size() > wire::value_limit)
    return error_response({"usage", 2, 413, "a value has at most 65536 bytes", ""});
  const auto options = kv_options(query, request.method, node);
  if (!options) return error_response(options.error());
  Pending pending{std::string(kv_verb(request.method))};
  pending.as_json = request.accept.find("application/json") != std::string::npos;
  pending_.emplace(ticket, std::move(pending));
  return Run{ticket, kv_input(request, ticket, *key, *options)};
}

Command Api::orders(const Request& request, const std::string& path, const node::Node& node) {
  const Ticket ticket = next_ticket();
  const auto body = parse_post(request.body);
  if (!body) return error_response(usage(body.error()));
  if (path == "/v1/leave") return Leave{};
  const auto deadline = deadline_of(&body->timeout, path == "/v1/join" ? seconds(10) : seconds(5));
  if (!deadline) return error_response(deadline.error());
  if (path == "/v1/join") {
    const auto target = discovery::parse_target(body->target);
    if (!target)
      return error_response(usage(
          "target \"" + body->target + "\": " + std::string(discovery::to_string(target.error())),
          "host, host:port, [v6]:port or key@host:port"));
    pending_.emplace(ticket, Pending{"join", body->target});
    return Run{ticket, node::JoinRequested{ticket, body->target, body->trust_first, body->adopt,
                                           *deadline}};
  }
  if (body->node.empty()) return error_response(usage("\"node\" is missing"));
  const auto peer = node.find_member(body->node);
  if (!peer) return error_response(no_such_member(body->node));
  if (path == "/v1/forget")
    if (const auto error = unforgettable(*peer, node)) return error_response(*error);
  if (path == "/v1/ping" && *peer == node.snapshot().id)  // no network in between
    return json_response(ping_json(*peer, {true, {}}, node.snapshot()));
  Pending pending{path == "/v1/ping" ? "ping" : "forget"};
  pending.peer = *peer;
  pending_.emplace(ticket, std::move(pending));
  if (path == "/v1/forget") return Run{ticket, node::ForgetRequested{ticket, *peer}};
  return Run{ticket, node::PingRequested{ticket, *peer, *deadline}};
}

// --- reports ------------------------------------------------------------------------------------

namespace {

Response put_response(const dht::PutReport& report, std::string_view verb,
                      const node::Snapshot& snapshot) {
  const std::string body = put_json(report, verb, snapshot);
  if (report.outcome == dht::PutOutcome::applied) return json_response(body);
  const std::string why = report.reason.empty() ? "" : ": " + report.reason;
  const std::string counted = std::to_string(report.stored_base) + " of the " +
                              std::to_string(report.needed) + " replicas needed";
  ApiError error{"rejected", 1, 503, "it was not stored" + why, ""};
  if (report.outcome == dht::PutOutcome::unknown && report.stored.empty())
    error = {"timeout", 5, 504, "no replica has confirmed it" + why,
             "it may still be stored; read it to know"};
  else if (report.outcome == dht::PutOutcome::unknown)
    error = {"partial", 6, 206, "only " + counted + " have it" + why,
             "it spreads when the others return; read it to know"};
  const bool with_result = error.exit == 5 || error.exit == 6;
  return json_response(error_json(error, with_result ? body : std::string{}), error.status,
                       error.exit);
}

Response get_response(const dht::GetReport& report, bool as_json) {
  const std::string body = get_json(report);
  const int exit = report.found ? (report.complete ? 0 : 6) : (report.complete ? 3 : 6);
  const int status = report.found ? (report.complete ? 200 : 206) : (report.complete ? 404 : 206);
  if (!report.found) {
    const std::string why = report.reason.empty() ? "" : ": " + report.reason;
    const ApiError error =
        report.complete ? ApiError{"not_found", 3, 404, "no value under this key", ""}
                        : ApiError{"partial", 6, 206,
                                   "too few replicas answered to know whether it exists" + why,
                                   "try again when more members are alive"};
    return json_response(error_json(error, report.complete ? std::string{} : body), status, exit);
  }
  Response out{status, "application/octet-stream", {}, to_text(report.value.view())};
  if (as_json) {
    out.content_type = "application/json";
    out.body = body;
  }
  const auto add = [&](const char* name, std::string value) {
    out.headers.emplace_back(name, std::move(value));
  };
  add("X-Kith-Exit", std::to_string(exit));
  add("X-Kith-Kind", report.kind == wire::Kind::owned ? "owned" : "value");
  add("X-Kith-Seq", std::to_string(report.sequence.value));
  add("X-Kith-Writer", to_string(report.writer));
  add("X-Kith-Complete", report.complete ? "true" : "false");
  add("X-Kith-Needed", std::to_string(report.needed));
  add("X-Kith-Asked", std::to_string(report.asked));
  add("X-Kith-Responded", std::to_string(report.responded));
  add("X-Kith-Duration-Ms", std::to_string(to_millis(report.took)));
  return out;
}

Response join_response(const std::string& target, const node::JoinReport& report,
                       const node::Snapshot& snapshot) {
  const std::string body = join_json(target, report, snapshot);
  if (report.joined) return json_response(body);
  const ApiError error{"not_joined", 9, 503, "could not join " + target,
                       "each attempt and its cause is listed"};
  return json_response(error_json(error, body), 503, 9);
}

Response ping_response(const NodeId& peer, const node::PingReport& report,
                       const node::Snapshot& snapshot) {
  if (report.answered) return json_response(ping_json(peer, report, snapshot));
  return error_response({"timeout", 5, 504, "no answer from " + short_name(peer), ""});
}

}  // namespace

Response Api::complete(Ticket ticket, const node::OperationReport& report, const node::Node& node) {
  const auto entry = pending_.extract(ticket);
  if (entry.empty()) return error_response({"failed", 1, 500, "nobody waits for this report", ""});
  const Pending& pending = entry.mapped();
  const node::Snapshot snapshot = node.snapshot();
  return match(
      report,
      [&](const dht::ReportPtr& data) {
        return match(
            *data, [&](const dht::PutReport& r) { return put_response(r, pending.verb, snapshot); },
            [&](const dht::GetReport& r) { return get_response(r, pending.as_json); },
            [&](const dht::LookupReport& r) { return json_response(lookup_json(r, snapshot)); });
      },
      [&](const node::JoinReport& r) { return join_response(pending.target, r, snapshot); },
      [&](const node::PingReport& r) {
        if (pending.verb == "forget") return json_response(done_json("forget"));
        return ping_response(pending.peer, r, snapshot);
      });
}

std::optional<EventBody> Api::event_of(const node::Output& output) {
  if (const auto* news = std::get_if<node::MemberNews>(&output)) {
    constexpr std::array<std::string_view, 4> types{"member.alive", "member.suspect", "member.dead",
                                                    "member.left"};
    const membership::Member& member = *news->member;
    EventBody body{std::string(types[static_cast<std::size_t>(member.verdict)])};
    body.strings = {{"id", to_string(member.id)},
                    {"name", member.record ? member.record->name : ""}};
    return body;
  }
  if (const auto* news = std::get_if<node::RecordNews>(&output)) {
    EventBody body{news->change->deleted ? "record.deleted" : "record.updated"};
    body.strings = {{"record_id", to_hex(news->change->id.view())}};
    if (news->change->name) body.strings.emplace_back("key", *news->change->name);
    body.numbers = {{"seq", news->change->sequence.value}};
    return body;
  }
  if (const auto* news = std::get_if<node::JoinNews>(&output)) {
    EventBody body{"join.failed"};
    if (!news->report->attempts.empty()) {
      const node::Attempt& last = news->report->attempts.back();
      body.strings = {{"target", last.target}, {"address", last.address}, {"cause", last.cause}};
    }
    return body;
  }
  return std::nullopt;
}

}  // namespace kith::control
