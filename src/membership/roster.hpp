// Roster: the table of members. Keeps the rings, the set for anti-entropy and the counts in step
// with every change, so that no other file can forget one of them.
//
// A member is here only once its own signed record has been verified. Bounded by roster_limit: the
// longest gone makes room, else newcomers are refused.
#pragma once

#include <map>

#include "kith/base/buffer.hpp"
#include "kith/base/flat_map.hpp"
#include "kith/base/lane.hpp"
#include "kith/base/rng.hpp"
#include "kith/membership/membership.hpp"
#include "kith/membership/records.hpp"
#include "kith/reconcile/reconcile.hpp"
#include "rings.hpp"
#include "rtt.hpp"

namespace kith::membership {

// There is one a member at every node, so it is kept small: what can be worked out is.
struct Entry {
  SignedRecordPtr record;
  std::uint32_t place = 0;  // in the roster's list of live members
  Verdict judged = Verdict::alive;
  bool alone = false;  // see Member, as of the next two
  UnixMillis verdict_stamp;
  UnixMillis since_wall;
  Instant since;      // of the verdict
  Instant heard;      // last authentic packet; epoch: never
  Instant asked;      // last probe sent
  Instant told;       // last correction or hint about it
  Instant anew;       // last accusation of it, dead already, that we answered
  Instant contested;  // last proof of its death that we did not believe, having heard it since
  Rtt rtt;
  std::vector<wire::Suspicion> certificate;  // of a dead member

  const NodeId& id() const { return record->id; }
  Incarnation incarnation() const { return record->content.incarnation; }
  const wire::RecordHash& hash() const { return record->hash; }
  Verdict verdict() const { return judged; }
  bool live() const { return verdict() == Verdict::alive || verdict() == Verdict::suspect; }
  bool certified() const { return !live() && !alone; }  // gone, and not on our word alone
  bool suspect() const { return verdict() == Verdict::suspect; }
  wire::Reference reference() const {
    return {wire::prefix_of(id()), incarnation(), judged, hash()};
  }
  // As others are told: a verdict without a witness is nobody else's business.
  wire::Reference shared() const {
    wire::Reference said = reference();
    if (alone) said.verdict = Verdict::alive;
    return said;
  }
  MemberPtr member() const;  // as users read about it
};

// What users read of a record lives as long as the record does.
inline std::shared_ptr<const wire::MemberRecord> content_of(const SignedRecordPtr& record) {
  return {record, &record->content};
}

class Roster {
 public:
  using Entries = FlatMap<NodeId, std::unique_ptr<Entry>>;
  Roster(const NetworkId& network, const NodeId& self) : rings_(network), self_(self) {}

  Entry* find(const NodeId& id);
  const Entry* find(const NodeId& id) const;
  Entry* find(const wire::IdPrefix& prefix);
  Entry* sound(const NodeId& id);  // live, not suspected

  // Adds or replaces the record; verdict alive, or left when it is a goodbye. Null: no room.
  Entry* put(const SignedRecordPtr& record, Now now, Mode mode);
  void judge(Entry& entry, Verdict verdict, Now now, bool alone = false, UnixMillis stamp = {});
  void restamp(Entry& entry, UnixMillis stamp);  // of a death found out later elsewhere
  void erase(const NodeId& id);
  // Whose place the last put took.
  std::optional<std::pair<NodeId, Incarnation>> take_evicted() {
    return std::exchange(evicted_, std::nullopt);
  }

  std::size_t size() const { return entries_.size(); }
  std::size_t live_count() const { return live_.size(); }
  std::size_t suspect_count() const { return suspects_; }
  const Entries& entries() const { return entries_; }  // by id
  const reconcile::RangeSet& set() const { return set_; }

  const std::vector<NodeId>& subjects() const;  // whom we probe
  // Sound ones; until the next question or change.
  const std::vector<NodeId>& observers(const NodeId& subject) const;
  bool may_accuse(const NodeId& accuser, const NodeId& subject) const;
  // Up to `count` sound ones of those we probe and those who probe us: we have sessions with them.
  std::vector<NodeId> pick_neighbours(std::size_t count, Rng& rng) const;
  // Up to `count` distinct sound members other than ourselves and `not_this`.
  std::vector<NodeId> pick(std::size_t count, const NodeId& not_this, Rng& rng) const;
  // The next dead or left member after `last`, round robin.
  std::optional<NodeId> next_gone(const NodeId& last) const;
  std::optional<Instant> oldest_gone() const;  // of the others: when its verdict was reached

 private:
  bool make_room();
  bool prefix_full(const wire::MemberRecord& record) const;
  void enlist(Entry& entry);
  void delist(Entry& entry);
  void publish(const Entry& entry);
  bool is_sound(const NodeId& id) const;
  void soundness_changed();

  Entries entries_;
  std::vector<Entry*> live_;  // unordered, for random picks; changes only by inputs
  std::size_t suspects_ = 0;
  Rings rings_;
  // Worked out when asked for, and kept until somebody comes, goes, or is suspected.
  mutable std::optional<std::vector<NodeId>> subjects_;
  mutable std::map<NodeId, std::vector<NodeId>> observers_;
  reconcile::RangeSet set_;
  NodeId self_;
  std::optional<std::pair<NodeId, Incarnation>> evicted_;
};

}  // namespace kith::membership
