// Syncing: what makes rosters agree without news: sessions that begin, anti-entropy, and a knock
// now and then at the doors of the gone, so that a split network heals.
#include "impl.hpp"

namespace kith::membership {

void Membership::Impl::on_established(const PeerEstablished& peer) {
  if (peer.peer == self) return;
  heard(peer.peer);
  if (own.published)
    introduce_self(peer.peer);
  else if (own.answer_to.size() < sessions_limit)
    own.answer_to.insert(peer.peer);
  if (self < peer.peer) exchange_with(peer.peer);  // one of the two asks
  // All of that may be lost, and a session is no reason for another: ask until it is known.
  if (roster.find(peer.peer) || forgotten.peek(peer.peer) || hints.size() >= hints_limit) return;
  hints.insert(peer.peer);
  arm_gone();
}

// --- anti-entropy -----------------------------------------------------------------------------

void Membership::Impl::anti_entropy() {
  const Duration usual = config.tuning.anti_entropy_interval;
  arm({TimerKind::anti_entropy}, rng.between(usual * 4 / 5, usual * 6 / 5));
  for (const NodeId& peer : roster.pick(1, self, rng)) exchange_with(peer);
}

void Membership::Impl::exchange_with(const NodeId& peer) {
  if (leaving != Leaving::no || exchanges.size() >= exchanges_limit) return;
  const auto [it, fresh] = exchanges.try_emplace(peer);
  if (!fresh) return;
  it->second.request = new_request();
  ask(peer, it->second);
}

void Membership::Impl::ask(const NodeId& peer, Exchange& exchange) {
  std::vector<wire::RangeDigest> ranges = exchange.asker.next(roster.set());
  const Timer timer{TimerKind::exchange, 0, peer};
  if (ranges.empty()) {
    timers.cancel(timer);
    exchanges.erase(peer);
    return;
  }
  arm(timer, exchange_retry);
  send(peer, wire::Reconcile{envelope(exchange.request, exchange_retry), wire::Topic::roster,
                             std::move(ranges)});
}

void Membership::Impl::exchange_due(const NodeId& peer) {
  const auto it = exchanges.find(peer);
  if (it == exchanges.end()) return;
  if (++it->second.tries < exchange_tries) return ask(peer, it->second);
  exchanges.erase(it);
}

void Membership::Impl::on_reconciled(const NodeId& from, const wire::Reconciled& answer) {
  const auto it = exchanges.find(from);
  if (it == exchanges.end() || it->second.request != answer.request ||
      answer.topic != wire::Topic::roster)
    return drop(DropReason::unexpected);
  std::vector<reconcile::Difference> differences;
  if (!it->second.asker.take(roster.set(), answer, differences)) return drop(DropReason::malformed);

  wire::Gossip news;
  std::size_t used = 0;
  for (const reconcile::Difference& difference : differences) {
    const NodeId id{difference.key};
    if (!difference.mine) {
      want(from, wire::prefix_of(id));  // forgotten here, it may be back: its record tells
      continue;
    }
    // Ours is the question; if theirs is newer they will say so.
    const Entry* entry = roster.find(id);
    if (!entry) continue;
    const bool dead = entry->verdict() == Verdict::dead && !entry->alone;
    const std::size_t size =
        reference_bytes + (dead ? entry->certificate.size() * suspicion_bytes : 0);
    if (std::exchange(used, used + size) + size > config.tuning.gossip_bytes) {
      send(from, wire::GossipPush{std::exchange(news, {})});
      used = size;
    }
    news.references.push_back(entry->shared());
    if (!dead) continue;
    for (const wire::Suspicion& suspicion : entry->certificate)
      news.suspicions.push_back(suspicion);
  }
  if (!news.references.empty()) send(from, wire::GossipPush{std::move(news)});

  Exchange& exchange = it->second;
  if (++exchange.rounds >= exchange_rounds) {
    timers.cancel({TimerKind::exchange, 0, from});
    exchanges.erase(it);
    return;
  }
  exchange.tries = 0;
  exchange.request = new_request();
  ask(from, exchange);
}

// --- the gone ---------------------------------------------------------------------------------

void Membership::Impl::arm_gone() {
  const Duration interval =
      announce_per_live * static_cast<std::int64_t>(std::max<std::size_t>(1, roster.live_count()));
  if (!timers.when({TimerKind::announce}))
    arm({TimerKind::announce}, std::clamp(interval, announce_min, announce_max));
  if (timers.when({TimerKind::reap})) return;
  if (const auto oldest = roster.oldest_gone())
    arm({TimerKind::reap}, *oldest + keep_gone - now.mono);
}

void Membership::Impl::announce() {
  if (leaving != Leaving::no) return;
  std::optional<NodeId> next = roster.next_gone(last_announced);
  auto hint = hints.upper_bound(last_announced);
  if (hint == hints.end()) hint = hints.begin();
  const auto after = [&](const NodeId& id) {
    return std::make_pair(id <= last_announced, id);
  };  // round robin
  if (hint != hints.end() && (!next || after(*hint) < after(*next))) next = *hint;
  if (!next) return;
  last_announced = *next;
  send(*next, wire::Ping{envelope(new_request(), seconds(1)), {}});
  arm_gone();
}

void Membership::Impl::reap() {
  std::vector<NodeId> due;
  for (const auto& [id, entry] : roster.entries())
    if (!entry->live() && id != self && entry->since + keep_gone <= now.mono) due.push_back(id);
  for (const NodeId& id : due) {
    const Incarnation incarnation = roster.find(id)->incarnation();
    roster.erase(id);
    reaped_now(id, incarnation);
  }
  arm_gone();
}

void Membership::Impl::reaped_now(const NodeId& id, Incarnation incarnation) {
  reaped.put(id, incarnation);
  gossip.drop(wire::prefix_of(id));
  out->push(MemberReaped{id});
}

}  // namespace kith::membership
