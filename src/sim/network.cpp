#include "network.hpp"

#include <algorithm>

namespace kith::sim {
namespace {

bool holds(const Event& event, HostIndex host) {
  return std::binary_search(event.hosts.begin(), event.hosts.end(), host);
}
// On a circle of so many, two that are further apart than a majority around each reaches.
bool apart(HostIndex from, HostIndex to, HostIndex hosts) {
  const HostIndex way = from < to ? to - from : from - to;
  const HostIndex reach = (hosts / 2 + 1) / 2;
  return std::min(way, hosts - way) > reach;
}
// Whether nothing gets through from one to the other, of so many hosts.
bool severs(const Event& event, HostIndex from, HostIndex to, HostIndex hosts) {
  switch (event.act) {
    case Act::cut:
      return holds(event, from) != holds(event, to);
    case Act::bridge:
      return holds(event, from) != holds(event, to) && from != event.amount && to != event.amount;
    case Act::ring:
      return apart(from, to, hosts);
    case Act::mute:
      return holds(event, from);
    case Act::deaf:
      return holds(event, to);
    default:
      return false;
  }
}
// Whether it slows, loses or changes what goes from one to the other.
bool troubles(const Event& event, HostIndex from, HostIndex to) {
  if (event.act == Act::clog) return holds(event, from) != holds(event, to);
  if (event.act == Act::squeeze) return event.hosts.empty() || holds(event, from);
  return event.hosts.empty() || holds(event, from) || holds(event, to);
}

constexpr std::size_t place_of(Act act) { return static_cast<std::size_t>(act); }

constexpr Duration reorder_max = milliseconds(50);
constexpr Duration replay_max = seconds(5);
constexpr Duration squeeze_queue = milliseconds(500);  // longer than that: the router drops
constexpr Duration resend = milliseconds(200);         // TCP's smallest timeout [Linux]

Buffer with_flipped_bit(const Buffer& bytes, std::uint64_t place) {
  Bytes copy(bytes.view().begin(), bytes.view().end());
  if (!copy.empty()) copy[place / 8 % copy.size()] ^= static_cast<Byte>(1u << place % 8);
  return Buffer(copy);
}

}  // namespace

void Network::end(const Event& event) { std::erase(active_, &event); }

Network::Weather Network::weather(HostIndex from, HostIndex to) const {
  Weather w;
  for (const Event* event : active_) {
    const Event& e = *event;
    if (!troubles(e, cable_[from], cable_[to])) continue;
    switch (e.act) {
      case Act::clog:
        w.held = std::max(w.held, beginning + e.at + e.span);
        break;
      case Act::delay:
        w.delay += Duration(e.amount);
        break;
      case Act::mtu:
        w.mtu = std::min(w.mtu, static_cast<std::size_t>(e.amount));
        break;
      case Act::squeeze:
        w.rate = e.amount;
        break;
      default:
        w.chance[place_of(e.act)] = std::max(w.chance[place_of(e.act)], e.amount);
    }
  }
  return w;
}

bool Network::passes(HostIndex from, HostIndex to) const {
  return std::none_of(active_.begin(), active_.end(), [&](const Event* event) {
    return severs(*event, cable_[from], cable_[to], scenario_.hosts);
  });
}

Duration Network::latency(HostIndex from, HostIndex to, std::uint64_t nonce) const {
  return chance_.of(scenario_.latency, Concern::latency, {from, to, nonce});
}

// A squeezed line sends one byte after the other.
Instant Network::through(HostIndex from, std::size_t bytes, const Weather& weather, Instant now) {
  if (weather.rate <= 0) return now;
  if (from >= busy_.size()) busy_.resize(from + 1);
  const auto takes = static_cast<std::int64_t>(bytes) * 1'000'000 / weather.rate;
  busy_[from] = std::max(busy_[from], now) + Duration(takes);
  count(Act::squeeze);
  return busy_[from];
}

const std::vector<Arrival>& Network::datagram(HostIndex from, HostIndex to, const Buffer& bytes,
                                              Instant now, std::uint64_t nonce) {
  arrivals_.clear();
  const Instant usual = now + latency(from, to, nonce);
  if (active_.empty()) {
    arrivals_.push_back({usual, bytes});
    return arrivals_;
  }
  if (!passes(from, to)) return count(Act::cut), arrivals_;
  const Weather w = weather(from, to);
  const auto hit = [&](Act act, Concern concern) {
    const bool yes = chance_.per_mille(w.chance[place_of(act)], concern, {from, to, nonce});
    if (yes) count(act);
    return yes;
  };
  if (bytes.size() > w.mtu) return count(Act::mtu), arrivals_;
  if (hit(Act::loss, Concern::loss)) return arrivals_;
  const Instant sent = through(from, bytes.size(), w, now);
  if (sent - now > squeeze_queue) {
    busy_[from] = now + squeeze_queue;
    return arrivals_;
  }
  if (w.delay.count() > 0) count(Act::delay);
  Arrival arrival{usual + (sent - now) + w.delay, bytes};
  if (hit(Act::reorder, Concern::reorder))
    arrival.at +=
        chance_.between(Duration(0), reorder_max, Concern::reorder_delay, {from, to, nonce});
  if (hit(Act::corrupt, Concern::corrupt))
    arrival.bytes = with_flipped_bit(bytes, chance_.word(Concern::corrupt_place, {from, nonce}));
  if (hit(Act::truncate, Concern::truncate))
    arrival.bytes =
        bytes.slice(0, chance_.below(bytes.size() + 1, Concern::truncate_place, {from, nonce}));
  if (arrival.at < w.held) {
    arrival.at = w.held;
    count(Act::clog);
  }
  arrivals_.push_back(arrival);
  if (hit(Act::duplicate, Concern::duplicate)) arrivals_.push_back(arrival);
  if (hit(Act::replay, Concern::replay))
    arrivals_.push_back({arrival.at + chance_.between(Duration(0), replay_max,
                                                      Concern::replay_delay, {from, to, nonce}),
                         arrival.bytes});
  return arrivals_;
}

std::optional<Instant> Network::stream(HostIndex from, HostIndex to, std::size_t bytes, Instant now,
                                       std::uint64_t nonce) {
  const Instant usual = now + latency(from, to, nonce);
  if (active_.empty()) return usual;
  if (!passes(from, to)) return count(Act::cut), std::nullopt;
  const Weather w = weather(from, to);
  Instant at = usual + w.delay + (through(from, bytes, w, now) - now);
  if (chance_.per_mille(w.chance[place_of(Act::loss)], Concern::loss, {from, to, nonce, 1})) {
    count(Act::loss);
    at += resend;
  }
  return std::max(at, w.held);
}

}  // namespace kith::sim
