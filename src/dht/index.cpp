#include "index.hpp"

#include "constants.hpp"

namespace kith::dht {

const Index::Entry* Index::find(const RecordId& id) const {
  const auto it = entries_.find(id);
  return it == entries_.end() ? nullptr : &it->second;
}

bool Index::wanted(const RecordId& id, const Version& version) const {
  const Entry* held = find(id);
  return !held || held->version < version;
}

void Index::put(const RecordId& id, const Entry& entry, std::int64_t purge_at_millis) {
  erase(id);
  entries_.emplace(id, entry);
  if (entry.tombstone) ++tombstones_;
  total_bytes_ += entry.size;
  quota_.changed(entry.version.writer, id, 0, entry.size);
  if (purge_at_millis > 0) {
    purge_at_.emplace(id, purge_at_millis);
    purge_queue_.emplace(purge_at_millis, id);
  }
  set_.put(id.bytes, fingerprint(entry.version));
  ++epoch_;
}

void Index::lose(const RecordId& id) {
  erase(id);
  lost_.insert(id);
  all_lost_ = all_lost_ || lost_.size() > lost_limit;
  if (all_lost_) lost_.clear();
}

void Index::recovered() {
  lost_.clear();
  all_lost_ = false;
}

void Index::erase(const RecordId& id) {
  const auto it = entries_.find(id);
  if (it == entries_.end()) return;
  if (it->second.tombstone) --tombstones_;
  total_bytes_ -= it->second.size;
  quota_.changed(it->second.version.writer, id, it->second.size, 0);
  if (const auto purge = purge_at_.find(id); purge != purge_at_.end()) {
    purge_queue_.erase({purge->second, id});
    purge_at_.erase(purge);
  }
  entries_.erase(it);
  set_.erase(id.bytes);
  ++epoch_;
}

void Index::mark_verified(const RecordId& id) {
  if (const auto it = entries_.find(id); it != entries_.end()) it->second.verified = true;
}

std::size_t Index::held(const RecordId& id, const NodeId& writer) const {
  const Entry* entry = find(id);
  return entry && entry->version.writer == writer ? entry->size : 0;
}

bool Index::has_room(const RecordId& id, const Entry& entry, const Quota::Use& limit) const {
  const NodeId& writer = entry.version.writer;
  return quota_.fits(writer, id, held(id, writer), entry.size, limit);
}

void Index::claim(const RecordId& id, const Entry& entry) {
  quota_.claim(entry.version.writer, id, held(id, entry.version.writer), entry.size);
}

void Index::release(const RecordId& id, const Entry& entry) {
  quota_.release(entry.version.writer, id, held(id, entry.version.writer));
}

std::optional<RecordId> Index::next_to_purge(UnixMillis wall) const {
  if (purge_queue_.empty() || purge_queue_.begin()->first > wall.value) return std::nullopt;
  return purge_queue_.begin()->second;
}

std::optional<std::int64_t> Index::next_purge_millis() const {
  return purge_queue_.empty() ? std::nullopt : std::optional(purge_queue_.begin()->first);
}

}  // namespace kith::dht
