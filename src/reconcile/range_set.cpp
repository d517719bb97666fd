#include <algorithm>

#include "kith/crypto/hash.hpp"
#include "kith/reconcile/reconcile.hpp"
#include "nibbles.hpp"

namespace kith::reconcile {
namespace {

constexpr std::size_t leaf_limit = 32;   // a leaf splits above this ...
constexpr std::size_t merge_limit = 16;  // ... and an inner node becomes a leaf again at this
static_assert(merge_limit <
              leaf_limit);  // or one key put and erased would split and merge for ever

}  // namespace

void RangeSet::Sum::add(const Sum& other) {
  low += other.low;
  high += other.high + (low < other.low ? 1 : 0);
}

void RangeSet::Sum::subtract(const Sum& other) {
  high -= other.high + (low < other.low ? 1 : 0);
  low -= other.low;
}

RangeSet::Sum RangeSet::fingerprint(const wire::RangeItem& item) {
  const Hash256 hash = crypto::hash256({as_bytes("kith item"), item.key, item.version});
  return {load_le<std::uint64_t>(hash.bytes.data()), load_le<std::uint64_t>(hash.bytes.data() + 8)};
}

RangeSet::Items::const_iterator RangeSet::place(const Items& items, const Key& key) {
  return std::lower_bound(items.begin(), items.end(), key,
                          [](const Item& a, const Key& b) { return a.named.key < b; });
}

// They stand together: a range is a prefix, and items are in the order of their keys.
std::span<const RangeSet::Item> RangeSet::within(const Items& items, std::uint8_t depth,
                                                 const Key& prefix) {
  const auto first = place(items, masked(prefix, depth));
  const auto last = std::find_if_not(first, items.end(), [&](const Item& item) {
    return has_prefix(item.named.key, depth, prefix);
  });
  return {first, last};
}

const RangeSet::Item* RangeSet::find_item(const Key& key) const {
  const Items& leaf = descend(nibbles_in_key, key).items;
  const auto it = place(leaf, key);
  return it != leaf.end() && it->named.key == key ? &*it : nullptr;
}

const Version* RangeSet::find(const Key& key) const {
  const Item* known = find_item(key);
  return known ? &known->named.version : nullptr;
}

void RangeSet::put(const Key& key, const Version& version) {
  if (const Version* old = find(key)) {
    if (*old == version) return;
    erase(key);
  }
  const wire::RangeItem named{key, version};
  insert(root_, 0, {named, fingerprint(named)});
}

void RangeSet::erase(const Key& key) {
  if (const Item* known = find_item(key)) remove(root_, 0, Item(*known));
}

void RangeSet::insert(Node& node, std::uint8_t depth, const Item& item) {
  ++node.count;
  node.sum.add(item.sum);
  if (!node.children.empty())
    return insert(node.children[nibble(item.named.key, depth)],
                  static_cast<std::uint8_t>(depth + 1), item);
  node.items.insert(place(node.items, item.named.key), item);
  if (node.items.size() > leaf_limit) split(node, depth);
}

void RangeSet::split(Node& node, std::uint8_t depth) {
  KITH_ASSERT(depth < nibbles_in_key);  // different keys differ before their end
  node.children.resize(16);
  for (const Item& item : node.items)
    insert(node.children[nibble(item.named.key, depth)], static_cast<std::uint8_t>(depth + 1),
           item);
  node.items = {};
}

void RangeSet::remove(Node& node, std::uint8_t depth, const Item& item) {
  --node.count;
  node.sum.subtract(item.sum);
  if (node.children.empty()) {
    node.items.erase(place(node.items, item.named.key));
    return;
  }
  remove(node.children[nibble(item.named.key, depth)], static_cast<std::uint8_t>(depth + 1), item);
  if (node.count > merge_limit) return;
  Items items;
  collect(node, items);
  node.children = {};
  node.items = std::move(items);
}

void RangeSet::collect(const Node& node, Items& out) {
  out.insert(out.end(), node.items.begin(), node.items.end());
  for (const Node& child : node.children) collect(child, out);
}

const RangeSet::Node& RangeSet::descend(std::uint8_t depth, const Key& prefix) const {
  const Node* node = &root_;
  for (std::uint8_t level = 0; level < depth && !node->children.empty(); ++level)
    node = &node->children[nibble(prefix, level)];
  return *node;
}

wire::RangeDigest RangeSet::digest(std::uint8_t depth, const Key& prefix) const {
  const Node& node = descend(depth, prefix);
  wire::RangeDigest digest{depth, masked(prefix, depth), node.count, {}};
  Sum sum = node.sum;
  if (node.children.empty() && depth > 0) {  // a leaf above the range may hold its neighbours too
    digest.count = 0;
    sum = {};
    for (const Item& item : within(node.items, depth, prefix)) {
      ++digest.count;
      sum.add(item.sum);
    }
  }
  store_le(digest.fingerprint.data(), sum.low);
  store_le(digest.fingerprint.data() + 8, sum.high);
  return digest;
}

std::vector<wire::RangeItem> RangeSet::items(std::uint8_t depth, const Key& prefix) const {
  Items held;
  collect(descend(depth, prefix), held);
  std::vector<wire::RangeItem> out;
  for (const Item& item : within(held, depth, prefix)) out.push_back(item.named);
  return out;
}

}  // namespace kith::reconcile
