// View: who comes to count by a promise, and which of the dead count no more.
#include "constants.hpp"
#include "view.hpp"

namespace kith::dht {

bool View::may_promise(const NodeId& id, Instant now) const {
  const Instant* first = asked_.peek(id);
  return !first || now - *first < promises_total || now - *first >= promises_total + promises_pause;
}

bool View::promise(const NodeId& id, Instant now) {
  const auto known = members_.find(id);
  if (known == members_.end() || known->second->stamped()) return false;
  const Instant* first = asked_.peek(id);
  if (!first || now - *first >= promises_total) asked_.put(id, now);
  const bool asked_before = promises_.find(id) != promises_.end();
  if (known->second->in_doubt() && !asked_before)
    return false;  // counts until it has another stamp
  Member& member = *known->second;
  subtract(member);
  if (!std::exchange(member.promised, true)) ++epoch_;
  promises_.try_emplace(id).first->second = now + promise_life;
  add(member);
  return true;
}

// One that lives and had time to tell its stamp has none. One that does not live may have told
// others, and goes as the dead do.
bool View::lapse(Instant now) {
  std::vector<NodeId> lapsed;
  for (const auto& [id, until] : promises_)
    if (now >= until && live(id)) lapsed.push_back(id);
  for (const NodeId& id : lapsed) {
    Member& member = *members_.find(id)->second;
    subtract(member);
    withdraw(id, member);
    add(member);
    ++epoch_;
  }
  return !lapsed.empty();
}

void View::withdraw(const NodeId& id, Member& member) {
  if (std::exchange(member.promised, false)) promises_.erase(id);
}

bool View::settled(const NodeId& id, const Member& member) const {
  if (member.verdict_stamp.value == 0) return false;  // reached alone: moves no replica set
  const std::vector<NodeId> set = neighbours(id.bytes, neighbourhood);
  std::size_t live_members = 0, missing = 0;
  for (const NodeId& other : set) {
    const Member* neighbour = find(other);
    if (!neighbour->live()) {
      missing += neighbour->past ? 0 : 1;
      continue;
    }
    ++live_members;
    if (neighbour->synced <= member.verdict_stamp) return false;
    // Its stamp may be past the verdict and not past the death: it has not heard of it, or that
    // member lives to it.
    if (!member.past && !neighbour->releases_one(id)) return false;
  }
  if (member.past) return live_members > 0;
  return all_bases_have_quorum(live_members + missing, missing);
}

// Remembered from the last run, and a majority that lives has had time to tell of it, alive or
// dead, and did not: it was forgotten while we were away. Who was started anew as well remembers no
// more than we do, and its silence says nothing before it has synced with the others.
bool View::unknown_to_all(const NodeId& id, const Member& member, Instant now) const {
  if (!member.awaited || now - member.since < awaited_grace) return false;
  const std::vector<NodeId> set = neighbours(id.bytes, neighbourhood);
  std::size_t missing = 0;
  for (const NodeId& other : set) {
    const Member& neighbour = *find(other);
    if (neighbour.live() && neighbour.began_anew && neighbour.synced == neighbour.stamp_before)
      return false;
    missing += neighbour.live() ? 0 : 1;
  }
  return all_bases_have_quorum(set.size(), missing);
}

// It asked us for its place after its death was told here: it lives, whatever we have heard.
bool View::asked_since_death(const NodeId& id, const Member& member, Instant now) const {
  const auto promise = promises_.find(id);
  return promise != promises_.end() && now < promise->second &&
         promise->second - promise_life >= member.since;
}

bool View::retire(Instant now) {
  const bool lapsed = lapse(now);
  if (!any_unsettled()) return lapsed;
  // Decide on one picture, then apply: retiring one must not change the sets of the next.
  std::vector<NodeId> retired;
  for (const auto& [id, member] : members_) {
    if (member->live() || !member->counts()) continue;
    if (asked_since_death(id, *member, now)) continue;
    if (settled(id, *member) || unknown_to_all(id, *member, now) ||
        now - member->since >= retire_after)
      retired.push_back(id);
  }
  for (const NodeId& id : retired) {
    Member& member = *members_.find(id)->second;
    subtract(member);
    member.retired = true;
    member.retired_at = member.synced;
    withdraw(id, member);
    add(member);
    ++epoch_;
  }
  return lapsed || !retired.empty();
}

std::optional<Instant> View::next_retirement(Instant now) const {
  std::optional<Instant> next;
  for (const auto& [id, until] : promises_)
    if (live(id)) next = earlier(next, until);
  if (!any_unsettled()) return next;
  for (const auto& [id, member] : members_) {
    if (member->live() || !member->counts()) continue;
    const Instant grace = member->since + awaited_grace;
    Instant due = member->awaited && grace > now ? grace : member->since + retire_after;
    if (asked_since_death(id, *member, now)) due = std::max(due, promises_.find(id)->second);
    next = earlier(next, due);
  }
  return next;
}

}  // namespace kith::dht
