#include <algorithm>

#include "kith/reconcile/reconcile.hpp"
#include "nibbles.hpp"

namespace kith::reconcile {
namespace {

// Ranges the asker remembers: an honest exchange needs a few hundred; a liar whose every digest
// differs fills it and is then ignored.
constexpr std::size_t pending_limit = 4096;

bool same(const wire::RangeDigest& a, const wire::RangeDigest& b) {
  return a.count == b.count && a.fingerprint == b.fingerprint;
}

}  // namespace

wire::Reconciled answer(const RangeSet& mine, const wire::Reconcile& question) {
  wire::Reconciled reply{question.envelope.request, question.topic, {}, {}};
  std::size_t items = 0;
  for (const wire::RangeDigest& range : question.ranges) {
    if (range.depth > nibbles_in_key) continue;
    const wire::RangeDigest held = mine.digest(range.depth, range.prefix);
    if (same(held, range)) continue;
    if (held.count <= few_items || range.depth == nibbles_in_key) {
      items += held.count;
      if (items > wire::items_limit || reply.ranges.size() == wire::ranges_limit) break;
      reply.ranges.push_back({range.depth, held.prefix, mine.items(range.depth, range.prefix)});
    } else {
      if (reply.children.size() + 16 > wire::ranges_limit) break;
      for (std::size_t digit = 0; digit < 16; ++digit)
        reply.children.push_back(mine.digest(static_cast<std::uint8_t>(range.depth + 1),
                                             child_prefix(held.prefix, range.depth, digit)));
    }
  }
  return reply;
}

Reconciler::Reconciler(bool mine_only) : mine_only_(mine_only), pending_{Range{0, Key{}}} {}

void Reconciler::defer(const Range& range) {
  if (pending_.size() < pending_limit) pending_.push_back(range);
}

std::vector<wire::RangeDigest> Reconciler::next(const RangeSet& mine) {
  if (asked_.empty()) {
    while (!pending_.empty() && asked_.size() < question_limit) {
      asked_.insert(pending_.back());
      pending_.pop_back();
    }
  }
  std::vector<wire::RangeDigest> ranges;
  for (const Range& range : asked_) ranges.push_back(mine.digest(range.depth, range.prefix));
  return ranges;
}

bool Reconciler::take(const RangeSet& mine, const wire::Reconciled& answer,
                      std::vector<Difference>& out) {
  const auto asked = [&](std::uint8_t depth, const Key& prefix) {
    return asked_.contains(Range{depth, masked(prefix, depth)});
  };
  // Each range once: so no range is asked for twice in an exchange, and no key differs twice.
  std::set<Range> told;
  for (const wire::RangeItems& range : answer.ranges)
    if (!asked(range.depth, range.prefix) ||
        !told.insert({range.depth, masked(range.prefix, range.depth)}).second)
      return false;
  for (const wire::RangeDigest& child : answer.children) {
    if (child.depth == 0 || child.depth > nibbles_in_key) return false;
    const auto above = static_cast<std::uint8_t>(child.depth - 1);
    if (!asked(above, child.prefix) || told.contains({above, masked(child.prefix, above)}) ||
        !told.insert({child.depth, masked(child.prefix, child.depth)}).second)
      return false;
  }

  asked_.clear();
  for (const wire::RangeItems& range : answer.ranges) compare(mine, range, out);
  for (const wire::RangeDigest& child : answer.children) {
    const wire::RangeDigest held = mine.digest(child.depth, child.prefix);
    if (same(held, child) || (mine_only_ && held.count == 0)) continue;
    if (child.count == 0)
      compare(mine, {child.depth, held.prefix, {}}, out);  // no need to ask
    else
      defer({child.depth, held.prefix});
  }
  return true;
}

void Reconciler::compare(const RangeSet& mine, const wire::RangeItems& theirs,
                         std::vector<Difference>& out) {
  const wire::RangeDigest held = mine.digest(theirs.depth, theirs.prefix);
  if (held.count > wire::items_limit && theirs.depth < nibbles_in_key) {  // in bounded pieces
    for (std::size_t digit = 0; digit < 16; ++digit)
      defer({static_cast<std::uint8_t>(theirs.depth + 1),
             child_prefix(held.prefix, theirs.depth, digit)});
    return;
  }
  std::map<Key, Version> rest;
  for (const wire::RangeItem& item : theirs.items)
    if (has_prefix(item.key, theirs.depth, theirs.prefix)) rest.emplace(item.key, item.version);
  for (const wire::RangeItem& item : mine.items(theirs.depth, theirs.prefix)) {
    const auto other = rest.find(item.key);
    if (other == rest.end()) {
      out.push_back({item.key, item.version, std::nullopt});
    } else {
      if (other->second != item.version) out.push_back({item.key, item.version, other->second});
      rest.erase(other);
    }
  }
  for (const auto& [key, version] : rest) out.push_back({key, std::nullopt, version});
}

}  // namespace kith::reconcile
