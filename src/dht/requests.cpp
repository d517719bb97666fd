#include "requests.hpp"

namespace kith::dht {

Duration Requests::rto(const NodeId& peer) const {
  const Rtt* rtt = rtt_.peek(peer);
  const Tuning& tuning = context_.config.tuning;
  if (!rtt) return tuning.rto_unknown;
  return std::clamp(rtt->smoothed + 4 * rtt->variation, tuning.rto_min, tuning.rto_max);
}

void Requests::observe(const NodeId& peer, Duration rtt) {
  Rtt* known = rtt_.find(peer);
  if (!known) {
    rtt_.put(peer, Rtt{rtt, rtt / 2});
    return;
  }
  const Duration error = rtt > known->smoothed ? rtt - known->smoothed : known->smoothed - rtt;
  known->variation += (error - known->variation) / 4;  // RFC 6298
  known->smoothed += (rtt - known->smoothed) / 8;
}

void Requests::add(OperationId operation, const NodeId& to, wire::Message message, RequestId id,
                   Instant deadline, Lane lane) {
  if (pending_.size() >= requests_limit) return context_.drop(DropReason::limit_reached);
  Pending pending{operation, to, {}, lane, context_.now.mono, deadline};
  if (to == context_.self) {
    context_.loopback.emplace_back(to, std::move(message));
  } else {
    pending.message = wire::encode(message);
    context_.out->push(SendMessage{to, pending.message, lane});
    if (pending.message.size() <= datagram_resend_limit) budget_.sent(context_.now.mono);
  }
  // What goes by stream is reliable: there the timer only tells silence.
  context_.timers.set({Timer::Kind::resend, id.value},
                      std::min(context_.now.mono + rto(to), deadline));
  pending_.emplace(id, std::move(pending));
  ++count_[operation];
}

void Requests::erase(std::map<RequestId, Pending>::iterator it) {
  context_.timers.cancel({Timer::Kind::resend, it->first.value});
  const auto count = count_.find(it->second.operation);
  if (--count->second == 0) count_.erase(count);
  pending_.erase(it);
}

OperationId Requests::take(const NodeId& from, RequestId id) {
  const auto it = pending_.find(id);
  if (it == pending_.end() || it->second.to != from) return 0;
  // Karn: an answer after a resend says nothing about the round trip.
  if (it->second.timed && from != context_.self) observe(from, context_.now.mono - it->second.sent);
  const OperationId operation = it->second.operation;
  erase(it);
  return operation;
}

std::optional<Requests::Overdue> Requests::on_timer(std::uint64_t id) {
  const auto it = pending_.find(RequestId{id});
  if (it == pending_.end()) return std::nullopt;
  Pending& pending = it->second;
  Overdue overdue{pending.operation, pending.to};
  if (context_.now.mono >= pending.deadline) {
    overdue.expired = true;
    erase(it);
    return overdue;
  }
  overdue.silent = pending.timeouts == 0;
  const bool datagram = pending.message.size() <= datagram_resend_limit && !pending.message.empty();
  if (!datagram) {
    pending.timed = false;
  } else if (budget_.withdraw(context_.now.mono)) {
    pending.timed = false;
    ++context_.resends;
    context_.out->push(SendMessage{pending.to, pending.message, pending.lane});
  } else {
    ++context_.resends_withheld;
  }
  // Twice as long each time: who is slow is not buried under copies of one question.
  const int doublings = std::min(++pending.timeouts, 16);
  const Instant next =
      context_.now.mono + std::min(rto(pending.to) * (1 << doublings), resend_at_least_every);
  context_.timers.set({Timer::Kind::resend, id}, std::min(next, pending.deadline));
  return overdue;
}

std::vector<OperationId> Requests::give_up(const NodeId& peer) {
  std::vector<OperationId> waiting;
  for (auto it = pending_.begin(); it != pending_.end();) {
    const auto next = std::next(it);
    if (it->second.to == peer) {
      if (waiting.empty() || waiting.back() != it->second.operation)
        waiting.push_back(it->second.operation);
      erase(it);
    }
    it = next;
  }
  return waiting;
}

void Requests::cancel(OperationId operation) {
  if (!count_.contains(operation)) return;
  for (auto it = pending_.begin(); it != pending_.end();) {
    const auto next = std::next(it);
    if (it->second.operation == operation) erase(it);
    it = next;
  }
}

std::size_t Requests::in_flight(OperationId operation) const {
  const auto it = count_.find(operation);
  return it == count_.end() ? 0 : it->second;
}

}  // namespace kith::dht
