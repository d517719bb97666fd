// Reconcile: what differs between two sets, in O(difference) messages [range-based set
// reconciliation, Meyer 2023]. One mechanism for roster anti-entropy and for DHT repair.
//
// A RangeSet is one side's content: keys of 32 bytes, each with an 8-byte version. The responder is
// a pure function of its set; the Reconciler is the asking side of one exchange.
//
// Unlike the paper, ranges are prefixes of the key space counted in nibbles, not arbitrary
// intervals: a digest is one walk down a cached trie, and both sides agree on every boundary
// without sending it. Fingerprints are sums modulo 2^128; somebody who may choose thousands of keys
// can make two sets look equal, which hides his own keys only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "kith/base/ids.hpp"
#include "kith/wire/message.hpp"

namespace kith::reconcile {

using Key = ByteArray<32>;
using Version = ByteArray<8>;

// Ranges in one question, and items that count as few. Their product bounds an answer, so an answer
// to our own question always fits and a range missing from it is a range that is equal.
inline constexpr std::size_t question_limit = 16;
inline constexpr std::size_t few_items = 16;
static_assert(question_limit * 16 <= wire::ranges_limit &&
              question_limit * few_items <= wire::items_limit);

// An ordered set with range digests. Copies of a key replace its version. A digest costs O(depth),
// a change O(depth) and one hash.
class RangeSet {
 public:
  void put(const Key& key, const Version& version);
  void erase(const Key& key);
  const Version* find(const Key& key) const;
  std::size_t size() const { return root_.count; }
  void clear() { root_ = Node{}; }

  // Bits of `prefix` past `depth` nibbles are ignored; depth is 0..64.
  wire::RangeDigest digest(std::uint8_t depth, const Key& prefix) const;
  std::vector<wire::RangeItem> items(std::uint8_t depth, const Key& prefix) const;  // by key

 private:
  struct Sum {  // modulo 2^128
    std::uint64_t low = 0, high = 0;
    void add(const Sum& other);
    void subtract(const Sum& other);
  };
  struct Item {
    wire::RangeItem named;
    Sum sum;  // its fingerprint: hashed once, and asked for with every digest below its leaf
  };
  using Items = std::vector<Item>;  // by key
  struct Node {
    std::uint32_t count = 0;
    Sum sum;
    Items items;                 // of a leaf
    std::vector<Node> children;  // 16, or none: a leaf
  };
  static Sum fingerprint(const wire::RangeItem& item);
  static Items::const_iterator place(const Items& items, const Key& key);
  static std::span<const Item> within(const Items& items, std::uint8_t depth, const Key& prefix);
  static void insert(Node& node, std::uint8_t depth, const Item& item);
  static void split(Node& node, std::uint8_t depth);
  static void remove(Node& node, std::uint8_t depth, const Item& item);
  static void collect(const Node& node, Items& out);
  const Item* find_item(const Key& key) const;
  // The deepest node that holds the whole range; it may hold more when it is a leaf.
  const Node& descend(std::uint8_t depth, const Key& prefix) const;

  Node root_;
};

// The responder: for each range that differs, its items when few, else 16 child digests.
// Bounded by wire::ranges_limit and wire::items_limit: it stops at the first range that does not
// fit.
wire::Reconciled answer(const RangeSet& mine, const wire::Reconcile& question);

struct Difference {
  Key key{};
  std::optional<Version> mine, theirs;  // never equal
};

// The asker. next() yields the ranges to send (empty: finished); take() consumes one answer.
// Calling next() again before take() repeats the question (a retransmission).
class Reconciler {
 public:
  // Starts at the whole key space. `mine_only`: what the other side alone has is not looked for.
  explicit Reconciler(bool mine_only = false);
  std::vector<wire::RangeDigest> next(const RangeSet& mine);
  // Appends what differs, each key once in an exchange. An answer to ranges that were not asked, or
  // that tells one twice, is ignored (returns false): no honest side gives one.
  bool take(const RangeSet& mine, const wire::Reconciled& answer, std::vector<Difference>& out);
  bool finished() const { return pending_.empty() && asked_.empty(); }

 private:
  struct Range {
    std::uint8_t depth;
    Key prefix;
    auto operator<=>(const Range&) const = default;
  };
  void defer(const Range& range);
  void compare(const RangeSet& mine, const wire::RangeItems& theirs, std::vector<Difference>& out);

  bool mine_only_;
  std::vector<Range> pending_;  // a stack: depth first keeps it short
  std::set<Range> asked_;
};

}  // namespace kith::reconcile
