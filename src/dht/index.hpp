// Index: what this node holds, by record id; the values are on disk.
// Also the set that reconcile compares and the queue of what expires.
#pragma once

#include <map>
#include <set>

#include "kith/reconcile/reconcile.hpp"
#include "quota.hpp"
#include "record_rules.hpp"

namespace kith::dht {

class Index {
 public:
  struct Entry {
    Version version;
    wire::Kind kind = wire::Kind::value;
    bool tombstone = false;
    bool verified = false;  // its signature was checked here; needed before it is forwarded
    UnixMillis expiry;
    std::uint32_t size = 0;  // of the raw record
  };

  const Entry* find(const RecordId& id) const;
  // Whether `version` is greater than what is held.
  bool wanted(const RecordId& id, const Version& version) const;
  void put(const RecordId& id, const Entry& entry, std::int64_t purge_at_millis);
  void erase(const RecordId& id);
  // Its copy here cannot be read: erased, and until a round of repair is through nobody knows
  // whether what we have in its place is as new.
  void lose(const RecordId& id);
  bool lost(const RecordId& id) const { return all_lost_ || lost_.contains(id); }
  void recovered();
  void mark_verified(const RecordId& id);

  // What its writer has here; a version claims its room before it is on disk.
  bool has_room(const RecordId& id, const Entry& entry, const Quota::Use& limit) const;
  void claim(const RecordId& id, const Entry& entry);
  void release(const RecordId& id, const Entry& entry);
  Quota::Use of_writer(const NodeId& writer) const { return quota_.of(writer); }

  std::size_t size() const { return entries_.size(); }
  std::size_t tombstones() const { return tombstones_; }
  std::size_t mean_size() const { return entries_.empty() ? 0 : total_bytes_ / entries_.size(); }
  const std::map<RecordId, Entry>& entries() const { return entries_; }
  const reconcile::RangeSet& everything() const { return set_; }
  std::uint64_t epoch() const { return epoch_; }

  std::optional<RecordId> next_to_purge(UnixMillis wall) const;
  std::optional<std::int64_t> next_purge_millis() const;

 private:
  std::size_t held(const RecordId& id, const NodeId& writer) const;

  std::map<RecordId, Entry> entries_;
  Quota quota_;
  std::map<RecordId, std::int64_t> purge_at_;
  std::set<std::pair<std::int64_t, RecordId>> purge_queue_;
  reconcile::RangeSet set_;
  std::set<RecordId> lost_;
  bool all_lost_ = false;  // more than we remember
  std::size_t tombstones_ = 0, total_bytes_ = 0;
  std::uint64_t epoch_ = 0;
};

}  // namespace kith::dht
