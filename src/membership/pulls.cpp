// Pulls: the records that news made us want, asked for, checked and admitted; and ours, to who
// asks.
#include "impl.hpp"

namespace kith::membership {

void Membership::Impl::want(const NodeId& from, const wire::IdPrefix& subject) {
  if (const Instant* last = pulled.peek(subject); last && now.mono - *last < pull_interval) return;
  pulled.put(subject, now.mono);
  wants[from].push_back(subject);
}

void Membership::Impl::send_pulls() {
  for (auto& [from, subjects] : wants) {
    for (std::size_t at = 0; at < subjects.size(); at += wire::pull_limit) {
      const auto first = subjects.begin() + static_cast<std::ptrdiff_t>(at);
      const auto last = subjects.begin() + static_cast<std::ptrdiff_t>(
                                               std::min(at + wire::pull_limit, subjects.size()));
      const RequestId request = new_request();
      pulls.put(request, from);
      send(from, wire::PullMembers{envelope(request, seconds(1)), {first, last}});
    }
  }
  wants.clear();
}

void Membership::Impl::on_pull(const NodeId& from, const wire::PullMembers& pull) {
  wire::Members answer{pull.envelope.request, {}, {}};
  for (const wire::IdPrefix& subject : pull.subjects) {
    const Entry* entry = roster.find(subject);
    if (!entry || answer.records.size() == wire::members_limit) continue;
    answer.records.push_back(entry->record->raw);
    if (entry->verdict() == Verdict::dead && !entry->alone)  // of one taken back it proves nothing
      answer.suspicions.insert(answer.suspicions.end(), entry->certificate.begin(),
                               entry->certificate.end());
  }
  send(from, answer);
}

bool Membership::Impl::newer(const SignedRecord& candidate) const {
  if (const Incarnation* gone = forgotten.peek(candidate.id);
      gone && candidate.content.incarnation <= *gone)
    return false;
  if (const Incarnation* gone = reaped.peek(candidate.id);
      gone && candidate.content.incarnation <= *gone)
    return false;
  const Entry* entry = roster.find(candidate.id);
  return !entry || std::make_tuple(candidate.content.incarnation, candidate.hash) >
                       std::make_tuple(entry->incarnation(), entry->hash());
}

void Membership::Impl::on_members(const NodeId& from, const wire::Members& members) {
  const bool introduction = members.request.value == 0;
  if (!introduction) {
    const NodeId* asked = pulls.peek(members.request);
    if (!asked || *asked != from) return drop(DropReason::unexpected);
    pulls.erase(members.request);
  }
  VerifyRecords work{from, {}, members.suspicions};
  for (const Buffer& raw : members.records) {
    SignedRecordPtr candidate = records->read(raw.view());
    if (!candidate) {
      drop(DropReason::malformed);
      continue;
    }
    if (introduction && candidate->id != from) {
      drop(DropReason::unexpected);
      continue;
    }
    // It was out of reach for long, or dead to us alone. The dead come with accusations.
    if (!candidate->content.leaving &&
        std::none_of(members.suspicions.begin(), members.suspicions.end(),
                     [&](const wire::Suspicion& one) {
                       return one.subject.subject == wire::prefix_of(candidate->id);
                     }))
      reaped.erase(candidate->id);
    const bool rival = candidate->id == self && rivals_ours(*candidate);
    if (candidate->id == self ? !rival : !newer(*candidate)) {
      const Entry* known = roster.find(candidate->id);
      if (introduction || !known || candidate->hash != known->hash()) continue;
      std::vector<wire::Suspicion> about;
      for (const wire::Suspicion& suspicion : members.suspicions)
        if (suspicion.subject.subject == wire::prefix_of(candidate->id)) about.push_back(suspicion);
      const bool certified = known->certified();
      if (!about.empty() && !certified)
        verify({from, candidate->id, {}, nullptr, candidate->id != self}, about);
      continue;
    }
    if (verifying_records.insert(candidate->hash).second)
      work.candidates.push_back(std::move(candidate));
  }
  if (work.candidates.empty()) return;
  std::vector<crypto::Claim> claims;
  std::vector<wire::RecordHash> hashes;
  for (const SignedRecordPtr& candidate : work.candidates) {
    hashes.push_back(candidate->hash);
    const ByteView body = candidate->raw.view().first(candidate->body_size);
    claims.push_back({candidate->content.key, wire::member_record_message(config.network, body),
                      candidate->signature});
  }
  if (compute(std::move(work), std::make_shared<crypto::VerifyJob>(std::move(claims)))) return;
  for (const wire::RecordHash& hash : hashes) verifying_records.erase(hash);
}

void Membership::Impl::records_verified(VerifyRecords work, const std::vector<bool>& valid) {
  std::vector<std::pair<SignedRecordPtr, std::vector<wire::Suspicion>>> gone;
  for (std::size_t i = 0; i < work.candidates.size(); ++i) {
    const SignedRecordPtr& candidate = work.candidates[i];
    verifying_records.erase(candidate->hash);
    if (!valid[i]) {
      drop(DropReason::bad_signature);
      continue;
    }
    if (candidate->id == self) {
      own_record_seen(*candidate);
      continue;
    }
    if (!newer(*candidate)) continue;
    std::vector<wire::Suspicion> about;
    for (const wire::Suspicion& suspicion : work.suspicions)
      if (suspicion.subject.subject == wire::prefix_of(candidate->id)) about.push_back(suspicion);
    if (about.empty())
      admit(candidate);
    else
      gone.emplace_back(candidate, std::move(about));
  }
  for (auto& [candidate, about] : gone)  // last: their accusers may have come in the same message
    verify({work.from, candidate->id, {}, candidate, true}, about);
}

// A verified record, new or newer; with a certificate it comes in dead.
void Membership::Impl::admit(const SignedRecordPtr& record,
                             std::vector<wire::Suspicion> certificate) {
  Entry* entry = roster.put(record, now, config.mode);
  if (const auto evicted = roster.take_evicted()) reaped_now(evicted->first, evicted->second);
  if (!entry) return drop(DropReason::limit_reached);
  close_case(record->id);
  gossip.drop_suspicions(wire::prefix_of(record->id));
  hints.erase(record->id);
  forgotten.erase(record->id);
  reaped.erase(record->id);
  out->push(Introduce{content_of(record)});
  if (!certificate.empty()) return declare_dead(*entry, std::move(certificate));
  changed(*entry);
  spread(entry->reference());
  if (!entry->live()) arm_gone();
}

}  // namespace kith::membership
