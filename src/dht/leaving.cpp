// Repair, of a node that leaves: what it holds goes to its neighbours, and nothing it acknowledged
// goes with it.
#include <algorithm>

#include "repair.hpp"

namespace kith::dht {

void Repair::drain() {
  draining_ = true;
  strays_.stop();  // all we hold is handed over
  if (!running_) begin_round();
}

// Two who leave at once would each count on what the other keeps. So one goes after the other: who
// asks first; of two who ask at once the smaller id. The other hands over anew, for it may have
// been given something since.
void Repair::on_leaver(const NodeId& leaver, RequestId request) {
  if (!context_.view.find(leaver)) return context_.drop(DropReason::not_member);
  const bool asks = draining_ && step_ == Step::hand_over && poll_ != 0 && !stopping_;
  const bool first = leaves_ || (asks && context_.self < leaver);
  overtaken_ = overtaken_ || !first;
  const auto status = first ? wire::FetchStatus::refused : wire::FetchStatus::none;
  context_.reply(leaver, wire::Fetched{request, status}, Lane::repair);
}

// A member that has left counts no more, so what it had must be where every later read looks: those
// of its neighbours that were not reached must be fewer than a read asks. Else it stays a member
// that may come back, and its place is kept.
bool Repair::handed_over() const {
  std::vector<NodeId> others = context_.view.neighbours(context_.self.bytes, neighbourhood);
  std::erase(others, context_.self);
  if (others.empty()) {  // one of those who do not count yet will found the network anew
    const std::vector<NodeId> live = context_.view.partners();
    return std::all_of(live.begin(), live.end(),
                       [&](const NodeId& id) { return visited_.contains(id); });
  }
  std::size_t missed = 0;
  for (const NodeId& id : others) missed += visited_.contains(id) ? 0 : 1;
  return missed < read_quorum(std::min(others.size(), replicas));
}

void Repair::ask_to_leave() {
  const std::vector<NodeId> live = context_.view.partners();
  if (live.empty()) {
    running_ = false;
    return context_.out->push(Drained{});
  }
  if (overtaken_ || !handed_over()) return wait_to_leave();
  // From here on we acknowledge nothing; what we did since the round began is given in another one.
  if (!std::exchange(context_.leaving, true) && given_epoch_ != context_.index.epoch())
    return begin_round();
  poll_ = launch_.poll({live.begin(), live.end()}, Poll::Ask::leave);
}

void Repair::leave_or_wait(const Poll& asked) {
  std::erase_if(visited_, [&](const NodeId& id) { return !asked.answered().contains(id); });
  if (asked.refused() || overtaken_ || !handed_over()) return wait_to_leave();
  running_ = false;
  leaves_ = true;
  write({});
}

void Repair::wait_to_leave() {
  running_ = false;
  context_.leaving = false;
  context_.timers.set({Timer::Kind::sync}, context_.now.mono + sync_retry);
}

}  // namespace kith::dht
