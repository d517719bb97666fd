// Reconcile: what differs between two sets, in O(difference) messages [range-based set
// reconciliation, Meyer 2023]. One mechanism for roster anti-entropy and for DHT repair.
//
// A RangeSet is one side's content: keys of 32 bytes, each with an 8-byte version. The responder is
// a pure function of its set; the Reconciler is the asking side of one exchange.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "kith/base/ids.hpp"
#include "kith/wire/message.hpp"

namespace kith::reconcile {

using Key = ByteArray<32>;
using Version = ByteArray<8>;

// An ordered set with range digests. Copies of a key replace its version.
class RangeSet {
 public:
  void put(const Key& key, const Version& version);
  void erase(const Key& key);
  const Version* find(const Key& key) const;
  std::size_t size() const { return items_.size(); }
  void clear() { items_.clear(); }

  wire::RangeDigest digest(std::uint8_t depth, const Key& prefix) const;
  std::vector<wire::RangeItem> items(std::uint8_t depth, const Key& prefix) const;

 private:
  std::map<Key, Version> items_;
};

// The responder: for each range that differs, its items when few, else 16 child digests.
// Bounded by wire::ranges_limit and wire::items_limit; what does not fit is asked again.
wire::Reconciled answer(const RangeSet& mine, const wire::Reconcile& question);

struct Difference {
  Key key{};
  std::optional<Version> mine, theirs;  // never equal
};

// The asker. next() yields the ranges to send (empty: finished); take() consumes one answer.
class Reconciler {
 public:
  Reconciler();                                       // starts at the whole key space
  std::vector<wire::RangeDigest> next(const RangeSet& mine);
  // Appends what differs. An answer to ranges that were not asked is ignored (returns false).
  bool take(const RangeSet& mine, const wire::Reconciled& answer, std::vector<Difference>& out);
  bool finished() const { return pending_.empty() && asked_.empty(); }

 private:
  struct Range {
    std::uint8_t depth;
    Key prefix;
    auto operator<=>(const Range&) const = default;
  };
  std::vector<Range> pending_;
  std::vector<Range> asked_;
};

}  // namespace kith::reconcile
