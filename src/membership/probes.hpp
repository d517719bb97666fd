// Probes: the questions in flight, ours and those we run for others.
#pragma once

#include <algorithm>
#include <map>
#include <vector>

#include "constants.hpp"
#include "kith/base/ids.hpp"

namespace kith::membership {

struct Probe {
  NodeId target;
  Instant sent;
  bool indirect = false;        // helpers and the stream have been asked
  std::vector<NodeId> helpers;  // asked
  std::vector<NodeId> nacked;   // answered that the target is silent to them too
};

struct Relay {
  NodeId target;
  NodeId asker;
  RequestId asked;  // the asker's request, to answer
};

class Probes {
 public:
  bool full() const { return probes_.size() >= probes_limit; }
  bool half_full() const { return probes_.size() >= probes_limit / 2; }
  bool asking(const NodeId& target) const { return by_target_.contains(target); }

  Probe& start(RequestId request, const NodeId& target, Instant now) {
    by_target_[target] = request;
    return probes_[request] = Probe{target, now, false, {}, {}};
  }
  Probe* find(RequestId request) {
    const auto it = probes_.find(request);
    return it == probes_.end() ? nullptr : &it->second;
  }
  std::optional<RequestId> of(const NodeId& target) const {
    const auto it = by_target_.find(target);
    return it == by_target_.end() ? std::nullopt : std::optional(it->second);
  }
  void finish(RequestId request) {
    if (const Probe* probe = find(request)) by_target_.erase(probe->target);
    probes_.erase(request);
  }
  void clear() {
    probes_.clear();
    by_target_.clear();
  }

  bool relay(RequestId request, const Relay& relay) {
    return relays_.size() < relays_limit && relays_.emplace(request, relay).second;
  }
  std::optional<Relay> take_relay(RequestId request) {
    const auto node = relays_.extract(request);
    return node ? std::optional(node.mapped()) : std::nullopt;
  }
  const Relay* find_relay(RequestId request) const {
    const auto it = relays_.find(request);
    return it == relays_.end() ? nullptr : &it->second;
  }

 private:
  std::map<RequestId, Probe> probes_;
  std::map<NodeId, RequestId> by_target_;
  std::map<RequestId, Relay> relays_;
};

}  // namespace kith::membership
