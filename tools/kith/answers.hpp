// Answers: the daemon's JSON as plain structs, and the few objects the command line makes itself.
// The only file of the tool that pays for the JSON library. A field that is missing or of another
// type makes the whole answer nullopt: better "not understood" than half of it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "problem.hpp"

namespace kith::tool {

struct Peer {
  std::string id, name;
};
std::string label(const Peer& peer);  // its name, else the short id

struct OtherNetwork {
  std::string id, seen_at;
  bool holds_records = false;
};
struct Status {
  std::string id, key, name, version, network, mode;
  std::vector<std::string> listen;
  std::uint64_t uptime_s = 0;
  bool joined = false, synced = false;
  std::uint64_t alive = 0, suspect = 0, dead = 0, left = 0;
  std::uint64_t records = 0, under_replicated = 0, queued_bytes = 0;
  std::vector<OtherNetwork> others;
};
struct Member {
  std::string id, name, state, since, version;
  bool self = false;
  std::vector<std::string> addresses;
  std::optional<double> rtt_ms;
  std::vector<std::pair<std::string, std::string>> tags;
};
struct PutAnswer {
  std::string key, kind, outcome;
  std::uint64_t seq = 0, bytes = 0, needed = 0, stored_base = 0;
  std::vector<Peer> stored;
};
struct Replica {
  Peer peer;
  std::uint64_t rank = 0, distance_bits = 0;
  std::string address;
};
struct Step {
  std::string peer;
  double rtt_ms = 0;
  std::uint64_t fresh = 0, closer = 0;  // contacts it told that were new; that were nearer
};
struct LookupAnswer {
  std::string record_id;
  std::vector<Replica> replicas;
  std::vector<Step> steps;
  double duration_ms = 0;
};
struct JoinAnswer {
  std::string target;
  Peer peer;
};
struct PingAnswer {
  Peer peer;
  double rtt_ms = 0;
};
struct Attempt {
  std::string target, address, cause;
};
struct Event {
  std::uint64_t n = 0;
  std::string time, type;
  std::vector<std::pair<std::string, std::string>> fields;  // the others, values as text
};

template <class T>
std::optional<T> parse(const std::string& body);
template <>
std::optional<Status> parse(const std::string& body);
template <>
std::optional<std::vector<Member>> parse(const std::string& body);
template <>
std::optional<PutAnswer> parse(const std::string& body);
template <>
std::optional<LookupAnswer> parse(const std::string& body);
template <>
std::optional<JoinAnswer> parse(const std::string& body);
template <>
std::optional<PingAnswer> parse(const std::string& body);
template <>
std::optional<Event> parse(const std::string& body);

// The error object of an answer; nullopt: it is none. `answer` of it is the body itself.
std::optional<Problem> parse_error(const std::string& body);
std::string result_in(const std::string& error_body);  // its "result" as text, else empty
std::vector<Attempt> attempts_in(const std::string& error_body);
std::string hint_for(std::string_view cause);  // of an attempt: what to look at next

template <class T>
std::optional<T> error_result(const std::string& error_body) {
  const std::string result = result_in(error_body);
  return result.empty() ? std::nullopt : parse<T>(result);
}

std::string error_json(const Problem& problem);

// {"name":value,...} in this order; strings are made valid UTF-8.
using Field = std::variant<std::string, std::uint64_t, double, bool>;
std::string object(std::initializer_list<std::pair<std::string_view, Field>> fields);

// JSON text on one line and harmless to a terminal: DEL and C1 controls as \u00XX.
std::string one_line(std::string_view json);

}  // namespace kith::tool
