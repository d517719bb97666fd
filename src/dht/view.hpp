// View: the roster as the DHT reads it, and the two sets every operation counts by.
//
// base(key): the R closest members that are synced and not retired; deaths do not shrink it by
// themselves, so a majority of it meets every majority before. holders(key): the R closest that
// live; newcomers and stand-ins help durability there and do not count.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "constants.hpp"
#include "kith/base/bounded.hpp"
#include "kith/base/flat_map.hpp"
#include "kith/base/ids.hpp"
#include "kith/dht/dht.hpp"
#include "kith/wire/message.hpp"

namespace kith::dht {

inline std::size_t write_quorum(std::size_t base) { return base / 2 + 1; }
inline std::size_t read_quorum(std::size_t base) { return base == 2 ? 1 : base / 2 + 1; }

// Whether every base within a neighbourhood of `set` counting members has a write quorum, whichever
// `missing` of them are not there. A majority of the neighbourhood is not enough: the others may be
// the majority of some key's base, and acknowledge writes among themselves.
inline bool all_bases_have_quorum(std::size_t set, std::size_t missing) {
  const std::size_t base = std::min<std::size_t>(set, replicas);
  return set > 0 && missing + write_quorum(base) <= base;
}

// How many of `base` an operation of this consistency needs, `quorum` being its majority.
inline std::size_t needed(Consistency level, std::size_t base, std::size_t quorum) {
  switch (level) {
    case Consistency::one:
      return 1;
    case Consistency::all:
      return base;
    case Consistency::quorum:
      break;
  }
  return quorum;
}

template <class Id>
bool contains(const std::vector<Id>& ids, const Id& id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

class View {
 public:
  struct Member {
    PublicKey key;
    UnixMillis synced;
    UnixMillis verdict_stamp;
    Instant since;  // of the presence, for retire_after
    Incarnation incarnation;
    UnixMillis retired_at;                 // its synced must be another to count again
    std::vector<wire::IdPrefix> releases;  // the dead that its stamp is past, as it says
    Endpoint endpoint;
    Presence presence = Presence::alive;
    bool retired = false;
    bool past = false;      // was dead when first heard of: others have settled it
    bool awaited = false;   // remembered from the last run, or forgotten in this; not heard of
    bool promised = false;  // counts for a while, stamp or not; in doubt until a new one
    bool counted = false;   // once, whatever it does now
    bool began_anew =
        false;  // remembered from the last run, and heard of under another incarnation
    UnixMillis stamp_before;  // and its stamp then
    bool live() const { return presence == Presence::alive || presence == Presence::suspect; }
    bool stamped() const { return synced.value > 0 && !retired; }
    bool in_doubt() const { return retired && promised; }
    bool counts() const { return stamped() || promised; }
    // By a stamp that we retired, or by a promise of others.
    bool may_count_elsewhere() const { return synced.value > 0 || presence == Presence::dead; }
    bool releases_one(const NodeId& dead) const {
      return contains(releases, wire::prefix_of(dead));
    }
  };

  explicit View(const NodeId& self) : self_(self) {}

  enum class Change : std::uint8_t { none, news, joined, returned, gone, restamped };
  Change see(const MemberSeen& seen, Now now);
  void remember(const Counting& member, Now now);  // at start, before anything is seen
  bool forget(const NodeId& id, Instant now);
  // The dead that a stamp of ours is past when it is published now: the nearest to us, those that
  // count here first.
  std::vector<wire::IdPrefix> to_release() const;
  // Such a stamp is going to disk, and will be told from there; empty: it was refused, or releases
  // nobody. Until we see it ourselves it is as good as told.
  void releasing(std::vector<wire::IdPrefix> dead);
  bool owes_release() const;  // of one that counts here our stamp says nothing
  // It is about to publish a stamp: from now on it counts here, so that two who do at once, each
  // with a quorum of the old base, know of each other through whom both asked.
  bool promise(const NodeId& id, Instant now);
  // Who asks for it again and again, and publishes nothing, parts those who promised from the
  // others: both hold its places for undecided, and no base has a quorum.
  bool may_promise(const NodeId& id, Instant now) const;
  // Applies the retirement rule; true when a member was retired, or a promise lapsed.
  bool retire(Instant now);
  std::optional<Instant> next_retirement(Instant now) const;
  std::vector<Counting> counting() const;  // the others, by id

  const Member* find(const NodeId& id) const;
  bool live(const NodeId& id) const;
  std::size_t live_count() const { return totals_.live; }
  std::size_t counting_count() const { return totals_.counting; }
  bool has_synced_member() const { return totals_.counting > 0; }
  std::size_t unsettled_count() const { return totals_.unsettled; }  // dead, and counting
  bool any_unsettled() const { return unsettled_count() > 0; }
  UnixMillis newest_verdict() const;  // of deaths that count here, or elsewhere still
  // Whether that member has published past the death of a neighbour of both of us that still counts
  // here, and we have not: no neighbour retires it before all have.
  bool waits_for_us(const NodeId& publisher) const;
  NodeId smallest_live() const;

  std::vector<NodeId> base(const ByteArray<32>& place) const;
  // Those that count by a stamp, be it in doubt.
  std::vector<NodeId> stamped(const ByteArray<32>& place, std::size_t count) const;
  std::vector<NodeId> promised(const ByteArray<32>& place) const;  // the R closest; no stamp
  std::vector<NodeId> holders(const ByteArray<32>& place) const;
  std::vector<NodeId> neighbours(const ByteArray<32>& place, std::size_t count) const;  // counting
  std::vector<NodeId> keepers(const ByteArray<32>& place) const;  // base and holders
  std::vector<NodeId> veterans() const;  // live partners that counted once and do not now
  std::vector<NodeId> partners() const;  // live members whose records we may share; not us
  std::vector<NodeId> live_closest(const ByteArray<32>& place, std::size_t count) const;
  bool shares_everything() const { return live_count() <= replicas; }

  // Of who is in it, and who by a promise only: equal where both agree on both. Who was promised
  // may hold a stamp that we do not know of, or one that was retired here.
  wire::BaseDigest digest(std::vector<NodeId> base) const;
  std::uint64_t epoch() const { return epoch_; }  // moves with every change that can move a set

 private:
  template <class Keep>
  std::vector<NodeId> closest_that(const ByteArray<32>& place, std::size_t count, Keep keep) const;
  UnixMillis own_stamp() const;
  bool released(const NodeId& dead) const;
  std::vector<wire::IdPrefix> dead_near(bool counting) const;
  bool lapse(Instant now);
  void forget_oldest();
  void withdraw(const NodeId& id, Member& member);
  bool settled(const NodeId& id, const Member& member) const;
  bool asked_since_death(const NodeId& id, const Member& member, Instant now) const;
  bool unknown_to_all(const NodeId& id, const Member& member, Instant now) const;

  // Kept as members change: most questions come with every piece of news.
  struct Totals {
    std::size_t live = 0, counting = 0, unsettled = 0;
  };
  void add(const Member& member);
  void subtract(const Member& member);

  NodeId self_;
  FlatMap<NodeId, std::unique_ptr<Member>> members_;
  FlatMap<NodeId, Instant> promises_;              // until when
  LruMap<NodeId, Instant> asked_{promises_limit};  // for a promise first, and no stamp since
  std::vector<wire::IdPrefix> releasing_;
  Totals totals_;
  std::uint64_t epoch_ = 0;
};

}  // namespace kith::dht
