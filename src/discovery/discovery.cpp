#include "kith/discovery/discovery.hpp"

#include <algorithm>
#include <map>

#include "beacon.hpp"
#include "beacon_dials.hpp"
#include "constants.hpp"
#include "interfaces.hpp"
#include "kith/base/bounded.hpp"
#include "kith/base/deadline_queue.hpp"
#include "kith/base/locality.hpp"
#include "kith/base/visit.hpp"

namespace kith::discovery {

static_assert(Machine<Discovery>);

namespace {

struct Timer {
  enum class Kind : std::uint8_t { beacon, target, adopt, believe };
  Kind kind;
  std::uint64_t id = 0;
  auto operator<=>(const Timer&) const = default;
};

// A target is dialled for ever; only the pace changes.
struct Seed {
  std::shared_ptr<const Target> target;
  Ticket user;  // whose join this attempt is; 0 afterwards
  bool trust_first = false;
  std::optional<Instant> adopt_until{};
  bool once = false;  // a saved peer: dropped when it has answered
  Duration retry = retry_first;
};

struct Other {
  Lan lan;
  Endpoint place;
  Instant heard;
};

}  // namespace

struct Discovery::Impl {
  Config config;
  Rng rng;
  DeadlineQueue<Timer> timers;
  std::vector<Interface> interfaces;
  Locality locality;
  std::map<std::uint64_t, Seed> seeds;
  std::map<Token, std::uint64_t> resolving;
  std::map<Ticket, std::uint64_t> dialling;             // -> seed
  BeaconDials beacon_dials;                             // of our network
  LruMap<Place, Instant> foreign_places{places_limit};  // of other lan networks: they may come over
  LruMap<IpAddress, Instant> answered{places_limit};
  std::map<ByteArray<16>, Other> others;
  std::optional<AdoptLan> adoption;
  std::optional<Lan> going;  // adopted, and the world has not followed yet
  Instant going_until, believe_until;
  bool peers_hold = false;  // a member of our network said that it holds records
  bool told_holding = false;
  std::size_t live = 1, burst_at = 0;
  std::uint64_t last_seed = 0, last_token = 0, last_ticket = 0, sent = 0, heard = 0;
  Instant started;
  Now now{};
  Outbox* out = nullptr;

  Impl(Config c, Rng r) : config(std::move(c)), rng(r), told_holding(config.lan.holds_records) {}

  void start() {
    started = now.mono;
    for (const Target& target : config.join)
      add_seed({std::make_shared<const Target>(target), {}, config.trust_first});
    for (const Target& target : config.saved) {
      Seed seed{std::make_shared<const Target>(target)};
      seed.once = true;
      add_seed(std::move(seed));
    }
    if (config.adopted_records) believe_peers_hold();
    restart_burst();
  }

  // --- beacons --------------------------------------------------------------------------------

  bool beaconing() const { return config.beacon; }

  void restart_burst() {
    burst_at = 0;
    if (beaconing()) timers.set({Timer::Kind::beacon}, now.mono);
  }

  Buffer own_beacon() const {
    return encode_beacon({network_holds(), config.lan.id, config.boot}, config.network);
  }

  void send_beacons() {
    const Buffer bytes = own_beacon();
    for (const Interface& interface : interfaces) {
      if (!eligible(interface, config.lan_exclude)) continue;
      const bool reaches_us =
          std::any_of(interface.subnets.begin(), interface.subnets.end(),
                      [&](const Subnet& s) { return covered(config.listen, s.ip); });
      if (!reaches_us) continue;
      ++sent;
      out->push(SendBeacon{interface.index, bytes, std::nullopt});
    }
    ++burst_at;
    Duration wait;
    if (burst_at < burst.size()) {
      wait = burst[burst_at] - burst[burst_at - 1];
    } else {
      const Duration jitter = beacon_interval * beacon_jitter_percent / 100;
      wait = rng.between(beacon_interval - jitter, beacon_interval + jitter);
    }
    timers.set({Timer::Kind::beacon}, now.mono + wait);
  }

  void on(const BeaconReceived& in) {
    // The port is open to the world. Before the first look at the interfaces nobody is refused.
    const bool local = interfaces.empty() || locality.eligible(in.from.ip);
    if (config.mode == Mode::lan && !local) return drop(DropReason::not_local);
    const auto beacon = decode_beacon(in.bytes, config.mode, config.network, config.network_name);
    if (!beacon) {
      const bool foreign = beacon.error() == BeaconError::wrong_network;
      return drop(foreign ? DropReason::wrong_network : DropReason::malformed);
    }
    if (beacon->boot == config.boot) return drop(DropReason::own_message);
    ++heard;
    const Lan lan{beacon->lan, beacon->holds_records};
    if (config.mode == Mode::lan && lan.id != config.lan.id)
      return other_lan(lan, in.from, *beacon);
    const Place place{beacon->boot, in.from};
    foreign_places.erase(place);  // it came over, or we did
    std::erase_if(others, [&](const auto& entry) { return entry.second.place == in.from; });
    if (config.mode == Mode::lan && lan.holds_records) believe_peers_hold();
    answer(in.from, !beacon_dials.knows(place));
    if (!beacon_dials.due(place, now.mono, live <= 1)) return;
    if (!beacon_dials.room(in.from.ip)) return drop(DropReason::limit_reached);
    const Ticket ticket{++last_ticket};
    beacon_dials.begin(ticket, place, now.mono);
    out->push(Dial{ticket, in.from, std::nullopt, false});
  }

  void other_lan(const Lan& lan, const Endpoint& from, const Beacon& beacon) {
    const Place place{beacon.boot, from};
    beacon_dials.forget(place);
    const Instant* known = foreign_places.find(place);
    const bool fresh = known == nullptr || now.mono - *known >= redial_after;
    if (fresh) foreign_places.put(place, now.mono);
    answer(from, fresh);  // whoever loses must hear of the winner
    consider(lan, from);
  }

  // The rule of lan networks: one without records adopts the winner.
  void consider(const Lan& lan, const Endpoint& from) {
    const bool leaving = going && now.mono < going_until;
    const Lan ours = leaving ? *going : Lan{config.lan.id, network_holds()};
    if (lan.id == ours.id) return;
    if (!network_holds() && beats(lan, ours)) return adopt({lan});
    std::erase_if(others, [&](const auto& entry) {
      return entry.second.place == from || now.mono - entry.second.heard >= other_lan_life;
    });
    if (others.size() < lans_limit || others.contains(lan.id))
      others[lan.id] = {lan, from, now.mono};
  }

  void adopt(AdoptLan adoption_now) {
    going = adoption_now.lan;
    going_until = now.mono + adopting;
    out->push(std::move(adoption_now));
  }

  // A newcomer to a network with records has none of them yet, and in a large one it may never:
  // what counts is what the network holds. Or it would go on to the next network with records, and
  // back.
  bool network_holds() const {
    return config.lan.holds_records || (peers_hold && (live > 1 || now.mono < believe_until));
  }

  void believe_peers_hold() {
    peers_hold = true;
    believe_until = now.mono + believe;
    timers.set({Timer::Kind::believe}, believe_until);
    tell_holding();
  }

  void tell_holding() {
    const bool any = network_holds();
    if (config.mode != Mode::lan || any == told_holding) return;
    told_holding = any;
    out->push(NetworkHolds{any});
    if (any) return cancel_adoption();
    const auto heard_before = others;  // nothing holds us here any more
    for (const auto& [id, other] : heard_before)
      if (now.mono - other.heard < other_lan_life) consider(other.lan, other.place);
  }

  // A new boot id is answered by unicast, so that it need not wait for our next beacon; by about
  // four of those who heard it, and at most once a second a source.
  void answer(const Endpoint& to, bool is_new) {
    if (!is_new || !beaconing()) return;
    const Instant* last = answered.find(to.ip);
    if (last && now.mono - *last < answer_interval && live > answers_aimed_at) return;
    if (!rng.chance(std::min(answers_aimed_at, live), live)) return;
    answered.put(to.ip, now.mono);
    out->push(SendBeacon{0, own_beacon(), to});
  }

  // --- targets --------------------------------------------------------------------------------

  std::uint64_t add_seed(Seed seed) {
    const std::uint64_t id = ++last_seed;
    seeds.emplace(id, std::move(seed));
    timers.set({Timer::Kind::target, id}, now.mono);
    return id;
  }

  void on(const JoinRequested& in) {
    // The same target again: one seed, a new attempt now.
    for (auto& [id, seed] : seeds) {
      if (seed.target->text != in.target.text) continue;
      seed.user = in.user;
      seed.trust_first = in.trust_first;
      seed.adopt_until = in.adopt_until;
      seed.once = false;
      seed.retry = retry_first;
      return attempt(id);
    }
    if (seeds.size() >= targets_limit) {
      out->push(Unresolved{in.user, std::make_shared<const Target>(in.target)});
      return drop(DropReason::limit_reached);
    }
    Seed seed{std::make_shared<const Target>(in.target), in.user, in.trust_first, in.adopt_until};
    const std::uint64_t id = add_seed(std::move(seed));
    attempt(id);
  }

  void attempt(std::uint64_t id) {
    Seed& seed = seeds.at(id);
    if (seed.once && live > 1 && now.mono - started >= saved_patience) {
      seeds.erase(id);
      return;
    }
    const Duration wait = live > 1 && !seed.once ? retry_joined : seed.retry;
    seed.retry = std::min(seed.retry * 2, live > 1 ? retry_joined : retry_alone_max);
    const Duration jitter = rng.between(Duration(0), wait / 4);
    timers.set({Timer::Kind::target, id}, now.mono + wait + jitter);
    if (const auto ip = parse_ip(seed.target->host)) return resolved(id, {*ip});
    for (const auto& [token, waiting] : resolving)
      if (waiting == id) return;  // still asking the last time
    const Token token{++last_token};
    resolving.emplace(token, id);
    out->push(Resolve{token, std::make_shared<const std::string>(seed.target->host)});
  }

  void on(const Resolved& in) {
    const auto node = resolving.extract(in.token);
    if (node.empty() || !seeds.contains(node.mapped())) return drop(DropReason::unexpected);
    resolved(node.mapped(), in.addresses);
  }

  void resolved(std::uint64_t id, const std::vector<IpAddress>& addresses) {
    Seed& seed = seeds.at(id);
    const Ticket user = std::exchange(seed.user, Ticket{});
    if (addresses.empty()) return out->push(Unresolved{user, seed.target});
    for (std::size_t i = 0; i < addresses.size() && i < addresses_limit; ++i) {
      const Endpoint endpoint{addresses[i], seed.target->port};
      const Ticket ticket{++last_ticket};
      dialling.emplace(ticket, id);
      out->push(Dialling{ticket, user, endpoint, seed.target});  // before the dial it names
      out->push(Dial{ticket, endpoint, seed.target->pin, seed.trust_first});
    }
  }

  void on(const DialFinished& in) {
    if (beacon_dials.end(in.ticket, in.ok, now.mono)) return;
    const auto node = dialling.extract(in.ticket);
    if (node.empty()) return drop(DropReason::unexpected);
    const auto seed = seeds.find(node.mapped());
    if (seed == seeds.end()) return;
    // Done: who has its address later gets nothing of ours.
    if (in.ok) seed->second.adopt_until.reset();
    if (seed->second.once && (in.ok || in.permanent)) {
      seeds.erase(seed);
      return;
    }
    if (in.ok || in.permanent) {
      seed->second.retry = retry_alone_max;
      timers.set({Timer::Kind::target, seed->first}, now.mono + retry_joined);
    }
  }

  // A join target answered from another lan network. Whoever joins goes along, when it has nothing
  // to lose (or says so); the side that would have won waits a little first.
  void on(const LanHeard& in) {
    const auto dialled = in.dial ? dialling.find(*in.dial) : dialling.end();
    const auto seed = dialled == dialling.end() ? seeds.end() : seeds.find(dialled->second);
    if (seed == seeds.end()) return consider(in.lan, in.from);
    if (in.lan.id == config.lan.id) return;
    if (now.mono < seed->second.adopt_until) return adopt({in.lan, true});
    if (network_holds()) return consider(in.lan, in.from);
    if (beats(in.lan, config.lan)) return adopt({in.lan});
    if (adoption) return;
    adoption = AdoptLan{in.lan};
    const Duration wait = rng.between(yield_min, yield_max);
    timers.set({Timer::Kind::adopt}, now.mono + wait);
  }

  // --- the rest -------------------------------------------------------------------------------

  void on(const InterfacesChanged& in) {
    if (in.interfaces == interfaces && !interfaces.empty()) return;
    interfaces = in.interfaces;
    SubnetsEligible subnets = subnets_of(interfaces, config.listen, config.lan_exclude);
    locality.set(subnets.subnets, subnets.gateways);
    out->push(std::move(subnets));
    out->push(AddressesFound{advertised(interfaces, config.listen, config.lan_exclude)});
    restart_burst();
  }
  void on(const RecordsHeld& in) {
    config.lan.holds_records = in.any;
    tell_holding();
  }
  void cancel_adoption() {
    adoption.reset();
    timers.cancel({Timer::Kind::adopt});
  }
  void on(const LiveChanged& in) {
    if (in.live < live) beacon_dials.member_lost(now.mono);
    const bool lonely_again = live > 1 && in.live <= 1;
    live = std::max<std::size_t>(in.live, 1);
    if (live > 1) cancel_adoption();
    tell_holding();
    if (!lonely_again) return;
    restart_burst();
    for (auto& [id, seed] : seeds) {
      seed.retry = retry_first;
      timers.set({Timer::Kind::target, id}, now.mono);
    }
  }

  void fire(const Timer& timer) {
    switch (timer.kind) {
      case Timer::Kind::beacon:
        return send_beacons();
      case Timer::Kind::target:
        if (seeds.contains(timer.id)) attempt(timer.id);
        return;
      case Timer::Kind::adopt:
        if (adoption) adopt(*std::exchange(adoption, std::nullopt));
        return;
      case Timer::Kind::believe:
        return tell_holding();
    }
  }

  void drop(DropReason reason) { out->push(Dropped{reason}); }
};

Discovery::Discovery(Config config, Rng rng)
    : impl_(std::make_unique<Impl>(std::move(config), rng)) {}
Discovery::~Discovery() = default;
Discovery::Discovery(Discovery&&) noexcept = default;

void Discovery::start(Now now, Outbox& out) {
  impl_->now = now;
  impl_->out = &out;
  impl_->start();
}

void Discovery::step(const Input& input, Now now, Outbox& out) {
  impl_->now = now;
  impl_->out = &out;
  match(input, [&](const auto& in) { impl_->on(in); });
}

void Discovery::expire(Now now, Outbox& out) {
  impl_->now = now;
  impl_->out = &out;
  while (const auto timer = impl_->timers.pop_due(now.mono)) impl_->fire(*timer);
}

std::optional<Instant> Discovery::next_deadline() const { return impl_->timers.next(); }

Snapshot Discovery::snapshot() const {
  Snapshot out;
  for (const auto& [id, other] : impl_->others)
    if (impl_->now.mono - other.heard < other_lan_life)
      out.other_lans.emplace_back(other.lan, other.place);
  out.targets = impl_->seeds.size();
  out.beacons_sent = impl_->sent;
  out.beacons_heard = impl_->heard;
  return out;
}

bool Discovery::apart_from(const Endpoint& place) const {
  const bool leaving = impl_->going && impl_->now.mono < impl_->going_until;
  if (leaving || !impl_->network_holds()) return false;
  for (const auto& [id, other] : impl_->others)
    if (other.place == place && other.lan.holds_records) return true;
  return false;
}

}  // namespace kith::discovery
