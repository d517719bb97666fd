#include "kith/kad/lookup.hpp"

namespace kith::kad {

Lookup::Lookup(const Place<32>& target, LookupLimits limits) : target_(target), limits_(limits) {}

bool Lookup::insert(const NodeId& id) {
  const auto nearer = [&](const Candidate& candidate, const NodeId& other) {
    return closer(target_, candidate.id.bytes, other.bytes);
  };
  const auto at = std::lower_bound(candidates_.begin(), candidates_.end(), id, nearer);
  if (at != candidates_.end() && at->id == id) return false;
  if (candidates_.size() >= limits_.candidates && at == candidates_.end()) return false;
  candidates_.insert(at, Candidate{id});
  if (candidates_.size() > limits_.candidates) candidates_.pop_back();
  return true;
}

void Lookup::add(const NodeId& candidate) { insert(candidate); }

Lookup::Candidate* Lookup::find(const NodeId& id) {
  for (Candidate& candidate : candidates_)
    if (candidate.id == id) return &candidate;
  return nullptr;
}

std::optional<NodeId> Lookup::next_to_ask(Instant now) const {
  std::size_t in_flight = 0, young = 0, considered = 0;
  for (const Candidate& candidate : candidates_) {
    if (candidate.state != State::asked) continue;
    ++in_flight;
    if (candidate.slot_until > now) ++young;
  }
  if (in_flight >= limits_.cap || young >= limits_.alpha) return std::nullopt;
  for (const Candidate& candidate : candidates_) {
    if (candidate.state == State::failed) continue;
    if (considered++ >= limits_.k) return std::nullopt;
    if (candidate.state == State::fresh) return candidate.id;
  }
  return std::nullopt;
}

void Lookup::mark_asked(const NodeId& id, Instant now, Duration rto) {
  Candidate* candidate = find(id);
  candidate->state = State::asked;
  candidate->asked = now;
  candidate->slot_until = now + rto;
}

void Lookup::answered(const NodeId& peer, const std::vector<NodeId>& found, Instant now) {
  Candidate* candidate = find(peer);
  if (!candidate || candidate->state == State::answered || candidate->state == State::fresh) return;
  candidate->state = State::answered;
  LookupStep step{peer, now - candidate->asked};
  const NodeId best = candidates_.front().id;
  for (const NodeId& id : found) {
    if (!insert(id)) continue;
    ++step.fresh;
    if (closer(target_, id.bytes, best.bytes)) ++step.nearer;
  }
  steps_.push_back(step);
}

void Lookup::failed(const NodeId& peer) {
  if (Candidate* candidate = find(peer); candidate && candidate->state == State::asked)
    candidate->state = State::failed;
}

bool Lookup::finished() const {
  std::size_t considered = 0;
  for (const Candidate& candidate : candidates_) {
    if (candidate.state == State::failed) continue;
    if (considered++ >= limits_.k) return true;
    if (candidate.state != State::answered) return false;
  }
  return true;
}

std::optional<Instant> Lookup::next_slot() const {
  std::optional<Instant> next;
  for (const Candidate& candidate : candidates_)
    if (candidate.state == State::asked && (!next || candidate.slot_until < *next))
      next = candidate.slot_until;
  return next;
}

std::vector<NodeId> Lookup::result() const {
  std::vector<NodeId> out;
  for (const Candidate& candidate : candidates_)
    if (candidate.state == State::answered && out.size() < limits_.k) out.push_back(candidate.id);
  return out;
}

}  // namespace kith::kad
