#include "rings.hpp"

#include <algorithm>

#include "kith/crypto/hash.hpp"

namespace kith::membership {
namespace {

std::uint32_t upper_half(std::uint64_t point) { return static_cast<std::uint32_t>(point >> 32); }

std::vector<NodeId> sorted(std::vector<NodeId> ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

}  // namespace

std::uint64_t Rings::point(std::size_t ring, const NodeId& member) const {
  const Byte number = static_cast<Byte>(ring);
  const ByteArray<8> hash = crypto::keyed_hash64(
      network_.view(), {as_bytes("kith ring"), ByteView(&number, 1), member.view()});
  return load_le<std::uint64_t>(hash.data());
}

// Whether it is at least so far from the point to the place, backwards around the ring.
bool Rings::as_far(std::size_t ring, const Place& place, std::uint64_t from,
                   std::uint64_t distance) const {
  // The lower halves may take one from the difference of the upper ones, and no more.
  const std::uint32_t between = upper_half(from) - place.upper;
  if (between != 0 && between - 1 > upper_half(distance)) return true;
  if (between != 0 && between < upper_half(distance)) return false;
  return from - point(ring, id(place)) >= distance;
}

bool Rings::before(std::size_t ring, const Place& place, std::uint64_t at,
                   const NodeId& member) const {
  if (place.upper != upper_half(at)) return place.upper < upper_half(at);
  const std::uint64_t exact = point(ring, id(place));
  return exact != at ? exact < at : id(place) < member;
}

// Where the member stands, or would.
Rings::Ring::const_iterator Rings::find(std::size_t ring, std::uint64_t point,
                                        const NodeId& member) const {
  return std::lower_bound(rings_[ring].begin(), rings_[ring].end(), point,
                          [&](const Place& place, std::uint64_t wanted) {
                            return before(ring, place, wanted, member);
                          });
}

void Rings::insert(const NodeId& member) {
  Number number = static_cast<Number>(numbered_.size());
  if (free_.empty()) {
    numbered_.push_back(member);
  } else {
    number = free_.back();
    free_.pop_back();
    numbered_[number] = member;
  }
  for (std::size_t r = 0; r < ring_count; ++r) {
    const std::uint64_t at = point(r, member);
    rings_[r].insert(find(r, at, member), {upper_half(at), number});
  }
}

void Rings::erase(const NodeId& member) {
  Number number = 0;
  for (std::size_t r = 0; r < ring_count; ++r) {
    const auto place = find(r, point(r, member), member);
    number = place->member;
    rings_[r].erase(place);
  }
  free_.push_back(number);
}

std::vector<NodeId> Rings::subjects(const NodeId& self, const Sound& sound) const {
  std::vector<NodeId> found;
  if (size() <= everyone_limit) {
    for (const Place& place : rings_[0]) found.push_back(id(place));
  } else {
    for (std::size_t r = 0; r < ring_count; ++r) {
      const Ring& ring = rings_[r];
      auto it = find(r, point(r, self), self);
      if (it != ring.end() && id(*it) == self) ++it;
      for (std::size_t walked = 0; walked < ring_walk_limit; ++walked, ++it) {
        if (it == ring.end()) it = ring.begin();
        if (id(*it) == self) break;
        found.push_back(id(*it));
        if (sound(id(*it))) break;
      }
    }
  }
  std::erase(found, self);
  return sorted(std::move(found));
}

std::vector<NodeId> Rings::observers(const NodeId& subject, const Sound& sound) const {
  std::vector<NodeId> found;
  if (size() <= everyone_limit) {
    for (const Place& place : rings_[0])
      if (id(place) != subject && sound(id(place))) found.push_back(id(place));
  } else {
    for (std::size_t r = 0; r < ring_count; ++r) {
      const Ring& ring = rings_[r];
      auto it = find(r, point(r, subject), subject);
      for (std::size_t walked = 0; walked < ring_walk_limit; ++walked) {
        if (it == ring.begin()) it = ring.end();
        --it;
        if (id(*it) == subject) break;
        if (!sound(id(*it))) continue;
        found.push_back(id(*it));
        break;
      }
    }
  }
  return sorted(std::move(found));
}

bool Rings::may_accuse(const NodeId& accuser, const NodeId& subject, const Sound& sound) const {
  if (accuser == subject) return false;
  if (size() <= everyone_limit + everyone_slack) return true;
  for (std::size_t r = 0; r < ring_count; ++r) {
    const Ring& ring = rings_[r];
    // Arc lengths modulo 2^64: the accuser must lie on the arc back to the last place walked.
    const std::uint64_t from = point(r, subject);
    const std::uint64_t distance = from - point(r, accuser);
    auto it = find(r, from, subject);
    std::size_t passed = 0;
    for (std::size_t walked = 0;
         walked < observer_slack + ring_walk_limit && passed < observer_slack; ++walked) {
      if (it == ring.begin()) it = ring.end();
      --it;
      if (id(*it) == subject) return true;  // once around
      if (as_far(r, *it, from, distance)) return true;
      if (sound(id(*it))) ++passed;
    }
  }
  return false;
}

}  // namespace kith::membership
