// News: what others tell us, believed as far as it is signed [PROTOCOL.md 3].
//
//   alive, left   only with the subject's own signed record
//   suspect       a reference is a reason to look; a suspicion counts once its signature is checked
//   dead          only with a certificate
#include "impl.hpp"

namespace kith::membership {
namespace {

std::vector<wire::Suspicion> accusations_of(const NodeId& subject, const wire::Gossip& news) {
  std::vector<wire::Suspicion> found;
  for (const wire::Suspicion& suspicion : news.suspicions)
    if (suspicion.subject.subject == wire::prefix_of(subject)) found.push_back(suspicion);
  return found;
}

}  // namespace

// --- out --------------------------------------------------------------------------------------

void Membership::Impl::spread(const wire::Reference& reference) {
  gossip.push(reference);
  if (!timers.when({TimerKind::push})) arm({TimerKind::push}, push_delay);
}

void Membership::Impl::spread(const wire::Suspicion& suspicion) {
  gossip.push(suspicion);
  if (!timers.when({TimerKind::push})) arm({TimerKind::push}, push_delay);
}

void Membership::Impl::push_news() {
  const std::vector<NodeId> peers = roster.pick_neighbours(config.tuning.push_fanout, rng);
  for (const NodeId& peer : peers)
    if (!gossip.empty()) send(peer, wire::GossipPush{gossip_for(peer)});
  if (!peers.empty() && !gossip.empty()) arm({TimerKind::push}, push_interval);
}

// Our newer news, to one who showed us older.
void Membership::Impl::correct(const NodeId& to, Entry& entry) {
  if (entry.told != Instant{} && now.mono - entry.told < correct_interval) return;
  entry.told = now.mono;
  send(to, wire::GossipPush{{{entry.shared()}, {}}});
}

// --- gossip in --------------------------------------------------------------------------------

void Membership::Impl::take_gossip(const NodeId& from, const wire::Gossip& news) {
  for (const wire::Reference& reference : news.references) take_reference(from, reference, news);
  for (const wire::Suspicion& suspicion : news.suspicions)
    if (!shared_verdict(news, suspicion)) take_suspicion(from, suspicion);
}

// Told along with a verdict that we hold too: it accuses nobody anew.
bool Membership::Impl::shared_verdict(const wire::Gossip& news, const wire::Suspicion& suspicion) {
  const Entry* entry = roster.find(suspicion.subject.subject);
  return entry && entry->certified() &&
         std::any_of(news.references.begin(), news.references.end(), [&](const auto& reference) {
           return reference.subject == suspicion.subject.subject &&
                  reference.verdict == Verdict::dead;
         });
}

void Membership::Impl::take_reference(const NodeId& from, const wire::Reference& reference,
                                      const wire::Gossip& news) {
  if (reference.subject == wire::prefix_of(self)) return self_accused(from, reference);
  if (Entry* entry = roster.find(reference.subject))
    return take_known(from, reference, *entry, news);
  want(from, reference.subject);
}

void Membership::Impl::take_known(const NodeId& from, const wire::Reference& reference,
                                  Entry& entry, const wire::Gossip& news) {
  if (reference == entry.reference() && entry.verdict() == Verdict::alive) return;  // nearly always
  if (reference.incarnation != entry.incarnation() || reference.record != entry.hash()) {
    const bool theirs = std::make_tuple(reference.incarnation, reference.record) >
                        std::make_tuple(entry.incarnation(), entry.hash());
    return theirs ? want(from, reference.subject) : correct(from, entry);
  }
  const bool certified = entry.certified();
  switch (reference.verdict) {
    case Verdict::alive:
      if (certified) contradicted(from, entry);
      return;
    case Verdict::suspect:
      if (certified) return contradicted(from, entry);
      if (entry.live() && now.mono - entry.asked >= hint_gap && observe(entry.id()))
        probe(NodeId(entry.id()));
      return;
    case Verdict::dead:
      return certified ? compare_verdicts(from, entry, news) : told_dead(from, entry, news);
    case Verdict::left:
      return;  // only its record says so, and we hold that record
  }
}

// Where few were left on our side of a cut, each of them could accuse. Those who are no observers
// now convince nobody.
std::vector<wire::Suspicion> Membership::Impl::fit_accusations(const Entry& entry) {
  std::vector<wire::Suspicion> fit;
  for (const wire::Suspicion& suspicion : entry.certificate) {
    const Entry* accuser = roster.find(suspicion.accuser);
    if (accuser && roster.may_accuse(accuser->id(), entry.id())) fit.push_back(suspicion);
  }
  return fit;
}

// Dead, and its accusers can still convince the others.
bool Membership::Impl::proven(const Entry& entry) {
  return entry.verdict() != Verdict::dead || fit_accusations(entry).size() >= proof_size(entry);
}

std::size_t Membership::Impl::proof_size(const Entry& entry) const {
  return std::max<std::size_t>(quorum_for(entry.id()), 1);
}

// To others it lives. They are told that it is dead; who cannot prove it any more asks the dead,
// and takes the verdict back when it answers.
void Membership::Impl::contradicted(const NodeId& from, Entry& entry) {
  correct(from, entry);
  const NodeId subject = entry.id();
  if (now.mono - entry.asked >= hint_interval && !probes.half_full() && !proven(entry))
    probe(subject);
}

// A death goes by another proof, and so by its stamp.
void Membership::Impl::recertify(Entry& entry, std::vector<wire::Suspicion> certificate) {
  roster.restamp(entry, latest_stamp(certificate));
  entry.certificate = std::move(certificate);
  changed(entry);
}

// Both hold it dead; theirs may have found it out later.
void Membership::Impl::compare_verdicts(const NodeId& from, Entry& entry,
                                        const wire::Gossip& news) {
  std::vector<wire::Suspicion> theirs = accusations_of(entry.id(), news);
  if (theirs.empty() || latest_stamp(theirs) == entry.verdict_stamp) return;
  std::vector<wire::Suspicion> fit = fit_accusations(entry);
  if (fit.size() >= proof_size(entry)) {
    // The others do not take the stamps of those who are no observers.
    if (latest_stamp(fit) < entry.verdict_stamp) recertify(entry, std::move(fit));
    std::erase_if(theirs, [&](const wire::Suspicion& suspicion) {
      return suspicion.stamp <= entry.verdict_stamp;
    });
  }
  if (!theirs.empty()) verify({from, entry.id(), {}, nullptr, true}, theirs);
}

void Membership::Impl::told_dead(const NodeId& from, Entry& entry, const wire::Gossip& news) {
  const NodeId subject = entry.id();
  const std::size_t needed = quorum_for(subject);
  const std::vector<wire::Suspicion> proof = accusations_of(subject, news);
  if (proof.empty() || proof.size() < needed) return want(from, wire::prefix_of(subject));
  // What we have checked already. Only theirs: a verdict of long ago is no word on our own case.
  std::vector<wire::Suspicion> checked;
  if (const auto file = cases.find(subject); file != cases.end())
    for (const auto& [accuser, ours] : file->second.accusers())
      if (checked.size() < certificate_limit &&
          std::any_of(proof.begin(), proof.end(), [&](const wire::Suspicion& theirs) {
            return theirs.accuser == ours.suspicion.accuser && theirs.stamp == ours.suspicion.stamp;
          }))
        checked.push_back(ours.suspicion);
  if (needed > 0 && checked.size() >= needed) return convict(entry, std::move(checked));
  verify({from, subject, {}, nullptr, true}, proof);
}

void Membership::Impl::take_suspicion(const NodeId& from, const wire::Suspicion& suspicion) {
  const wire::Reference& about = suspicion.subject;
  const Entry* accuser = roster.find(suspicion.accuser);
  if (suspicion.accuser == wire::prefix_of(self)) return;
  if (!accuser) return want(from, suspicion.accuser);  // it will come round again
  Entry* entry = roster.find(about.subject);
  if (!entry || about.incarnation > entry->incarnation()) return want(from, about.subject);
  if (about.incarnation < entry->incarnation() || entry->verdict() == Verdict::left)
    return correct(from, *entry);
  if (entry->verdict() == Verdict::dead && now.mono - entry->since < settle_time) return;
  if (const auto file = cases.find(entry->id());
      file != cases.end() && file->second.accusers().contains(accuser->id()))
    return;
  if (already_refused(entry->id(), suspicion)) return;
  verify({from, entry->id(), {}, nullptr, false}, {suspicion});
}

// An observer's accusation. Of ourselves any member's, now and then: it may have been an observer
// on its side of a cut, and have retired us by that. Not where strangers are members.
bool Membership::Impl::heeds(const NodeId& accuser, const NodeId& subject) const {
  if (roster.may_accuse(accuser, subject)) return true;
  if (subject != self || config.mode == Mode::public_) return false;
  return !own.refuted || now.mono - *own.refuted >= outsider_interval;
}

// Sends to be checked what could count: the right record, a known accuser who may accuse.
void Membership::Impl::verify(VerifySuspicions work,
                              const std::vector<wire::Suspicion>& suspicions_) {
  const Entry* entry = roster.find(work.subject);
  if (!work.candidate && !entry) return;
  const Incarnation incarnation =
      work.candidate ? work.candidate->content.incarnation : entry->incarnation();
  const wire::RecordHash hash = work.candidate ? work.candidate->hash : entry->hash();
  std::vector<crypto::Claim> claims;
  for (const wire::Suspicion& suspicion : suspicions_) {
    const Entry* accuser = roster.find(suspicion.accuser);
    if (claims.size() == certificate_limit || suspicion.subject.incarnation != incarnation ||
        suspicion.subject.record != hash || !accuser || suspicion.stamp.value > stamp_max_ms ||
        !heeds(accuser->id(), work.subject) ||
        !verifying.emplace(work.subject, suspicion.accuser).second) {
      drop(DropReason::unexpected);
      continue;
    }
    work.claims.emplace_back(accuser->id(), suspicion);
    claims.push_back({accuser->record->content.key,
                      wire::suspicion_message(config.network, work.subject, suspicion),
                      suspicion.signature});
  }
  if (claims.empty()) {
    if (work.candidate)
      admit(work.candidate);  // no proof that we can check: we shall see ourselves
    return;
  }
  const auto undo = work.claims;
  const NodeId subject = work.subject;
  if (compute(std::move(work), std::make_shared<crypto::VerifyJob>(std::move(claims)))) return;
  for (const auto& [accuser, suspicion] : undo) verifying.erase({subject, suspicion.accuser});
}

void Membership::Impl::suspicions_verified(VerifySuspicions work, const std::vector<bool>& valid) {
  std::vector<std::pair<NodeId, wire::Suspicion>> good;
  for (std::size_t i = 0; i < work.claims.size(); ++i) {
    verifying.erase({work.subject, work.claims[i].second.accuser});
    if (valid[i])
      good.push_back(work.claims[i]);
    else
      drop(DropReason::bad_signature);
  }
  if (work.certificate || work.candidate) {
    std::vector<wire::Suspicion> certificate;
    for (const auto& [accuser, suspicion] : good) certificate.push_back(suspicion);
    return certificate_verified(work, std::move(certificate));
  }
  for (const auto& [accuser, suspicion] : good) {
    Entry* entry = roster.find(work.subject);
    if (!entry || entry->incarnation() != suspicion.subject.incarnation) return;
    if (work.subject != self) {
      accused(*entry, accuser, suspicion);
    } else {
      own.accused = suspicion.subject.incarnation;
      if (own.answer_to.size() < accusers_limit) own.answer_to.insert(accuser);
      refute();
    }
  }
}

// Dead here already. A later suspicion takes the place of its accuser's, or of the earliest, so
// that all who know of the death come to the same stamp, and soon: until the last of them has
// synced past it, nobody retires the dead.
void Membership::Impl::found_later(Entry& entry, const wire::Suspicion& suspicion) {
  const UnixMillis stamp = suspicion.stamp;
  if (entry.verdict() != Verdict::dead) return;
  if (stamp <= entry.verdict_stamp) return;
  const auto same = [&](const wire::Suspicion& s) { return s.accuser == suspicion.accuser; };
  auto& certificate = entry.certificate;
  auto place = std::find_if(certificate.begin(), certificate.end(), same);
  if (place == certificate.end())
    place = std::min_element(certificate.begin(), certificate.end(),
                             [](const auto& a, const auto& b) { return a.stamp < b.stamp; });
  if (place != certificate.end()) *place = suspicion;
  roster.restamp(entry, stamp);
  changed(entry);
  spread(suspicion);
  spread(entry.reference());
}

void Membership::Impl::certificate_verified(const VerifySuspicions& work,
                                            std::vector<wire::Suspicion> valid) {
  const std::size_t needed = quorum_for(work.subject);
  const bool complete = needed > 0 && valid.size() >= needed;
  if (work.candidate) {
    if (newer(*work.candidate))
      admit(work.candidate, complete ? std::move(valid) : decltype(valid){});
    return;
  }
  Entry* entry = roster.find(work.subject);
  if (!entry || valid.empty() || valid.front().subject.incarnation != entry->incarnation()) return;
  if (entry->certified()) {
    // Where ours convinces nobody, theirs is the one that all go by.
    if (complete && !proven(*entry)) return recertify(*entry, std::move(valid));
    for (const wire::Suspicion& suspicion : valid) found_later(*entry, suspicion);
    return;
  }
  if (!complete) return;
  convict(*entry, std::move(valid));
}

}  // namespace kith::membership
