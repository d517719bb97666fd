#include "joins.hpp"

namespace kith::node {
namespace {

// Causes that may pass while a daemon is still starting or two lan networks are still agreeing.
bool may_pass(session::DialOutcome outcome) {
  using session::DialOutcome;
  return outcome == DialOutcome::wrong_network || outcome == DialOutcome::refused ||
         outcome == DialOutcome::no_answer || outcome == DialOutcome::unreachable;
}

constexpr std::size_t attempts_limit = 64;

}  // namespace

void Joins::begin(const JoinRequested& request, Now now) {
  operations_.emplace(request.ticket, Operation{now.mono + request.deadline, {}});
}

void Joins::dialling(Ticket dial, Ticket user, std::string target, const Endpoint& endpoint) {
  dials_.emplace(dial, Dial{user, std::move(target), endpoint});
}

std::optional<Joins::Ended> Joins::unresolved(Ticket user, std::string target) {
  const Attempt attempt{std::move(target), "", "the name does not resolve"};
  const auto operation = operations_.find(user);
  if (operation == operations_.end()) return Ended{{}, {false, {}, {attempt}}};
  operation->second.report.attempts.push_back(attempt);
  return std::nullopt;
}

std::optional<Joins::Ended> Joins::finished(const session::DialFinished& dial, bool apart) {
  const auto node = dials_.extract(dial.ticket);
  if (node.empty()) return std::nullopt;
  const Dial& done = node.mapped();
  const std::string cause = apart ? "other_lan" : std::string(session::to_string(dial.outcome));
  const Attempt attempt{done.target, to_string(done.endpoint), cause};
  const bool ok = dial.outcome == session::DialOutcome::ok;
  // A later attempt at the same target serves whoever waits for that target.
  Ticket user = done.user;
  auto operation = operations_.find(user);
  if (operation == operations_.end() && !operations_.empty() && user.value == 0)
    for (auto it = operations_.begin(); it != operations_.end(); ++it)
      for (const Attempt& earlier : it->second.report.attempts)
        if (earlier.target == done.target) operation = it;
  if (operation == operations_.end()) {
    if (ok) return std::nullopt;
    return Ended{{}, {false, {}, {attempt}}};
  }
  JoinReport& report = operation->second.report;
  if (report.attempts.size() < attempts_limit) report.attempts.push_back(attempt);
  report.joined = ok;
  report.peer = dial.peer;
  if (!ok && may_pass(dial.outcome) && !apart)
    return std::nullopt;  // discovery tries again until the deadline
  for (const auto& [ticket, other] : dials_)
    if (!ok && other.user == operation->first) return std::nullopt;  // another address may do
  Ended ended{operation->first, std::move(report)};
  operations_.erase(operation);
  return ended;
}

std::vector<Joins::Ended> Joins::expired(Now now) {
  std::vector<Ended> out;
  for (auto it = operations_.begin(); it != operations_.end();) {
    if (it->second.deadline > now.mono) {
      ++it;
      continue;
    }
    // Whoever is still being asked has not answered.
    for (const auto& [ticket, dial] : dials_)
      if (dial.user == it->first)
        it->second.report.attempts.push_back(
            {dial.target, to_string(dial.endpoint), "no answer yet"});
    out.push_back({it->first, std::move(it->second.report)});
    it = operations_.erase(it);
  }
  return out;
}

std::optional<Instant> Joins::next_deadline() const {
  std::optional<Instant> next;
  for (const auto& [ticket, operation] : operations_) next = earlier(next, operation.deadline);
  return next;
}

std::optional<Endpoint> Joins::place_of(Ticket dial) const {
  const auto it = dials_.find(dial);
  return it == dials_.end() ? std::nullopt : std::optional(it->second.endpoint);
}

std::optional<Ticket> Joins::dial_to(const Endpoint& endpoint) const {
  for (const auto& [ticket, dial] : dials_)
    if (dial.endpoint == endpoint) return ticket;
  return std::nullopt;
}

}  // namespace kith::node
