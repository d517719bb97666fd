#include "kith/membership/membership.hpp"

#include "impl.hpp"
#include "kith/base/visit.hpp"

namespace kith::membership {

Membership::Membership(Config config, std::shared_ptr<const crypto::Identity> identity, Rng rng)
    : impl_(std::make_unique<Impl>(std::move(config), std::move(identity), rng)) {}
Membership::~Membership() = default;
Membership::Membership(Membership&&) noexcept = default;

void Membership::step(const Input& input, Now now, Outbox& out) {
  impl_->turn(now, out);
  impl_->dispatch(input);
  impl_->finish_turn();
}

void Membership::expire(Now now, Outbox& out) {
  impl_->turn(now, out);
  while (const auto timer = impl_->timers.pop_due(now.mono)) impl_->fire(*timer);
  impl_->finish_turn();
}

std::optional<Instant> Membership::next_deadline() const {
  return impl_->started ? impl_->timers.next() : std::optional(Instant{});  // at once: to start
}

Snapshot Membership::snapshot() const {
  Snapshot snapshot;
  for (const auto& [id, entry] : impl_->roster.entries())
    snapshot.members.push_back({entry->member(), id == impl_->self, entry->rtt.smoothed()});
  snapshot.health = impl_->health.score();
  snapshot.probes_ok = impl_->probes_ok;
  snapshot.probes_failed = impl_->probes_bad;
  snapshot.suspicions = impl_->suspicions;
  snapshot.refutations = impl_->refutations;
  snapshot.gossip_queued = impl_->gossip.size();
  return snapshot;
}

MemberPtr Membership::find(const NodeId& id) const {
  const Entry* entry = std::as_const(impl_->roster).find(id);
  return entry ? entry->member() : nullptr;
}

std::size_t Membership::live_count() const {
  return std::max<std::size_t>(1, impl_->roster.live_count());
}
UnixMillis Membership::corrected(Now now) const { return impl_->clocks.corrected(now); }

Membership::Impl::Impl(Config the_config, std::shared_ptr<const crypto::Identity> the_identity,
                       Rng the_rng)
    : config(std::move(the_config)),
      identity(std::move(the_identity)),
      self(identity->id()),
      rng(the_rng),
      records(config.records ? config.records : std::make_shared<Records>()),
      roster(config.network, self),
      gossip(config.tuning.gossip_bytes) {}

void Membership::Impl::turn(Now the_now, Outbox& the_out) {
  now = the_now;
  out = &the_out;
  if (started) return;
  started = true;
  start();
}

void Membership::Impl::finish_turn() {
  send_pulls();
  out = nullptr;
}

void Membership::Impl::dispatch(const Input& input) {
  match(
      input, [&](const MessageReceived& in) { on_message(in); },
      [&](const PeerHeard& in) { heard(in.peer); },
      [&](const PeerEstablished& in) { on_established(in); },
      [&](const PeerRefused& in) { on_refused(in.peer); },
      [&](const PeerUnreachable& in) { on_unreachable(in.peer); },
      [&](const SelfChanged& in) { on_self_changed(in); }, [&](const LeaveRequested&) { leave(); },
      [&](const ForgetRequested& in) { on_forget(in.peer); },
      [&](const ReconcileRequested& in) {
        if (in.peer == self || !roster.find(in.peer)) return drop(DropReason::unexpected);
        exchange_with(in.peer);
      },
      [&](const LoadReported& in) { on_load(in); }, [&](const TimeSkipped&) { on_time_skipped(); },
      [&](const Computed& in) { on_computed(in); },
      [&](const Persisted& in) { on_disk(in.token, true); },
      [&](const DiskRefused& in) { on_disk(in.token, false); });
}

void Membership::Impl::on_message(const MessageReceived& in) {
  if (in.from == self || !in.message) return drop(DropReason::own_message);
  heard(in.from);
  const NodeId& from = in.from;
  match(
      *in.message, [&](const wire::Ping& m) { on_ping(from, m); },
      [&](const wire::Ack& m) { on_ack(from, m); },
      [&](const wire::ProbeRequest& m) { on_probe_request(from, m); },
      [&](const wire::Nack& m) { on_nack(from, m); },
      [&](const wire::GossipPush& m) { take_gossip(from, m.gossip); },
      [&](const wire::PullMembers& m) { on_pull(from, m); },
      [&](const wire::Members& m) { on_members(from, m); },
      [&](const wire::Heard& m) { on_heard_message(from, m); },
      [&](const wire::Reconcile& m) {
        if (m.topic != wire::Topic::roster) return drop(DropReason::unexpected);
        send(from, reconcile::answer(roster.set(), m));
      },
      [&](const wire::Reconciled& m) { on_reconciled(from, m); },
      [&](const auto&) { drop(DropReason::unexpected); });  // the DHT's: not for this room
}

bool Membership::Impl::compute(Work work, std::shared_ptr<const Job> job) {
  const bool ours = std::holds_alternative<SignOwn>(work);  // must not be lost to a flood
  if (works.size() >= jobs_limit && !ours) {
    drop(DropReason::limit_reached);
    return false;
  }
  const Token token{++last_token};
  works.emplace(token, std::move(work));
  out->push(Compute{token, std::move(job)});
  return true;
}

void Membership::Impl::on_computed(const Computed& computed) {
  auto node = works.extract(computed.token);
  if (!node) return drop(DropReason::unexpected);
  const auto* made = dynamic_cast<const crypto::Signed*>(computed.result.get());
  const auto* checked = dynamic_cast<const crypto::Verified*>(computed.result.get());
  const auto valid = [&](std::size_t claims) {  // a wrong result proves nothing
    return checked && checked->valid.size() == claims ? checked->valid : std::vector<bool>(claims);
  };
  match(
      std::move(node.mapped()),
      [&](VerifyRecords&& work) {
        const auto results = valid(work.candidates.size());
        records_verified(std::move(work), results);
      },
      [&](VerifySuspicions&& work) {
        const auto results = valid(work.claims.size());
        suspicions_verified(std::move(work), results);
      },
      [&](SignOwn&& work) { own_signed(std::move(work), made ? made->signature : Signature{}); },
      [&](SignSuspicion&& work) {
        if (made) accusation_signed(work, made->signature);
      });
}

void Membership::Impl::on_load(const LoadReported& load) {
  if (load.loop_lag < lag_limit) return;
  disturbed = now.mono;
  health.worse();
}

// What we failed to hear meanwhile proves nothing: forget our own evidence and ask anew.
void Membership::Impl::on_time_skipped() {
  disturbed = now.mono;
  probes.clear();
  std::vector<NodeId> suspected;
  for (const auto& [subject, file] : cases) suspected.push_back(subject);
  for (const NodeId& subject : suspected) {
    Entry* entry = roster.find(subject);
    gossip.drop_suspicion(wire::prefix_of(subject), wire::prefix_of(self));
    close_case(subject);
    roster.judge(*entry, Verdict::alive, now);
    changed(*entry);
    probe(subject);
  }
  arm({TimerKind::probe_cycle}, Duration(0));
}

void Membership::Impl::on_forget(const NodeId& peer) {
  Entry* entry = roster.find(peer);
  if (!entry || peer == self) return drop(DropReason::unexpected);
  forgotten.put(peer, entry->incarnation());
  close_case(peer);
  gossip.drop(wire::prefix_of(peer));
  roster.erase(peer);
  out->push(MemberReaped{peer});
}

void Membership::Impl::fire(const Timer& timer) {
  switch (timer.kind) {
    case TimerKind::probe_cycle:
      return probe_cycle();
    case TimerKind::probe:
      return probe_deadline({timer.request});
    case TimerKind::nack:
      return nack_due({timer.request});
    case TimerKind::check_case:
      return check_case(timer.member);
    case TimerKind::push:
      return push_news();
    case TimerKind::anti_entropy:
      return anti_entropy();
    case TimerKind::exchange:
      return exchange_due(timer.member);
    case TimerKind::announce:
      return announce();
    case TimerKind::reap:
      return reap();
    case TimerKind::refute:
      return refute();
    case TimerKind::disk_silent:
      if (own.writing) on_disk(*own.writing, false);
      return;
    case TimerKind::disk_again:
      return write_mark(IncarnationBook::mark_for(book->current()));
    case TimerKind::leave:
      return left();
  }
}

void Membership::Impl::send(const NodeId& to, const wire::Message& message, bool stream) {
  out->push(SendMessage{to, wire::encode(message), stream});
}

void Membership::Impl::changed(const Entry& entry) {
  stamps.see(entry.record->content.synced, now.mono);
  stamps.see(entry.verdict_stamp, now.mono);
  out->push(MemberChanged{entry.member()});
}

wire::Envelope Membership::Impl::envelope(RequestId request, Duration patience) const {
  return {request, static_cast<std::uint32_t>(to_millis(patience)), Lane::membership, 0};
}

}  // namespace kith::membership
