// Lookup: find the k nodes closest to a target by asking ever closer ones [Kademlia 2.3].
//
// It differs from the paper in what makes the tail: a request older than its peer's RTO frees its
// slot for another one (the paper waits for a fixed timeout), and it is seeded with everything the
// roster knows, so in a network that fits one view the first round already asks the final k and
// nothing closer comes back. It sends nothing itself: ask() names whom to ask next.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "kith/base/ids.hpp"
#include "kith/base/time.hpp"
#include "kith/kad/space.hpp"

namespace kith::kad {

struct LookupLimits {
  std::size_t k = 16;     // nodes wanted
  std::size_t alpha = 4;  // requests in flight that are younger than their RTO
  std::size_t cap = 12;   // requests in flight at all
  std::size_t candidates = 256;
};

struct LookupStep {  // one answered request, as `kith lookup` shows it
  NodeId peer;
  Duration rtt{};
  std::size_t fresh = 0;   // nodes we had not known
  std::size_t nearer = 0;  // of those, closer than the best so far
};

class Lookup {
 public:
  Lookup(const Place<32>& target, LookupLimits limits = {});

  void add(const NodeId& candidate);  // a seed; not counted as a step
  // Whom to ask now; marks them asked. `rto` is when that request stops holding its slot.
  template <class RtoOf>
  std::vector<NodeId> ask(Instant now, RtoOf rto_of) {
    std::vector<NodeId> out;
    while (const auto next = next_to_ask(now)) {
      mark_asked(*next, now, rto_of(*next));
      out.push_back(*next);
    }
    return out;
  }
  void answered(const NodeId& peer, const std::vector<NodeId>& found, Instant now);
  void failed(const NodeId& peer);

  bool finished() const;                     // the k closest that are not failed have answered
  std::optional<Instant> next_slot() const;  // when the oldest request frees its slot
  std::vector<NodeId> result() const;        // closest that answered, closest first, at most k
  const std::vector<LookupStep>& steps() const { return steps_; }

 private:
  enum class State : std::uint8_t { fresh, asked, answered, failed };
  struct Candidate {
    NodeId id;
    State state = State::fresh;
    Instant asked{};
    Instant slot_until{};
  };
  std::optional<NodeId> next_to_ask(Instant now) const;
  void mark_asked(const NodeId& id, Instant now, Duration rto);
  Candidate* find(const NodeId& id);
  bool insert(const NodeId& id);

  Place<32> target_;
  LookupLimits limits_;
  std::vector<Candidate> candidates_;  // sorted, closest first
  std::vector<LookupStep> steps_;
};

}  // namespace kith::kad
