// Rings: who observes whom. Eight orders of the live members, each by a hash keyed with the network
// and the ring's number: everybody has the same picture, few observers each, and nobody picks his.
//
// From Rapid [3.1], without its configurations: a ring is whatever the local roster says now. Up to
// nine live members everyone observes everyone. Suspects are passed over, so that the survivors of
// a mass failure observe all of the fallen at once and not one after another.
#pragma once

#include <array>
#include <functional>
#include <vector>

#include "constants.hpp"
#include "kith/base/ids.hpp"

namespace kith::membership {

class Rings {
 public:
  explicit Rings(const NetworkId& network) : network_(network) {}

  void insert(const NodeId& member);
  void erase(const NodeId& member);
  std::size_t size() const { return rings_[0].size(); }

  using Sound = std::function<bool(const NodeId&)>;  // live and not suspected
  // Whom `self` probes: on each ring everyone up to and including the first sound successor.
  std::vector<NodeId> subjects(const NodeId& self, const Sound& sound) const;
  // Who may accuse `subject`: on each ring the first sound predecessor. Sorted, distinct.
  std::vector<NodeId> observers(const NodeId& subject, const Sound& sound) const;
  // Whether `accuser`, live or not, stands close enough to be an observer in some recent view.
  bool may_accuse(const NodeId& accuser, const NodeId& subject, const Sound& sound) const;

 private:
  // Members are numbered, and of a point the upper half is kept: a place on a ring takes 8 bytes,
  // in eight rings. Where two upper halves are equal the points are worked out again.
  using Number = std::uint32_t;
  struct Place {
    std::uint32_t upper = 0;
    Number member = 0;
  };
  using Ring = std::vector<Place>;  // sorted by (point, id)
  std::uint64_t point(std::size_t ring, const NodeId& member) const;
  bool before(std::size_t ring, const Place& place, std::uint64_t point,
              const NodeId& member) const;
  bool as_far(std::size_t ring, const Place& place, std::uint64_t from,
              std::uint64_t distance) const;
  Ring::const_iterator find(std::size_t ring, std::uint64_t point, const NodeId& member) const;
  const NodeId& id(const Place& place) const { return numbered_[place.member]; }

  NetworkId network_;
  std::array<Ring, ring_count> rings_;
  std::vector<NodeId> numbered_;
  std::vector<Number> free_;
};

}  // namespace kith::membership
