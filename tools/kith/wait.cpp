#include "wait.hpp"

#include <charconv>

#include "kith/control/parse.hpp"
#include "verbs.hpp"

namespace kith::tool {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds poll_fast(20), poll_slow(50), poll_key(200);

// One look: nullopt when the condition holds, else what is missing. Problems end the waiting,
// except those that the next look may not meet.
Result<std::optional<std::string>, Problem> look(const Condition& condition, const Client& client) {
  using Kind = Condition::Kind;
  using Missing = std::optional<std::string>;
  std::string target = condition.kind == Kind::ready ? "/v1/ready" : "/v1/status";
  if (condition.kind == Kind::key) {
    target = key_path("/v1/kv/", condition.key);
    if (const std::string left = client.time_left(); !left.empty()) target += "?timeout=" + left;
  }
  const auto answer = client.get(target);
  if (!answer) {
    const Problem& why = answer.error();
    if (why.exit == exit_permission || why.exit == exit_usage) return Failure<Problem>(why);
    return Missing(why.message);
  }
  if (condition.kind == Kind::ready) return Missing();
  if (condition.kind == Kind::key) {
    const bool whole = exit_of(answer->header("x-kith-exit"), answer->status) == exit_ok;
    return whole ? Missing() : Missing("too few replicas answer");
  }
  const auto status = parse<Status>(answer->body);
  if (!status)
    return problem(exit_failed, "the daemon's answer is not understood", "is it another version?");
  return missing(condition, *status);
}

}  // namespace

Result<Condition, std::string> parse_condition(std::string_view text) {
  using Kind = Condition::Kind;
  if (text == "ready") return Condition{Kind::ready};
  if (text == "joined") return Condition{Kind::joined};
  if (text == "synced") return Condition{Kind::synced};
  constexpr std::string_view members = "members=", key = "key:";
  if (text.starts_with(members)) {
    const std::string_view count = text.substr(members.size());
    Condition out{Kind::members};
    const auto [end, error] =
        std::from_chars(count.data(), count.data() + count.size(), out.members);
    if (error == std::errc{} && end == count.data() + count.size() && out.members > 0) return out;
    return Failure<std::string>("members= takes a number from 1");
  }
  if (text.starts_with(key)) {
    const std::string_view name = text.substr(key.size());
    const auto wrong = control::check_key(name);
    if (wrong == control::KeyError::none) return Condition{Kind::key, 0, std::string(name)};
    return Failure<std::string>("bad key: " + std::string(control::to_string(wrong)));
  }
  return Failure<std::string>(
      "it is one of ready, joined, synced, members=N, key:K" +
      did_you_mean(text, {"ready", "joined", "synced", "members=N", "key:K"}));
}

std::optional<std::string> missing(const Condition& condition, const Status& status) {
  switch (condition.kind) {
    case Condition::Kind::joined:
      if (!status.joined) return "no other member is alive";
      break;
    case Condition::Kind::synced:
      if (!status.synced) return "records are still on their way";
      break;
    case Condition::Kind::members:
      if (status.alive < condition.members)
        return std::to_string(status.alive) + " of " + std::to_string(condition.members) +
               " members are alive";
      break;
    case Condition::Kind::ready:
    case Condition::Kind::key:
      break;
  }
  return std::nullopt;
}

Outcome run_wait(Call& call) {
  const std::string* written = call.arguments.find("for");
  const std::string text = written ? *written : "ready";
  const auto condition = parse_condition(text);
  if (!condition) return problem(exit_usage, "--for \"" + text + "\": " + condition.error());
  const auto began = std::chrono::steady_clock::now();
  const auto slow = condition->kind == Condition::Kind::key ? poll_key : poll_slow;
  std::string last;
  for (milliseconds step = poll_fast;; step = std::min(step + poll_fast, slow)) {
    const auto looked = look(*condition, call.client);
    if (!looked) return Failure<Problem>(looked.error());
    if (!*looked) break;
    const bool in_time =
        std::chrono::steady_clock::now() < call.client.deadline().value_or(Deadline::max());
    if (in_time || last.empty()) last = **looked;
    if (!call.client.pause(step))
      return problem(exit_timeout, "still waiting for " + text + ": " + last);
  }
  if (!call.json()) return exit_ok;
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
  return print_line(
      object({{"schema", "kith/wait/1"}, {"for", text}, {"duration_ms", took.count()}}));
}

}  // namespace kith::tool
