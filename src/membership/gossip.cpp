#include "gossip.hpp"

#include <algorithm>
#include <bit>

namespace kith::membership {

unsigned gossip_budget(std::size_t members) {
  const auto rounds = static_cast<unsigned>(std::bit_width(members));  // = ceil(log2(n + 1))
  return std::min(retransmit_factor * rounds, retransmit_max);
}

bool GossipQueue::later(const Place& a, const Place& b) {
  return a.sent != b.sent ? a.sent > b.sent : a.age < b.age;
}

GossipQueue::Items::iterator GossipQueue::item_at(const Place& place) {
  const auto it = items_.find(place.key);
  const bool stale =
      it == items_.end() || it->second.age != place.age || it->second.sent != place.sent;
  return stale ? items_.end() : it;
}

void GossipQueue::enter(const Key& key, const Item& item) {
  order_.push_back({item.sent, item.age, key});
  std::push_heap(order_.begin(), order_.end(), later);
}

// The most spread eighth goes, so that a flood of news pays for one search in many.
void GossipQueue::make_room() {
  std::vector<Items::iterator> all;
  for (auto it = items_.begin(); it != items_.end(); ++it) all.push_back(it);
  const auto last = all.begin() + gossip_limit / 8;
  std::nth_element(all.begin(), last, all.end(), [](const auto& a, const auto& b) {
    const Item &x = a->second, &y = b->second;
    return x.sent != y.sent ? x.sent > y.sent : x.age < y.age;
  });
  for (auto it = all.begin(); it != last; ++it) items_.erase(*it);
}

void GossipQueue::insert(const Key& key, News news) {
  if (items_.size() >= gossip_limit && !items_.contains(key)) make_room();
  const auto it = items_.insert_or_assign(key, Item{std::move(news), 0, ++pushed_}).first;
  if (order_.size() >= 2 * items_.size() + 32) {
    std::erase_if(order_, [this](const Place& place) { return item_at(place) == items_.end(); });
    std::make_heap(order_.begin(), order_.end(), later);
  }
  enter(key, it->second);
}

void GossipQueue::push(const wire::Reference& reference) {
  insert({reference.subject, {}}, reference);
}

void GossipQueue::push(const wire::Suspicion& suspicion) {
  insert({suspicion.subject.subject, suspicion.accuser},
         std::make_unique<const wire::Suspicion>(suspicion));
}

void GossipQueue::drop_suspicions(const wire::IdPrefix& subject) {
  auto it = items_.upper_bound({subject, {}});
  while (it != items_.end() && it->first.first == subject) it = items_.erase(it);
}

void GossipQueue::drop_suspicion(const wire::IdPrefix& subject, const wire::IdPrefix& accuser) {
  items_.erase({subject, accuser});
}

void GossipQueue::drop(const wire::IdPrefix& subject) {
  drop_suspicions(subject);
  items_.erase({subject, {}});
}

// False: it does not fit, or is there already.
bool GossipQueue::add(wire::Gossip& gossip, std::size_t& used, const Item& item) const {
  if (const auto* reference = std::get_if<wire::Reference>(&item.news)) {
    if (gossip.references.size() == wire::references_limit) return false;
    gossip.references.push_back(*reference);
    used += reference_bytes;
    return true;
  }
  const auto& suspicion = *std::get<std::unique_ptr<const wire::Suspicion>>(item.news);
  if (used + suspicion_bytes > bytes_ || gossip.suspicions.size() == wire::suspicions_limit)
    return false;
  if (std::find(gossip.suspicions.begin(), gossip.suspicions.end(), suspicion) !=
      gossip.suspicions.end())
    return false;
  gossip.suspicions.push_back(suspicion);
  used += suspicion_bytes;
  return true;
}

void GossipQueue::fill(wire::Gossip& gossip, unsigned budget) {
  std::size_t used =
      gossip.references.size() * reference_bytes + gossip.suspicions.size() * suspicion_bytes;
  std::vector<Items::iterator> looked_at;
  std::size_t misfits = 0;  // a few bytes left over are not worth a walk through a long queue
  while (!order_.empty() && used + reference_bytes <= bytes_ && misfits < misfits_limit) {
    std::pop_heap(order_.begin(), order_.end(), later);
    const auto it = item_at(order_.back());
    order_.pop_back();
    if (it == items_.end()) continue;
    const bool fits = add(gossip, used, it->second);
    it->second.sent += fits ? 1 : 0;
    misfits += fits ? 0 : 1;
    looked_at.push_back(it);
  }
  for (const auto& it : looked_at) {
    if (it->second.sent >= budget)
      items_.erase(it);
    else
      enter(it->first, it->second);
  }
  if (items_.empty()) order_ = {};  // it was long when everybody was new
}

}  // namespace kith::membership
