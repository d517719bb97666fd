#include "suspicion.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "constants.hpp"

namespace kith::membership {
namespace {

// log2(i + 1) in 1/1024: no libm, whose last bit differs between machines.
constexpr std::array<std::int64_t, 9> log2_table{0, 1024, 1623, 2048, 2378, 2647, 2875, 3072, 3246};

std::int64_t log2_of(std::size_t count) {
  return log2_table[std::min(count, log2_table.size() - 1)];
}

}  // namespace

Duration window(Evidence evidence) {
  return evidence == Evidence::refusal ? refusal_window : silence_window;
}

Duration suspicion_timeout(Duration min, std::size_t confirmations, std::size_t needed) {
  if (confirmations >= needed) return min;
  const Duration max = min * suspicion_max_factor;
  return max - (max - min) * log2_of(confirmations) / log2_of(needed);
}

UnixMillis latest_stamp(const std::vector<wire::Suspicion>& certificate) {
  UnixMillis latest;
  for (const wire::Suspicion& suspicion : certificate) latest = std::max(latest, suspicion.stamp);
  return latest;
}

bool signed_anew(const std::vector<wire::Suspicion>& certificate) {
  std::set<UnixMillis> stamps;
  return std::any_of(certificate.begin(), certificate.end(),
                     [&](const wire::Suspicion& one) { return !stamps.insert(one.stamp).second; });
}

bool Case::accuse(const NodeId& accuser, const wire::Suspicion& suspicion, Instant now) {
  const auto before = retracted_.find(accuser);
  if (before != retracted_.end() && suspicion.stamp <= before->second) return false;
  return accusers_.size() < accusers_limit &&
         accusers_.try_emplace(accuser, Accusation{suspicion, now}).second;
}

Instant Case::claimed_since(std::size_t quorum) const {
  std::vector<Instant> heard;
  for (const auto& [accuser, accusation] : accusers_) heard.push_back(accusation.heard);
  std::sort(heard.begin(), heard.end());
  return heard.at(quorum - 1) - question_time;
}

Ruling Case::rule(const Standing& standing, Instant now) const {
  const Duration open = now - started_;
  const Duration least = window(evidence_);
  const bool certified = standing.quorum > 0 && accusers_.size() >= standing.quorum;

  // What we noticed ourselves may be older than what the others did, and a fault of ours.
  if (certified && standing.open() &&
      now - std::max({started_, hearing_since_, claimed_since(standing.quorum)}) >= least)
    return Ruling::dead;
  const bool lonely = standing.gate == 0 && evidence_ != Evidence::none;
  // In time that we lost ourselves nobody was silent: the count begins again. A port that refused
  // was closed all the same.
  const bool doubtful = lonely && evidence_ == Evidence::silence;
  const Instant quiet_since =
      doubtful ? std::max(silent_since_, standing.disturbed) : silent_since_;
  if (lonely && open >= least && now - quiet_since >= least * alone_windows) return Ruling::alone;
  const Instant open_since = doubtful ? std::max(started_, standing.disturbed) : started_;
  if (now - open_since >= least * suspicion_max_factor) return Ruling::withdraw;

  const std::size_t confirmations = accusers_.empty() ? 0 : accusers_.size() - 1;
  const std::size_t needed = standing.quorum > 1 ? standing.quorum - 1 : 1;
  if (!asked_again_ && !certified && open >= suspicion_timeout(least, confirmations, needed))
    return Ruling::ask_again;
  return Ruling::wait;
}

Instant Case::next_look(Instant now) const {
  Instant next = now + case_poll;
  const Duration least = window(evidence_);
  const auto look = [&](Instant at) {
    if (at > now) next = std::min(next, at);
  };
  for (const Instant at :
       {started_ + least, hearing_since_ + least, silent_since_ + least * alone_windows,
        started_ + least * suspicion_max_factor})
    look(at);
  for (const auto& [accuser, accusation] : accusers_)
    look(accusation.heard - question_time + least);
  return next;
}

std::vector<wire::Suspicion> Case::certificate() const {
  std::vector<wire::Suspicion> suspicions;
  for (const auto& [accuser, accusation] : accusers_)
    if (suspicions.size() < certificate_limit) suspicions.push_back(accusation.suspicion);
  return suspicions;
}

}  // namespace kith::membership
