#include "rings.hpp"

#include "kith/crypto/hash.hpp"

namespace kith::membership {

Rings::Place Rings::place(std::size_t ring, const NodeId& member) const {
  const Byte number = static_cast<Byte>(ring);
  const ByteArray<8> hash = crypto::keyed_hash64(
      network_.view(), {as_bytes("kith ring"), ByteView(&number, 1), member.view()});
  return {load_le<std::uint64_t>(hash.data()), member};
}

void Rings::insert(const NodeId& member) {
  for (std::size_t ring = 0; ring < ring_count; ++ring) rings_[ring].insert(place(ring, member));
}

void Rings::erase(const NodeId& member) {
  for (std::size_t ring = 0; ring < ring_count; ++ring) rings_[ring].erase(place(ring, member));
}

std::vector<NodeId> Rings::subjects(const NodeId& self, const Sound& sound) const {
  std::set<NodeId> found;
  if (size() <= everyone_limit) {
    for (const auto& [point, member] : rings_[0]) found.insert(member);
  } else {
    for (std::size_t r = 0; r < ring_count; ++r) {
      const Ring& ring = rings_[r];
      auto it = ring.upper_bound(place(r, self));
      for (std::size_t walked = 0; walked < ring_walk_limit; ++walked, ++it) {
        if (it == ring.end()) it = ring.begin();
        if (it->second == self) break;
        found.insert(it->second);
        if (sound(it->second)) break;
      }
    }
  }
  found.erase(self);
  return {found.begin(), found.end()};
}

std::vector<NodeId> Rings::observers(const NodeId& subject, const Sound& sound) const {
  std::set<NodeId> found;
  if (size() <= everyone_limit) {
    for (const auto& [point, member] : rings_[0])
      if (member != subject && sound(member)) found.insert(member);
  } else {
    for (std::size_t r = 0; r < ring_count; ++r) {
      const Ring& ring = rings_[r];
      auto it = ring.lower_bound(place(r, subject));
      for (std::size_t walked = 0; walked < ring_walk_limit; ++walked) {
        if (it == ring.begin()) it = ring.end();
        --it;
        if (it->second == subject) break;
        if (!sound(it->second)) continue;
        found.insert(it->second);
        break;
      }
    }
  }
  return {found.begin(), found.end()};
}

bool Rings::may_accuse(const NodeId& accuser, const NodeId& subject, const Sound& sound) const {
  if (accuser == subject) return false;
  if (size() <= everyone_limit + everyone_slack) return true;
  for (std::size_t r = 0; r < ring_count; ++r) {
    const Ring& ring = rings_[r];
    // Arc lengths modulo 2^64: the accuser must lie on the arc back to the last place walked.
    const std::uint64_t from = place(r, subject).first;
    const std::uint64_t distance = from - place(r, accuser).first;
    auto it = ring.lower_bound(place(r, subject));
    std::size_t passed = 0;
    for (std::size_t walked = 0;
         walked < observer_slack + ring_walk_limit && passed < observer_slack; ++walked) {
      if (it == ring.begin()) it = ring.end();
      --it;
      if (it->second == subject) return true;  // once around
      if (from - it->first >= distance) return true;
      if (sound(it->second)) ++passed;
    }
  }
  return false;
}

}  // namespace kith::membership
