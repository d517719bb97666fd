// Gossip: news waiting to ride on pings, acks and pushes. Least-sent first, newest first among
// equals; an item leaves after its budget of sendings [SWIM 4.1, memberlist].
//
// Differences: what travels is a 23-byte reference, never a record; suspicions carry their
// accuser's signature; there is no other traffic in this queue, so nothing starves it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "constants.hpp"
#include "kith/wire/message.hpp"

namespace kith::membership {

// Sendings of one item in a network of n members: 4 * ceil(log2(n + 1)), at most one a neighbour.
unsigned gossip_budget(std::size_t members);

class GossipQueue {
 public:
  explicit GossipQueue(std::size_t bytes) : bytes_(bytes) {}  // Tuning::gossip_bytes

  void push(const wire::Reference& reference);  // replaces older news of the subject
  void push(const wire::Suspicion& suspicion);
  void drop_suspicions(const wire::IdPrefix& subject);
  void drop_suspicion(const wire::IdPrefix& subject, const wire::IdPrefix& accuser);
  void drop(const wire::IdPrefix& subject);  // all about it

  // Adds what fits behind what `gossip` already holds, and counts it as sent.
  void fill(wire::Gossip& gossip, unsigned budget);

  bool empty() const { return items_.empty(); }
  std::size_t size() const { return items_.size(); }

 private:
  using Key = std::pair<wire::IdPrefix, wire::IdPrefix>;  // subject, accuser (zero: a reference)
  // Nearly all are references, of members that a large network tells of at once.
  using News = std::variant<wire::Reference, std::unique_ptr<const wire::Suspicion>>;
  struct Item {
    News news;
    unsigned sent = 0;
    std::uint64_t age = 0;  // no two have the same
  };
  using Items = std::map<Key, Item>;
  struct Place {  // of an item among all; stale once the item moved or went
    unsigned sent;
    std::uint64_t age;
    Key key;
  };
  static bool later(const Place& a, const Place& b);  // sent, then newest first
  void insert(const Key& key, News news);
  Items::iterator item_at(const Place& place);
  void enter(const Key& key, const Item& item);
  void make_room();
  bool add(wire::Gossip& gossip, std::size_t& used, const Item& item) const;

  std::size_t bytes_;
  Items items_;
  std::vector<Place> order_;  // a heap, the next to be sent on top; holds stale places too
  std::uint64_t pushed_ = 0;
};

}  // namespace kith::membership
