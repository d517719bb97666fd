// BeaconDials: whom beacons made us dial, and whose next beacon is worth another dial. A place is a
// boot id at an endpoint: a host has an address of each family, of which one may be filtered, and
// who plays a beacon again says nothing about the place that it came from first.
#pragma once

#include <map>
#include <optional>
#include <utility>

#include "constants.hpp"
#include "kith/base/address.hpp"
#include "kith/base/bounded.hpp"
#include "kith/base/ids.hpp"

namespace kith::discovery {

using Place = std::pair<BootId, Endpoint>;

class BeaconDials {
 public:
  bool knows(const Place& place) const { return places_.peek(place) != nullptr; }
  // Whether a beacon from there is to be followed by a dial. While alone every one is; else none of
  // who answered at whatever address, or its beacon, played again from anywhere, would bring that
  // place more bytes than it sent.
  bool due(const Place& place, Instant now, bool alone);
  bool room(const IpAddress& source) const;
  void begin(Ticket ticket, const Place& place, Instant now);
  bool end(Ticket ticket, bool ok, Instant now);  // false: no dial of ours
  void forget(const Place& place);
  // A member was lost: it may be one of those who answered, so they are to answer anew.
  void member_lost(Instant now) { doubted_until_ = now + beacon_interval; }

 private:
  LruMap<Place, Instant> places_{places_limit};     // when dialled, or found to need no dial
  LruMap<BootId, Instant> answered_{places_limit};  // when last
  std::map<Ticket, Place> in_flight_;
  std::optional<Instant> doubted_until_;
};

}  // namespace kith::discovery
