#include "answers.hpp"

#include <array>
#include <nlohmann/json.hpp>

#include "kith/base/visit.hpp"
#include "table.hpp"

namespace kith::tool {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Runs `read` on the body; the library's exceptions end here.
template <class T, class Read>
std::optional<T> reading(const std::string& body, Read read) {
  try {
    T out;
    read(Json::parse(body), out);
    return out;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

std::string text(const Json& json, const char* name) { return json.at(name).get<std::string>(); }
std::uint64_t number(const Json& json, const char* name) {
  return json.at(name).get<std::uint64_t>();
}
bool truth(const Json& json, const char* name) { return json.at(name).get<bool>(); }
Peer peer_in(const Json& json) { return {text(json, "id"), text(json, "name")}; }

Member member_in(const Json& json) {
  Member out{text(json, "id"),    text(json, "name"),    text(json, "state"),
             text(json, "since"), text(json, "version"), truth(json, "self")};
  out.addresses = json.at("addresses").get<std::vector<std::string>>();
  if (!json.at("rtt_ms").is_null()) out.rtt_ms = json.at("rtt_ms").get<double>();
  for (const auto& [key, value] : json.at("tags").items())
    out.tags.emplace_back(key, value.get<std::string>());
  return out;
}

}  // namespace

std::string label(const Peer& peer) { return peer.name.empty() ? short_id(peer.id) : peer.name; }

template <>
std::optional<Status> parse(const std::string& body) {
  return reading<Status>(body, [](const Json& json, Status& out) {
    out = {text(json, "id"),      text(json, "key"),     text(json, "name"),
           text(json, "version"), text(json, "network"), text(json, "mode")};
    out.listen = json.at("listen").get<std::vector<std::string>>();
    out.uptime_s = number(json, "uptime_s");
    out.joined = truth(json, "joined");
    out.synced = truth(json, "synced");
    const Json& members = json.at("members");
    out.alive = number(members, "alive");
    out.suspect = number(members, "suspect");
    out.dead = number(members, "dead");
    out.left = number(members, "left");
    out.records = number(json, "records");
    out.under_replicated = number(json.at("repair"), "under_replicated");
    out.queued_bytes = number(json.at("repair"), "queued_bytes");
    if (json.contains("other_networks"))
      for (const Json& other : json.at("other_networks"))
        out.others.push_back(
            {text(other, "id"), text(other, "seen_at"), truth(other, "holds_records")});
  });
}

template <>
std::optional<std::vector<Member>> parse(const std::string& body) {
  return reading<std::vector<Member>>(body, [](const Json& json, std::vector<Member>& out) {
    for (const Json& member : json.at("members")) out.push_back(member_in(member));
  });
}

template <>
std::optional<PutAnswer> parse(const std::string& body) {
  return reading<PutAnswer>(body, [](const Json& json, PutAnswer& out) {
    out = {text(json, "key"),   text(json, "kind"),    text(json, "outcome"),
           number(json, "seq"), number(json, "bytes"), number(json, "needed")};
    for (const Json& peer : json.at("stored")) out.stored.push_back(peer_in(peer));
    out.stored_base = json.value("stored_base", std::uint64_t{out.stored.size()});
  });
}

template <>
std::optional<LookupAnswer> parse(const std::string& body) {
  return reading<LookupAnswer>(body, [](const Json& json, LookupAnswer& out) {
    out.record_id = text(json, "record_id");
    out.duration_ms = json.at("duration_ms").get<double>();
    for (const Json& replica : json.at("replicas"))
      out.replicas.push_back({peer_in(replica), number(replica, "rank"),
                              number(replica, "distance_bits"), text(replica, "address")});
    for (const Json& step : json.at("steps"))
      out.steps.push_back({text(step, "peer"), step.at("rtt_ms").get<double>(), number(step, "new"),
                           number(step, "closer")});
  });
}

template <>
std::optional<JoinAnswer> parse(const std::string& body) {
  return reading<JoinAnswer>(body, [](const Json& json, JoinAnswer& out) {
    out = {text(json, "target"), peer_in(json.at("peer"))};
  });
}

template <>
std::optional<PingAnswer> parse(const std::string& body) {
  return reading<PingAnswer>(body, [](const Json& json, PingAnswer& out) {
    out = {peer_in(json), json.at("rtt_ms").get<double>()};
  });
}

template <>
std::optional<Event> parse(const std::string& body) {
  return reading<Event>(body, [](const Json& json, Event& out) {
    for (const auto& [name, value] : json.items()) {
      const std::string shown = value.is_string() ? value.get<std::string>() : dump(value);
      if (name == "n")
        out.n = value.get<std::uint64_t>();
      else if (name == "time")
        out.time = shown;
      else if (name == "type")
        out.type = shown;
      else if (name != "boot")
        out.fields.emplace_back(name, shown);
    }
  });
}

std::optional<Problem> parse_error(const std::string& body) {
  return reading<Problem>(body, [&](const Json& json, Problem& out) {
    const Json& error = json.at("error");
    out = {error.at("exit").get<int>(), text(error, "message"), error.value("hint", ""), body};
  });
}

std::string result_in(const std::string& error_body) {
  return reading<std::string>(error_body,
                              [](const Json& json, std::string& out) {
                                const Json& error = json.at("error");
                                if (error.contains("result")) out = dump(error.at("result"));
                              })
      .value_or("");
}

std::vector<Attempt> attempts_in(const std::string& error_body) {
  return reading<std::vector<Attempt>>(
             error_body,
             [](const Json& json, std::vector<Attempt>& out) {
               for (const Json& a : json.at("error").at("result").at("attempts"))
                 out.push_back({text(a, "target"), text(a, "address"), text(a, "cause")});
             })
      .value_or(std::vector<Attempt>{});
}

std::string hint_for(std::string_view cause) {
  if (cause.starts_with("no_answer") || cause.starts_with("no answer"))
    return "is kithd running there, and UDP to that port let through?";
  if (cause == "refused") return "the host is up, but no kithd listens on that port";
  if (cause == "unreachable") return "no route to that address from here";
  if (cause == "wrong_network") return "it is in another network; compare kith status on both";
  if (cause == "other_lan")
    return "both lan networks hold records; --adopt drops ours and takes the other";
  if (cause == "not_local") return "lan mode takes local addresses only; use a private network";
  if (cause == "version") return "it speaks another protocol version; update the older one";
  if (cause == "wrong_key") return "another node answers there than the key names";
  if (cause == "unpinned") return "write key@host:port, or accept its key with --trust-first";
  if (cause == "self") return "that address is this node's own";
  if (cause.find("resolve") != std::string_view::npos) return "check the name and the resolver";
  return {};
}

std::string error_json(const Problem& problem) {
  Json inner{{"code", code_of(problem.exit)}, {"exit", problem.exit}, {"message", problem.message}};
  if (!problem.hint.empty()) inner["hint"] = problem.hint;
  return one_line(dump(Json{{"error", std::move(inner)}}));
}

std::string object(std::initializer_list<std::pair<std::string_view, Field>> fields) {
  Json json = Json::object();
  for (const auto& [name, value] : fields)
    std::visit([&json, key = std::string(name)](const auto& plain) { json[key] = plain; }, value);
  return one_line(dump(json));
}

std::string one_line(std::string_view json) {
  constexpr std::string_view digits = "0123456789abcdef";
  while (!json.empty() && (json.back() == '\n' || json.back() == '\r')) json.remove_suffix(1);
  std::string out;
  out.reserve(json.size());
  for (std::size_t i = 0; i < json.size(); ++i) {
    const auto byte = static_cast<unsigned char>(json[i]);
    const auto next = static_cast<unsigned char>(i + 1 < json.size() ? json[i + 1] : 0);
    const bool c1 = byte == 0xc2 && next >= 0x80 && next < 0xa0;
    if (!c1 && byte != 0x7f) {
      out.push_back(json[i]);
      continue;
    }
    const unsigned char shown = c1 ? static_cast<unsigned char>(json[++i]) : byte;
    out += "\\u00";
    out.push_back(digits[shown >> 4]);
    out.push_back(digits[shown & 15]);
  }
  return out;
}

}  // namespace kith::tool
