// Accusing: from an unanswered question to a verdict, and every way back. suspicion.hpp has the
// rule; this file feeds it and carries it out.
#include "impl.hpp"

namespace kith::membership {

// --- evidence of life -------------------------------------------------------------------------

void Membership::Impl::heard(const NodeId& peer) {
  Entry* entry = roster.find(peer);
  if (!entry || peer == self) return;
  entry->heard = now.mono;
  witnesses.heard(peer, now.mono);
  if (entry->suspect()) {
    contradict(*entry);
  } else if (entry->verdict() == Verdict::dead && entry->alone) {
    // Nobody signed that verdict: it was ours to take back.
    roster.judge(*entry, Verdict::alive, now);
    changed(*entry);
    arm({TimerKind::announce}, push_delay);  // it was we who were cut off: the next one, now
  } else if (entry->verdict() == Verdict::dead && !proven(*entry)) {
    // Some may have retired it by our stamp. It refutes, and so counts again by a stamp of its own.
    roster.judge(*entry, Verdict::alive, now);
    changed(*entry);
    show_accusations(*entry);
  } else if (entry->verdict() == Verdict::alive && !entry->certificate.empty()) {
    if (now.mono - entry->told >= hint_interval) show_accusations(*entry);  // that was lost
  } else if (entry->verdict() == Verdict::dead) {
    correct(peer, *entry);  // it is dead to the network: it must come back under a new incarnation
  }
  if (cases.empty()) return;
  std::vector<NodeId> waiting;  // this witness may have opened the gate
  for (const auto& [subject, file] : cases)
    if (file.evidence() != Evidence::none && !file.signing) waiting.push_back(subject);
  for (const NodeId& subject : waiting) {
    const auto file = cases.find(subject);
    if (file != cases.end()) try_accuse(*roster.find(subject), file->second);
  }
}

// Until its next record is here; in public mode it would not heed them.
void Membership::Impl::show_accusations(Entry& entry) {
  entry.told = now.mono;
  send(entry.id(), wire::GossipPush{{{}, entry.certificate}});
  if (config.mode == Mode::public_) entry.certificate.clear();
}

// We opened a packet of the suspect: refuse, tell its accusers, and tell it, so that it refutes.
void Membership::Impl::contradict(Entry& entry) {
  const NodeId subject = entry.id();
  const auto node = cases.extract(subject);
  timers.cancel({TimerKind::check_case, 0, subject});
  const wire::IdPrefix prefix = wire::prefix_of(subject);
  gossip.drop_suspicion(prefix, wire::prefix_of(self));
  roster.judge(entry, Verdict::alive, now);
  changed(entry);
  if (!node) return;
  if (node.mapped().evidence() == Evidence::refusal && now.mono - entry.asked >= hint_interval)
    probe(subject);  // were these its last words?
  if (node.mapped().accusers().empty()) return;
  for (const auto& [accuser, accusation] : node.mapped().accusers()) {
    if (accuser == self) continue;
    refused.put({prefix, accusation.suspicion.accuser}, accusation.suspicion.stamp);
    send(accuser, wire::Heard{prefix, entry.incarnation()});
  }
  wire::Gossip news{{}, node.mapped().certificate()};
  send(subject, wire::GossipPush{std::move(news)});
}

// What we refused goes round for a while yet. It opens no case, but it counts in one that we have
// reason to open ourselves.
bool Membership::Impl::already_refused(const NodeId& subject,
                                       const wire::Suspicion& suspicion) const {
  const UnixMillis* stamp = refused.peek({suspicion.subject.subject, suspicion.accuser});
  return stamp && *stamp == suspicion.stamp && !cases.contains(subject);
}

// "I heard it": its own accusation no longer counts, and we look again.
void Membership::Impl::on_heard_message(const NodeId& from, const wire::Heard& message) {
  Entry* entry = roster.find(message.subject);
  if (!entry || entry->incarnation() != message.incarnation) return drop(DropReason::stale);
  const auto file = cases.find(entry->id());
  if (file == cases.end() || !roster.may_accuse(from, entry->id()))
    return drop(DropReason::unexpected);
  file->second.retract(from);
  gossip.drop_suspicion(message.subject, wire::prefix_of(from));
  probe(NodeId(entry->id()));
}

// --- evidence of death ------------------------------------------------------------------------

Case& Membership::Impl::open_case(Entry& entry, Instant started_at) {
  const NodeId subject = entry.id();
  // What was lost while our own time stood still proves nothing.
  const Instant silent_since =
      entry.heard == Instant{} ? started_at : std::max(entry.heard, disturbed);
  const auto [it, fresh] =
      cases.try_emplace(subject, entry.incarnation(), started_at, silent_since);
  if (fresh) {
    ++suspicions;
    roster.judge(entry, Verdict::suspect, now);
    changed(entry);
    arm({TimerKind::check_case, 0, subject}, case_poll);
  }
  return it->second;
}

void Membership::Impl::close_case(const NodeId& subject) {
  cases.erase(subject);
  timers.cancel({TimerKind::check_case, 0, subject});
}

// `since`: when the question was sent that nobody answered.
void Membership::Impl::suspect(const NodeId& subject, Evidence evidence, Instant since) {
  Entry* entry = roster.find(subject);
  if (!entry || !entry->live() || entry->heard > since) return;
  Case& file = open_case(*entry, since);
  file.see(evidence, since);
  try_accuse(*entry, file);
  tell_observers(*entry, file);
  check_case(subject);
}

// Once a case: everybody who may accuse looks at once, and their answers open our gate. When we are
// the deaf one, these questions fail too and tell us so.
void Membership::Impl::tell_observers(Entry& entry, Case& file) {
  if (std::exchange(file.told, true)) return;
  const wire::Reference hint = entry.reference();
  std::vector<NodeId> others = roster.observers(entry.id());
  std::erase(others, self);
  if (others.size() < gate_max) others = roster.pick(gate_max, entry.id(), rng);
  for (const NodeId& other : others) probe(other, &hint);
}

// An unsigned word to those who may accuse: only a reason to look.
void Membership::Impl::hint_observers(Entry& entry) {
  if (now.mono - entry.told < hint_interval) return;
  entry.told = now.mono;
  wire::Reference hint = entry.reference();
  hint.verdict = Verdict::suspect;
  for (const NodeId& observer : roster.observers(entry.id()))
    if (observer != self) send(observer, wire::GossipPush{{{hint}, {}}});
}

void Membership::Impl::try_accuse(Entry& entry, Case& file) {
  if (file.signing || file.evidence() == Evidence::none || !own.published) return;
  Standing gate;
  look_around(entry.id(), file, gate);
  file.gate_is(gate.open(), now.mono);
  if (!gate.open() || !observe(entry.id())) return;
  file.signing = accuse(entry, stamps.next(now, wall()));
}

bool Membership::Impl::accuse(Entry& entry, UnixMillis stamp) {
  wire::Suspicion suspicion;
  suspicion.subject = entry.reference();
  suspicion.subject.verdict = Verdict::suspect;
  suspicion.accuser = wire::prefix_of(self);
  suspicion.stamp = stamp;
  Buffer message = wire::suspicion_message(config.network, entry.id(), suspicion);
  return compute(SignSuspicion{entry.id(), suspicion},
                 std::make_shared<crypto::SignJob>(identity, std::move(message)));
}

void Membership::Impl::accusation_signed(const SignSuspicion& work, const Signature& signature) {
  Entry* entry = roster.find(work.subject);
  if (!entry || entry->incarnation() != work.suspicion.subject.incarnation) return;
  const auto file = cases.find(work.subject);
  const bool meant = file != cases.end() && file->second.signing;  // not heard of meanwhile
  if (!meant && entry->verdict() != Verdict::dead) return;
  wire::Suspicion suspicion = work.suspicion;
  suspicion.signature = signature;
  for (const NodeId& observer : roster.observers(work.subject))
    if (observer != self) send(observer, wire::GossipPush{{{}, {suspicion}}});
  if (entry->verdict() == Verdict::dead) return spread(suspicion);
  accused(*entry, self, suspicion);
}

// A valid accusation by one who may. Ours come here too.
void Membership::Impl::accused(Entry& entry, const NodeId& accuser,
                               const wire::Suspicion& suspicion) {
  const NodeId subject = entry.id();
  if (entry.verdict() == Verdict::dead) return accused_dead(entry, accuser, suspicion);
  if (!entry.live() || already_refused(subject, suspicion)) return;
  Case& file = open_case(entry, now.mono);
  if (!file.accuse(accuser, suspicion, now.mono)) return;
  spread(suspicion);
  if (accuser != self && observe(subject)) probe(subject);
  check_case(subject);
}

// Somebody lacks our verdict and cannot check its certificate: observers sign anew for him, with
// the latest stamp there is. With one of their own each answer would be news to be answered again.
void Membership::Impl::accused_dead(Entry& entry, const NodeId& accuser,
                                    const wire::Suspicion& suspicion) {
  const NodeId subject = entry.id();
  if (!entry.alone && suspicion.stamp == entry.verdict_stamp) return;  // such an answer
  if (entry.anew != Instant{} && now.mono - entry.anew < hint_interval) return;
  entry.anew = now.mono;
  if (entry.alone) {  // now there is a witness: from the start, properly
    spread(suspicion);
    roster.judge(entry, Verdict::alive, now);
    Case& file = open_case(entry, now.mono);
    file.accuse(accuser, suspicion, now.mono);
    return probe(subject);
  }
  found_later(entry, suspicion);
  if (observe(subject)) (void)accuse(entry, entry.verdict_stamp);
}

// --- verdicts ---------------------------------------------------------------------------------

std::size_t Membership::Impl::quorum_for(const NodeId& subject) const {
  const std::size_t wanted = config.mode == Mode::public_ ? quorum_public : quorum;
  std::size_t observers = roster.observers(subject).size();
  // Suspects do not observe, but whom others only accuse may be as well as ever: a burst of old
  // accusations must not make one of them enough.
  for (const auto& [other, file] : cases)
    observers += other != subject && file.evidence() == Evidence::none ? 1 : 0;
  return std::min(wanted, observers);
}

Standing Membership::Impl::standing(const NodeId& subject, const Case& file) const {
  Standing standing;
  look_around(subject, file, standing);
  // Who is no observer has not asked, and hears of no retraction: it believes a verdict that is
  // told, but reaches none of its own before it has looked.
  const bool looked = file.evidence() != Evidence::none || observe(subject);
  standing.quorum = looked ? quorum_for(subject) : 0;
  standing.disturbed = disturbed;
  return standing;
}

// The evidence gate: how many others there are to hear, and how many were heard since.
void Membership::Impl::look_around(const NodeId& subject, const Case& file,
                                   Standing& standing) const {
  const auto is_other = [&](const NodeId& id) {
    const Entry* entry = roster.find(id);
    return id != subject && entry && entry->verdict() == Verdict::alive;
  };
  const std::size_t unsuspected =
      roster.live_count() - roster.suspect_count();  // the subject is suspect
  const std::size_t others = unsuspected - (is_other(self) ? 1 : 0);
  standing.gate = std::min(gate_max, (others + 1) / 2);
  standing.witnesses = witnesses.since(file.started(), is_other);
}

void Membership::Impl::check_case(const NodeId& subject) {
  const auto it = cases.find(subject);
  if (it == cases.end()) return;
  Entry& entry = *roster.find(subject);
  Case& file = it->second;
  arm({TimerKind::check_case, 0, subject}, file.next_look(now.mono) - now.mono);
  switch (file.rule(standing(subject, file), now.mono)) {
    case Ruling::wait:
      return;
    case Ruling::ask_again:
      file.asked_again();
      for (const wire::Suspicion& suspicion : file.certificate()) spread(suspicion);
      return probe(subject);
    case Ruling::dead:
      return declare_dead(entry, file.certificate());
    case Ruling::alone:
      close_case(subject);
      roster.judge(entry, Verdict::dead, now, true, wall());
      changed(entry);
      return arm_gone();
    case Ruling::withdraw:
      close_case(subject);
      gossip.drop_suspicions(wire::prefix_of(subject));
      roster.judge(entry, Verdict::alive, now);
      return changed(entry);
  }
}

// Others hold a complete certificate. When we heard the member since: refuse, let it refute, and
// look for ourselves. Clocks that differ only cost that look: once we have a case of our own, the
// certificate counts in it, and the windows are ours. Where we had given it up by ourselves we have
// looked already, and longer.
void Membership::Impl::convict(Entry& entry, std::vector<wire::Suspicion> certificate) {
  if (entry.alone || !heard_since(entry, certificate))
    return declare_dead(entry, std::move(certificate));
  const NodeId subject = entry.id();
  const auto file = cases.find(subject);
  if (file != cases.end() && file->second.evidence() != Evidence::none) {
    for (const wire::Suspicion& suspicion : certificate)
      if (const Entry* accuser = roster.find(suspicion.accuser))
        file->second.accuse(accuser->id(), suspicion, now.mono);
    return check_case(subject);
  }
  entry.contested = now.mono;
  send(subject, wire::GossipPush{{{}, std::move(certificate)}});
  probe(subject);
}

// Whatever the stamps say, nobody was silent for a window whom we heard within the shortest one; or
// the longest, where one accused just now, and the others signed anew what they knew before.
bool Membership::Impl::heard_since(const Entry& entry,
                                   const std::vector<wire::Suspicion>& certificate) const {
  if (entry.heard == Instant{}) return false;
  const Duration shortest = signed_anew(certificate) ? silence_window : refusal_window;
  UnixMillis oldest = stamps.at(now.mono - shortest, now, wall());
  for (const wire::Suspicion& suspicion : certificate) oldest = std::min(oldest, suspicion.stamp);
  return stamps.at(entry.heard, now, wall()) > oldest;
}

void Membership::Impl::declare_dead(Entry& entry, std::vector<wire::Suspicion> certificate) {
  const NodeId subject = entry.id();
  const UnixMillis stamp = latest_stamp(certificate);
  close_case(subject);
  if (const auto request = probes.of(subject)) {
    timers.cancel({TimerKind::probe, request->value});
    probes.finish(*request);
  }
  roster.judge(entry, Verdict::dead, now, false, stamp);
  // It is kept from its death on, not from when we heard of it: or it would outlive everybody in a
  // network that newcomers come to.
  const Duration ago =
      milliseconds(std::clamp<std::int64_t>(wall().value - stamp.value, 0, to_millis(keep_gone)));
  if (ago > clock_off_max) {  // of long ago, and not by clocks that differ
    entry.since = now.mono - ago;
    entry.since_wall.value -= to_millis(ago);
  }
  if (const auto due = timers.when({TimerKind::reap}); due && *due > entry.since + keep_gone)
    arm({TimerKind::reap}, entry.since + keep_gone - now.mono);
  // The latest first: who found it earlier lacks that one.
  std::stable_sort(certificate.begin(), certificate.end(),
                   [](const auto& a, const auto& b) { return a.stamp > b.stamp; });
  entry.certificate = std::move(certificate);
  changed(entry);
  gossip.drop_suspicions(wire::prefix_of(subject));
  const std::size_t enough = config.mode == Mode::public_ ? quorum_public : quorum;
  for (std::size_t i = 0; i < std::min(enough, entry.certificate.size()); ++i)
    spread(entry.certificate[i]);
  spread(entry.reference());
  arm({TimerKind::push}, Duration(0));  // a verdict and its proof leave together, now
  arm_gone();
}

}  // namespace kith::membership
