// Probing: one question a second to the neighbour on the rings heard longest ago; helpers and a
// stream when it stays silent [SWIM 3.1, Lifeguard IV.A].
//
// Difference: not round robin but least recently heard first. Any authentic packet is evidence, so
// a busy network probes where it must, and in a small one two neighbours share one question.
#include "impl.hpp"

namespace kith::membership {

bool Membership::Impl::observe(const NodeId& subject) const {
  const std::vector<NodeId>& observers = roster.observers(subject);
  return std::binary_search(observers.begin(), observers.end(), self);
}

void Membership::Impl::probe_cycle() {
  if (leaving != Leaving::no) return;
  const Duration interval = health.scaled(probe_interval);
  arm({TimerKind::probe_cycle}, rng.between(interval * 9 / 10, interval));  // jitter, never late
  const Entry* oldest = nullptr;
  Instant oldest_contact;
  for (const NodeId& id : roster.subjects()) {
    const Entry* entry = roster.find(id);
    if (!entry || probes.asking(id)) continue;
    const Instant contact = std::max(entry->heard, entry->asked);
    if (oldest && contact >= oldest_contact) continue;
    oldest = entry;
    oldest_contact = contact;
  }
  if (oldest) probe(NodeId(oldest->id()));
}

Duration Membership::Impl::probe_timeout(const Entry& entry) const {
  return entry.rtt.timeout(config.mode == Mode::lan ? probe_timeout_max_lan
                                                    : probe_timeout_max_far);
}

// `hint`: told along, so that whoever is asked looks at that suspect too.
void Membership::Impl::probe(const NodeId& target, const wire::Reference* hint) {
  Entry* entry = roster.find(target);
  if (!entry || target == self || leaving != Leaving::no) return;
  if (probes.asking(target) || probes.full()) {
    if (hint) send(target, wire::GossipPush{{{*hint}, {}}});
    return;
  }
  const RequestId request = new_request();
  const Duration patience = health.scaled(probe_timeout(*entry));
  probes.start(request, target, now.mono);
  entry->asked = now.mono;
  arm({TimerKind::probe, request.value}, patience);
  send(target, wire::Ping{envelope(request, patience), gossip_for(target, hint)});
}

wire::Gossip Membership::Impl::gossip_for(const NodeId& to, const wire::Reference* hint) {
  wire::Gossip news;
  if (hint) news.references.push_back(*hint);
  if (const auto file = cases.find(to); file != cases.end())  // tell the suspect first
    news.suspicions = file->second.certificate();
  gossip.fill(news, gossip_budget(roster.live_count()));
  return news;
}

void Membership::Impl::probe_deadline(RequestId request) {
  Probe* probe = probes.find(request);
  if (!probe) return;
  if (probe->indirect)
    probe_failed(request);
  else
    go_indirect(request, *probe);
}

void Membership::Impl::go_indirect(RequestId request, Probe& probe) {
  const NodeId target = probe.target;
  const Duration patience = health.scaled(indirect_timeout);
  probe.indirect = true;
  probe.helpers = roster.pick(helper_count, target, rng);
  arm({TimerKind::probe, request.value}, patience);
  for (const NodeId& helper : probe.helpers)
    send(helper, wire::ProbeRequest{envelope(request, patience), target});
  send(target, wire::Ping{envelope(request, patience), gossip_for(target)}, true);
}

void Membership::Impl::probe_answered(RequestId request, const NodeId& by) {
  const Probe& probe = *probes.find(request);
  Entry* entry = roster.find(probe.target);
  // After the second question the answer may be to either [Karn 1987]: no sample.
  if (entry && by == probe.target && !probe.indirect) entry->rtt.sample(now.mono - probe.sent);
  health.better();
  ++probes_ok;
  timers.cancel({TimerKind::probe, request.value});
  probes.finish(request);
}

void Membership::Impl::probe_failed(RequestId request) {
  const Probe probe = *probes.find(request);
  probes.finish(request);
  ++probes_bad;
  const Entry* entry = roster.find(probe.target);
  if (!entry || !entry->live()) return;
  if (!entry->suspect()) {
    const std::size_t missed = probe.helpers.size() - probe.nacked.size();
    health.worse(probe.helpers.empty() ? 1 : static_cast<int>(missed));
  }
  if (entry->heard > probe.sent) return;
  // Where our own health stretched the question, what that added is no silence of the member's.
  const Instant in_health = now.mono - probe_timeout(*entry) - indirect_timeout;
  suspect(probe.target, Evidence::silence, std::max(probe.sent, in_health));
}

// Our own clock as it is, or nothing where it was never set.
UnixMillis Membership::Impl::clock() const {
  return {now.wall.value < build_date_ms ? 0 : now.wall.value};
}

void Membership::Impl::on_ping(const NodeId& from, const wire::Ping& ping) {
  // A stranger that asks: its introduction was lost.
  if (!roster.find(from) && !forgotten.peek(from)) want(from, wire::prefix_of(from));
  take_gossip(from, ping.gossip);
  send(from, wire::Ack{ping.envelope.request, clock(), gossip_for(from)});
}

void Membership::Impl::on_ack(const NodeId& from, const wire::Ack& ack) {
  take_gossip(from, ack.gossip);
  if (goodbyes.erase(ack.request) > 0) return left();
  if (const Relay* relay = probes.find_relay(ack.request)) {
    if (relay->target != from) return drop(DropReason::unexpected);
    send(relay->asker, wire::Ack{relay->asked, clock(), {}});
    timers.cancel({TimerKind::nack, ack.request.value});
    probes.take_relay(ack.request);
    return;
  }
  const Probe* probe = probes.find(ack.request);
  if (!probe) return drop(DropReason::unexpected);  // late, or an announcement's
  const bool helper =
      std::find(probe->helpers.begin(), probe->helpers.end(), from) != probe->helpers.end();
  if (from != probe->target && !helper) return drop(DropReason::unexpected);
  // In public mode anybody may be a neighbour: nobody sets our clock there.
  if (config.mode != Mode::public_) clocks.sample(from, ack.clock, now.mono);
  probe_answered(ack.request, from);
}

void Membership::Impl::on_probe_request(const NodeId& from, const wire::ProbeRequest& request) {
  const Entry* target = roster.find(request.target);
  if (!roster.find(from) || !target || request.target == self || request.target == from)
    return drop(DropReason::not_member);
  const RequestId ours = new_request();
  if (!probes.relay(ours, {request.target, from, request.envelope.request}))
    return drop(DropReason::limit_reached);
  const Duration patience = std::min<Duration>(milliseconds(request.envelope.deadline_ms),
                                               indirect_timeout * (health_max + 1));
  arm({TimerKind::nack, ours.value}, patience * nack_percent / 100);
  send(request.target, wire::Ping{envelope(ours, patience), gossip_for(request.target)});
}

void Membership::Impl::nack_due(RequestId request) {
  if (const auto relay = probes.take_relay(request)) send(relay->asker, wire::Nack{relay->asked});
}

void Membership::Impl::on_nack(const NodeId& from, const wire::Nack& nack) {
  Probe* probe = probes.find(nack.request);
  if (!probe) return drop(DropReason::unexpected);
  const auto has = [&](const std::vector<NodeId>& list) {
    return std::find(list.begin(), list.end(), from) != list.end();
  };
  if (!has(probe->helpers) || has(probe->nacked)) return drop(DropReason::unexpected);
  probe->nacked.push_back(from);
}

// The port is closed: no need to wait for the question's end. Who may accuse does; who may not
// tells those who may, and has looked where a case is open, or where it did not believe the others.
void Membership::Impl::on_refused(const NodeId& peer) {
  Entry* entry = roster.find(peer);
  if (!entry || !entry->live() || peer == self || leaving != Leaving::no) return;
  if (const auto request = probes.of(peer)) {
    timers.cancel({TimerKind::probe, request->value});
    probes.finish(*request);
    ++probes_bad;
  }
  const bool contested = entry->contested != Instant{} && entry->contested >= entry->heard;
  if (observe(peer) || cases.contains(peer) || contested)
    suspect(peer, Evidence::refusal, now.mono);
  else
    hint_observers(*entry);
}

// A missing route is an answer too: no longer silence to wait for, but not proof either.
void Membership::Impl::on_unreachable(const NodeId& peer) {
  const auto request = probes.of(peer);
  if (!request) return;
  Probe* probe = probes.find(*request);
  if (!probe->indirect) go_indirect(*request, *probe);
}

}  // namespace kith::membership
