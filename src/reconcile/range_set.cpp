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

bool key_less(const wire::RangeItem& a, const wire::RangeItem& b) { return a.key < b.key; }

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

void RangeSet::put(const Key& key, const Version& version) {
  if (const Version* old = find(key)) {
    if (*old == version) return;
    erase(key);
  }
  const wire::RangeItem item{key, version};
  insert(root_, 0, item, fingerprint(item));
}

void RangeSet::erase(const Key& key) {
  const Version* version = find(key);
  if (!version) return;
  const wire::RangeItem item{key, *version};
  remove(root_, 0, item, fingerprint(item));
}

const Version* RangeSet::find(const Key& key) const {
  const Node& leaf = descend(nibbles_in_key, key);
  const auto it =
      std::lower_bound(leaf.items.begin(), leaf.items.end(), wire::RangeItem{key, {}}, key_less);
  return it != leaf.items.end() && it->key == key ? &it->version : nullptr;
}

void RangeSet::insert(Node& node, std::uint8_t depth, const wire::RangeItem& item, const Sum& sum) {
  ++node.count;
  node.sum.add(sum);
  if (!node.children.empty())
    return insert(node.children[nibble(item.key, depth)], static_cast<std::uint8_t>(depth + 1),
                  item, sum);
  node.items.insert(std::lower_bound(node.items.begin(), node.items.end(), item, key_less), item);
  if (node.items.size() > leaf_limit) split(node, depth);
}

void RangeSet::split(Node& node, std::uint8_t depth) {
  KITH_ASSERT(depth < nibbles_in_key);  // different keys differ before their end
  node.children.resize(16);
  for (const wire::RangeItem& item : node.items)
    insert(node.children[nibble(item.key, depth)], static_cast<std::uint8_t>(depth + 1), item,
           fingerprint(item));
  node.items = {};
}

void RangeSet::remove(Node& node, std::uint8_t depth, const wire::RangeItem& item, const Sum& sum) {
  --node.count;
  node.sum.subtract(sum);
  if (node.children.empty()) {
    node.items.erase(std::lower_bound(node.items.begin(), node.items.end(), item, key_less));
    return;
  }
  remove(node.children[nibble(item.key, depth)], static_cast<std::uint8_t>(depth + 1), item, sum);
  if (node.count > merge_limit) return;
  std::vector<wire::RangeItem> items;
  collect(node, items);
  node.children = {};
  node.items = std::move(items);
}

void RangeSet::collect(const Node& node, std::vector<wire::RangeItem>& out) {
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
    for (const wire::RangeItem& item : node.items) {
      if (!has_prefix(item.key, depth, prefix)) continue;
      ++digest.count;
      sum.add(fingerprint(item));
    }
    if (digest.count == node.count) sum = node.sum;
  }
  store_le(digest.fingerprint.data(), sum.low);
  store_le(digest.fingerprint.data() + 8, sum.high);
  return digest;
}

std::vector<wire::RangeItem> RangeSet::items(std::uint8_t depth, const Key& prefix) const {
  std::vector<wire::RangeItem> out;
  collect(descend(depth, prefix), out);
  std::erase_if(out,
                [&](const wire::RangeItem& item) { return !has_prefix(item.key, depth, prefix); });
  return out;
}

}  // namespace kith::reconcile
