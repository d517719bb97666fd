#include "gossip.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace kith::membership {

unsigned gossip_budget(std::size_t members) {
  return retransmit_factor * static_cast<unsigned>(std::bit_width(members));  // = ceil(log2(n + 1))
}

void GossipQueue::insert(const Key& key, std::variant<wire::Reference, wire::Suspicion> news) {
  erase(key);
  if (items_.size() >= gossip_limit) erase(std::get<Key>(*order_.rbegin()));  // the most spread
  const std::uint64_t age = std::numeric_limits<std::uint64_t>::max() - pushed_++;
  items_.emplace(key, Item{std::move(news), 0, age});
  order_.emplace(0u, age, key);
}

void GossipQueue::erase(const Key& key) {
  const auto it = items_.find(key);
  if (it == items_.end()) return;
  order_.erase({it->second.sent, it->second.age, key});
  items_.erase(it);
}

void GossipQueue::push(const wire::Reference& reference) {
  insert({reference.subject, {}}, reference);
}

void GossipQueue::push(const wire::Suspicion& suspicion) {
  insert({suspicion.subject.subject, suspicion.accuser}, suspicion);
}

void GossipQueue::drop_suspicions(const wire::IdPrefix& subject) {
  auto it = items_.upper_bound({subject, {}});
  while (it != items_.end() && it->first.first == subject) {
    order_.erase({it->second.sent, it->second.age, it->first});
    it = items_.erase(it);
  }
}

void GossipQueue::drop_suspicion(const wire::IdPrefix& subject, const wire::IdPrefix& accuser) {
  erase({subject, accuser});
}

void GossipQueue::drop(const wire::IdPrefix& subject) {
  drop_suspicions(subject);
  erase({subject, {}});
}

void GossipQueue::fill(wire::Gossip& gossip, unsigned budget) {
  std::size_t used =
      gossip.references.size() * reference_bytes + gossip.suspicions.size() * suspicion_bytes;
  std::vector<Key> chosen;
  for (const auto& [sent, age, key] : order_) {
    if (used + reference_bytes > gossip_bytes) break;
    const auto& news = items_.at(key).news;
    if (const auto* reference = std::get_if<wire::Reference>(&news)) {
      if (gossip.references.size() == wire::references_limit) continue;
      gossip.references.push_back(*reference);
      used += reference_bytes;
    } else {
      const auto& suspicion = std::get<wire::Suspicion>(news);
      if (used + suspicion_bytes > gossip_bytes ||
          gossip.suspicions.size() == wire::suspicions_limit)
        continue;
      if (std::find(gossip.suspicions.begin(), gossip.suspicions.end(), suspicion) !=
          gossip.suspicions.end())
        continue;
      gossip.suspicions.push_back(suspicion);
      used += suspicion_bytes;
    }
    chosen.push_back(key);
  }
  for (const Key& key : chosen) {
    Item& item = items_.at(key);
    order_.erase({item.sent, item.age, key});
    if (++item.sent >= budget)
      items_.erase(key);
    else
      order_.emplace(item.sent, item.age, key);
  }
}

}  // namespace kith::membership
