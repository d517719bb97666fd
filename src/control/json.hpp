// JSON: every object of the contract is built here and nowhere else. Takes and gives std types, so
// that one file of the room pays for the JSON library.
#pragma once

#include "kith/control/api.hpp"

namespace kith::control {

std::string status_json(const About& about, const node::Snapshot& snapshot, Now now);
std::string members_json(const About& about, const node::Snapshot& snapshot);
std::string ready_json();
std::string put_json(const dht::PutReport& report, std::string_view verb,
                     const node::Snapshot& snapshot);
std::string get_json(const dht::GetReport& report);
std::string lookup_json(const dht::LookupReport& report, const node::Snapshot& snapshot);
std::string join_json(const std::string& target, const node::JoinReport& report,
                      const node::Snapshot& snapshot);
std::string ping_json(const NodeId& peer, const node::PingReport& report,
                      const node::Snapshot& snapshot);
std::string done_json(std::string_view verb);
// `result`: the JSON of a whole put, get or join object, for errors that carry one.
std::string error_json(const ApiError& error, const std::string& result = {});
std::string event_json(std::uint64_t n, const BootId& boot, UnixMillis wall, const EventBody& body);

// The body of a POST: an object with only these members. Errors as text.
struct PostBody {
  std::string target, node;
  bool adopt = false, trust_first = false;
  std::string timeout;
};
Result<PostBody, std::string> parse_post(const std::string& body);

}  // namespace kith::control
