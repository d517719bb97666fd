#include "beacon_dials.hpp"

#include <algorithm>

namespace kith::discovery {

bool BeaconDials::due(const Place& place, Instant now, bool alone) {
  const Instant* settled = places_.find(place);
  if (settled && now - *settled < redial_after) return false;
  const Instant* answered = answered_.find(place.first);
  if (!answered || alone) return true;
  // An interval longer than the loss: an answer of that time may have come too early to be of use.
  const bool in_doubt = doubted_until_ && *answered < *doubted_until_;
  if (in_doubt || now - *answered >= meet_again) return true;
  places_.put(place, now);
  return false;
}

bool BeaconDials::room(const IpAddress& source) const {
  const auto same = std::count_if(in_flight_.begin(), in_flight_.end(), [&](const auto& dial) {
    return dial.second.second.ip == source;
  });
  return in_flight_.size() < beacon_dials_limit && same < beacon_dials_per_source;
}

void BeaconDials::begin(Ticket ticket, const Place& place, Instant now) {
  places_.put(place, now);
  in_flight_.emplace(ticket, place);
}

bool BeaconDials::end(Ticket ticket, bool ok, Instant now) {
  const auto dial = in_flight_.extract(ticket);
  if (dial.empty()) return false;
  if (ok) answered_.put(dial.mapped().first, now);
  return true;
}

void BeaconDials::forget(const Place& place) {
  places_.erase(place);
  answered_.erase(place.first);
}

}  // namespace kith::discovery
