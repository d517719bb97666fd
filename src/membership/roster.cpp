#include "roster.hpp"

#include <algorithm>

#include "kith/crypto/hash.hpp"

namespace kith::membership {
namespace {

// What anti-entropy compares. Suspicions travel by gossip and end by themselves: they count as
// alive. The stamp of a death belongs to it: two sides of a cut may have found it at different
// times, and retirement goes by the later one.
reconcile::Version version_of(const Entry& entry) {
  Verdict verdict = entry.shared().verdict;
  if (verdict == Verdict::suspect) verdict = Verdict::alive;
  const bool dead = verdict == Verdict::dead;
  ByteArray<17> head{};
  store_le(head.data(), entry.incarnation().value);
  store_le(head.data() + 8, dead ? entry.verdict_stamp.value : 0);
  head[16] = static_cast<Byte>(verdict);
  return crypto::hash64({head, entry.hash()});
}

// A /24 or /56 in the 16-byte form.
ByteView neighbourhood(const IpAddress& ip) {
  return ByteView(ip.bytes).first(ip.is_v4() ? 15 : 7);
}

}  // namespace

MemberPtr Entry::member() const {
  return std::make_shared<const Member>(
      Member{id(), content_of(record), judged, alone, since_wall, verdict_stamp});
}

Entry* Roster::find(const NodeId& id) {
  const auto it = entries_.find(id);
  return it == entries_.end() ? nullptr : it->second.get();
}

const Entry* Roster::find(const NodeId& id) const {
  const auto it = entries_.find(id);
  return it == entries_.end() ? nullptr : it->second.get();
}

Entry* Roster::find(const wire::IdPrefix& prefix) {
  NodeId low;
  std::memcpy(low.bytes.data(), prefix.bytes.data(), wire::IdPrefix::size);
  const auto it = entries_.lower_bound(low);
  return it != entries_.end() && wire::prefix_of(it->first) == prefix ? it->second.get() : nullptr;
}

Entry* Roster::sound(const NodeId& id) {
  Entry* entry = find(id);
  return entry && entry->verdict() == Verdict::alive ? entry : nullptr;
}

bool Roster::is_sound(const NodeId& id) const {
  const Entry* entry = find(id);
  return entry && entry->verdict() == Verdict::alive;
}

Entry* Roster::put(const SignedRecordPtr& record, Now now, Mode mode) {
  auto it = entries_.find(record->id);
  if (it == entries_.end()) {
    if (mode == Mode::public_ && record->id != self_ && prefix_full(record->content))
      return nullptr;
    if (entries_.size() >= roster_limit && !make_room()) return nullptr;
    it = entries_.try_emplace(record->id, std::make_unique<Entry>()).first;
  } else {
    delist(*it->second);
  }
  Entry& entry = *it->second;
  const Verdict verdict = record->content.leaving ? Verdict::left : Verdict::alive;
  if (!entry.record || entry.judged != verdict) {
    // In an earlier life; a record is checked within a second of what brought it.
    if (!entry.live() && now.mono - entry.heard > seconds(1)) entry.heard = {};
    entry.since = now.mono;
    entry.since_wall = now.wall;
  }
  entry.record = record;
  entry.judged = verdict;
  entry.alone = false;
  entry.verdict_stamp = {};
  entry.certificate.clear();
  enlist(entry);
  publish(entry);
  return &entry;
}

void Roster::judge(Entry& entry, Verdict verdict, Now now, bool alone, UnixMillis stamp) {
  const bool lives = verdict == Verdict::alive || verdict == Verdict::suspect;
  const bool stays = entry.live() && lives;  // on the rings and among the live
  if (stays) {
    suspects_ -= entry.suspect() ? 1 : 0;
    suspects_ += verdict == Verdict::suspect ? 1 : 0;
    soundness_changed();
  } else {
    delist(entry);
  }
  entry.judged = verdict;
  entry.alone = alone;
  entry.verdict_stamp = stamp;
  entry.since = now.mono;
  entry.since_wall = now.wall;
  if (!stays) enlist(entry);
  publish(entry);
}

void Roster::restamp(Entry& entry, UnixMillis stamp) {
  entry.verdict_stamp = stamp;
  publish(entry);
}

void Roster::erase(const NodeId& id) {
  Entry* entry = find(id);
  if (!entry) return;
  delist(*entry);
  set_.erase(id.bytes);
  entries_.erase(id);
}

void Roster::soundness_changed() {
  subjects_.reset();
  observers_.clear();
}

void Roster::enlist(Entry& entry) {
  if (!entry.live()) return;
  soundness_changed();
  entry.place = static_cast<std::uint32_t>(live_.size());
  live_.push_back(&entry);
  suspects_ += entry.suspect() ? 1 : 0;
  rings_.insert(entry.id());
}

void Roster::delist(Entry& entry) {
  if (!entry.live()) return;
  soundness_changed();
  live_[entry.place] = live_.back();
  live_.back()->place = entry.place;
  live_.pop_back();
  suspects_ -= entry.suspect() ? 1 : 0;
  rings_.erase(entry.id());
}

void Roster::publish(const Entry& entry) { set_.put(entry.id().bytes, version_of(entry)); }

bool Roster::make_room() {
  const Entry* oldest = nullptr;
  for (const auto& [id, entry] : entries_)
    if (!entry->live() && id != self_ && (!oldest || entry->since < oldest->since))
      oldest = entry.get();
  if (!oldest) return false;
  evicted_.emplace(oldest->id(), oldest->incarnation());
  erase(NodeId(oldest->id()));
  return true;
}

bool Roster::prefix_full(const wire::MemberRecord& record) const {
  if (record.addresses.empty()) return false;
  const ByteView wanted = neighbourhood(record.addresses.front().ip);
  std::size_t neighbours = 0;
  for (const auto& [id, entry] : entries_) {
    if (!entry->live()) continue;
    const auto& addresses = entry->record->content.addresses;
    if (!addresses.empty() && equal(neighbourhood(addresses.front().ip), wanted)) ++neighbours;
  }
  return neighbours >= public_prefix_limit;
}

const std::vector<NodeId>& Roster::subjects() const {
  if (!subjects_)
    subjects_ = rings_.subjects(self_, [this](const NodeId& id) { return is_sound(id); });
  return *subjects_;
}

const std::vector<NodeId>& Roster::observers(const NodeId& subject) const {
  if (observers_.size() >= roster_limit) observers_.clear();  // strangers are asked about too
  const auto [known, fresh] = observers_.try_emplace(subject);
  if (fresh)
    known->second = rings_.observers(subject, [this](const NodeId& id) { return is_sound(id); });
  return known->second;
}

bool Roster::may_accuse(const NodeId& accuser, const NodeId& subject) const {
  return rings_.may_accuse(accuser, subject, [this](const NodeId& id) { return is_sound(id); });
}

std::vector<NodeId> Roster::pick_neighbours(std::size_t count, Rng& rng) const {
  std::vector<NodeId> picked;
  const std::vector<NodeId>& ours = observers(self_);
  std::set_union(subjects().begin(), subjects().end(), ours.begin(), ours.end(),
                 std::back_inserter(picked));
  std::erase_if(picked, [this](const NodeId& id) { return !is_sound(id); });
  rng.shuffle(std::span<NodeId>(picked));
  if (picked.size() > count) picked.resize(count);
  return picked;
}

std::vector<NodeId> Roster::pick(std::size_t count, const NodeId& not_this, Rng& rng) const {
  const auto fits = [&](const NodeId& id) { return id != self_ && id != not_this && is_sound(id); };
  std::vector<NodeId> picked;
  if (live_.size() <= 4 * count + 16) {  // few: shuffle them all
    for (const Entry* entry : live_)
      if (fits(entry->id())) picked.push_back(entry->id());
    rng.shuffle(std::span<NodeId>(picked));
    if (picked.size() > count) picked.resize(count);
    return picked;
  }
  for (std::size_t tries = 0; tries < 4 * count + 16 && picked.size() < count; ++tries) {
    const NodeId& id = live_[rng.below(live_.size())]->id();
    if (fits(id) && std::find(picked.begin(), picked.end(), id) == picked.end())
      picked.push_back(id);
  }
  return picked;
}

std::optional<NodeId> Roster::next_gone(const NodeId& last) const {
  const auto start = entries_.upper_bound(last);
  const auto gone = [](const auto& item) { return !item.second->live(); };
  auto it = std::find_if(start, entries_.end(), gone);
  if (it != entries_.end()) return it->first;
  it = std::find_if(entries_.begin(), start, gone);
  return it == start ? std::nullopt : std::optional(it->first);
}

std::optional<Instant> Roster::oldest_gone() const {
  std::optional<Instant> oldest;
  for (const auto& [id, entry] : entries_)
    if (!entry->live() && id != self_) oldest = earlier(oldest, entry->since);
  return oldest;
}

}  // namespace kith::membership
