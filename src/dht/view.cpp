#include "view.hpp"

#include "constants.hpp"
#include "kith/crypto/hash.hpp"
#include "kith/kad/space.hpp"

namespace kith::dht {

View::Change View::see(const MemberSeen& seen, Now now) {
  const auto known = members_.find(seen.id);
  if (known == members_.end()) {
    if (members_.size() >= members_limit + retired_limit) return Change::none;
    Member member{seen.key, seen.synced, seen.verdict_stamp, now.mono};
    member.presence = seen.presence;
    member.endpoint = seen.endpoint;
    member.incarnation = seen.incarnation;
    member.past = !member.live();
    member.releases = seen.releases;
    member.counted = seen.synced.value > 0;
    add(member);
    ++epoch_;
    members_.try_emplace(seen.id, std::make_unique<Member>(member));
    return member.live() ? Change::joined : Change::gone;
  }
  Member& member = *known->second;
  if (seen.id == self_ && seen.releases == releasing_) releasing_.clear();
  subtract(member);
  const bool was_live = member.live();
  const bool awaited = std::exchange(member.awaited, false);
  // After a restart somebody may know less of it than we did. A later stamp is none of those: its
  // incarnation went back, for the disk had refused the greater one.
  const bool outdated = seen.incarnation < member.incarnation && seen.synced <= member.synced;
  const UnixMillis synced = outdated ? member.synced : seen.synced;
  const bool moved = member.presence != seen.presence || member.synced != synced;
  const bool lives = seen.presence == Presence::alive || seen.presence == Presence::suspect;
  const bool may_be_retired = !was_live && lives && member.stamped() && released(seen.id);
  const bool restamped = !was_live && seen.presence == Presence::dead &&
                         member.presence == Presence::dead &&
                         seen.verdict_stamp != member.verdict_stamp;
  if (was_live != lives) member.since = now.mono;
  if (awaited) {
    member.began_anew = seen.incarnation != member.incarnation;
    member.stamp_before = member.synced;
  }
  if (may_be_retired) {  // in doubt it counts, and we agree with those only who doubt it as well
    member.retired = member.promised = true;
    member.retired_at = member.synced;
  }
  member.key = seen.key;
  member.presence = seen.presence;
  member.synced = synced;
  if (!outdated) member.releases = seen.releases;
  if (!outdated) member.incarnation = seen.incarnation;
  member.counted = member.counted || synced.value > 0;
  member.verdict_stamp = seen.verdict_stamp;
  member.endpoint = seen.endpoint;
  member.past = member.past && !member.live();
  // A new stamp, not a greater one: its clock may have been set back since.
  if (member.retired && member.live() && member.synced != member.retired_at) member.retired = false;
  if (member.stamped()) asked_.erase(seen.id);
  if (member.stamped() || member.presence == Presence::left) withdraw(seen.id, member);
  add(member);
  if (moved) ++epoch_;
  if (awaited) return member.live() ? Change::joined : Change::gone;
  if (!was_live && member.live()) return Change::returned;
  if (was_live && !member.live()) return Change::gone;
  return restamped ? Change::restamped : moved ? Change::news : Change::none;
}

UnixMillis View::own_stamp() const {
  const Member* me = find(self_);
  return me ? me->synced : UnixMillis{};
}

// Whether a stamp of ours is past that death, as it says: others may have retired it by that, and
// would not count it with us when it comes back as it was.
bool View::released(const NodeId& dead) const {
  const Member* me = find(self_);
  return (me && me->releases_one(dead)) || contains(releasing_, wire::prefix_of(dead));
}

// The nearest dead that others may count, or may have: those that count here, or those that do not.
std::vector<wire::IdPrefix> View::dead_near(bool counting) const {
  std::vector<wire::IdPrefix> dead;
  kad::visit_closest(
      self_.bytes, members_.begin(), members_.end(),
      [](const auto& item) -> const ByteArray<32>& { return item.first.bytes; },
      [&](const auto& item) {
        const Member& member = *item.second;
        const bool told = member.may_count_elsewhere() && member.verdict_stamp.value > 0;
        if (!member.live() && told && member.counts() == counting)
          dead.push_back(wire::prefix_of(item.first));
        return dead.size() < wire::releases_limit;
      });
  return dead;
}

std::vector<wire::IdPrefix> View::to_release() const {
  std::vector<wire::IdPrefix> dead = dead_near(true);
  for (const wire::IdPrefix& other : dead_near(false))
    if (dead.size() < wire::releases_limit) dead.push_back(other);
  return dead;
}

void View::releasing(std::vector<wire::IdPrefix> dead) {
  releasing_ = std::move(dead);
  if (any_unsettled()) ++epoch_;
}

bool View::owes_release() const {
  if (!any_unsettled()) return false;
  const Member* me = find(self_);
  const std::vector<wire::IdPrefix> dead = dead_near(true);
  return std::any_of(dead.begin(), dead.end(), [me](const wire::IdPrefix& one) {
    return !me || !contains(me->releases, one);
  });
}

void View::remember(const Counting& known, Now now) {
  const bool promised = known.as == Counting::As::promised;
  if (known.id == self_ || members_.size() >= members_limit + retired_limit) return;
  if (known.synced.value == 0 && !promised) return;
  Member member{known.key, known.synced, {}, now.mono};
  member.presence = Presence::dead;
  member.awaited = true;
  member.incarnation = known.incarnation;
  member.counted = known.synced.value > 0;
  member.retired = known.as == Counting::As::retired || known.as == Counting::As::in_doubt;
  member.promised = promised || known.as == Counting::As::in_doubt;
  member.retired_at = member.retired ? known.synced : UnixMillis{};
  if (members_.try_emplace(known.id, std::make_unique<Member>(member)).second) add(member);
  if (promised) promises_.try_emplace(known.id, now.mono + promise_life);
  ++epoch_;
}

// Its record is gone, the stamp it was retired with is not: it may come back as it was after years,
// and must not count by that. What the last run remembers is kept the same way.
bool View::forget(const NodeId& id, Instant now) {
  const auto known = members_.find(id);
  if (known == members_.end()) return false;
  Member& member = *known->second;
  subtract(member);
  withdraw(id, member);
  ++epoch_;
  if (member.synced.value == 0) {
    members_.erase(known);
    return true;
  }
  Member kept{member.key, member.synced, {}, now, member.incarnation};
  kept.presence = Presence::dead;
  kept.awaited = kept.counted = kept.retired = true;
  kept.retired_at = member.retired ? member.retired_at : member.synced;
  member = kept;
  add(member);
  forget_oldest();
  return true;
}

void View::forget_oldest() {
  auto oldest = members_.end();
  std::size_t kept = 0;
  for (auto it = members_.begin(); it != members_.end(); ++it) {
    if (!it->second->awaited || it->second->counts()) continue;
    ++kept;
    if (oldest == members_.end() || it->second->since < oldest->second->since) oldest = it;
  }
  if (kept > retired_limit) members_.erase(oldest);
}

void View::add(const Member& member) {
  totals_.live += member.live();
  totals_.counting += member.counts();
  totals_.unsettled += !member.live() && member.counts();
}

void View::subtract(const Member& member) {
  totals_.live -= member.live();
  totals_.counting -= member.counts();
  totals_.unsettled -= !member.live() && member.counts();
}

std::vector<Counting> View::counting() const {
  std::vector<Counting> out;
  for (const auto& [id, member] : members_) {
    if (id == self_ || !(member->counts() || member->retired)) continue;
    const bool doubt = member->in_doubt() || (!member->live() && member->stamped() && released(id));
    out.push_back({id, member->key, member->synced, member->incarnation,
                   doubt               ? Counting::As::in_doubt
                   : member->retired   ? Counting::As::retired
                   : member->stamped() ? Counting::As::counts
                                       : Counting::As::promised});
  }
  return out;
}

const View::Member* View::find(const NodeId& id) const {
  const auto it = members_.find(id);
  return it == members_.end() ? nullptr : it->second.get();
}

bool View::live(const NodeId& id) const {
  const Member* member = find(id);
  return member && member->live();
}

UnixMillis View::newest_verdict() const {
  UnixMillis newest{0};
  for (const auto& [id, member] : members_)
    if (!member->live() && member->may_count_elsewhere())
      newest = std::max(newest, member->verdict_stamp);
  return newest;
}

bool View::waits_for_us(const NodeId& publisher) const {
  if (!any_unsettled()) return false;
  const UnixMillis theirs = find(publisher)->synced, ours = own_stamp();
  return std::any_of(members_.begin(), members_.end(), [&](const auto& item) {
    const Member& dead = *item.second;
    const bool between = ours <= dead.verdict_stamp && dead.verdict_stamp < theirs;
    if (dead.live() || !dead.counts() || dead.verdict_stamp.value == 0 || !between) return false;
    const std::vector<NodeId> set = neighbours(item.first.bytes, neighbourhood);
    return contains(set, publisher) && contains(set, self_);
  });
}

NodeId View::smallest_live() const {
  for (const auto& [id, member] : members_)
    if (member->live()) return id;
  return self_;
}

template <class Keep>
std::vector<NodeId> View::closest_that(const ByteArray<32>& place, std::size_t count,
                                       Keep keep) const {
  std::vector<NodeId> ids;
  if (count == 0) return ids;
  kad::visit_closest(
      place, members_.begin(), members_.end(),
      [](const auto& item) -> const ByteArray<32>& { return item.first.bytes; },
      [&](const auto& item) {
        if (keep(item.first, *item.second)) ids.push_back(item.first);
        return ids.size() < count;
      });
  return ids;
}

std::vector<NodeId> View::base(const ByteArray<32>& place) const {
  return neighbours(place, replicas);
}

std::vector<NodeId> View::neighbours(const ByteArray<32>& place, std::size_t count) const {
  return closest_that(place, count, [](const NodeId&, const Member& m) { return m.counts(); });
}

std::vector<NodeId> View::stamped(const ByteArray<32>& place, std::size_t count) const {
  return closest_that(place, count, [this](const NodeId& id, const Member& m) {
    return m.stamped() || (m.in_doubt() && promises_.find(id) == promises_.end());
  });
}

std::vector<NodeId> View::promised(const ByteArray<32>& place) const {
  std::vector<NodeId> ids;
  kad::visit_closest(
      place, promises_.begin(), promises_.end(),
      [](const auto& item) -> const ByteArray<32>& { return item.first.bytes; },
      [&](const auto& item) {
        ids.push_back(item.first);
        return ids.size() < replicas;
      });
  return ids;
}

std::vector<NodeId> View::holders(const ByteArray<32>& place) const {
  return live_closest(place, replicas);
}

std::vector<NodeId> View::keepers(const ByteArray<32>& place) const {
  std::vector<NodeId> ids = base(place);
  for (const NodeId& id : holders(place))
    if (!contains(ids, id)) ids.push_back(id);
  return ids;
}

std::vector<NodeId> View::live_closest(const ByteArray<32>& place, std::size_t count) const {
  return closest_that(place, count, [](const NodeId&, const Member& m) { return m.live(); });
}

std::vector<NodeId> View::partners() const {
  return closest_that(self_.bytes, neighbourhood - 1,
                      [&](const NodeId& id, const Member& m) { return m.live() && id != self_; });
}

std::vector<NodeId> View::veterans() const {
  return closest_that(self_.bytes, neighbourhood - 1, [&](const NodeId& id, const Member& m) {
    return m.live() && m.counted && !m.counts() && id != self_;
  });
}

wire::BaseDigest View::digest(std::vector<NodeId> base) const {
  std::sort(base.begin(), base.end());
  Bytes joined;
  for (const NodeId& id : base) {
    append(joined, id.view());
    const Member* member = find(id);
    if (member && !member->stamped()) joined.push_back(1);
  }
  return crypto::hash64({as_bytes("kith base"), joined});
}

}  // namespace kith::dht
