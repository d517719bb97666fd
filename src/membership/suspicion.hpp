// Suspicion: the case file of one suspected member, and the rule that closes it.
//
// A case opens when a question stays unanswered, when the member's port refuses, or when another
// observer accuses. It collects signed suspicions by distinct observers; q of them are a death
// certificate. It knows no network and no roster: Standing says what the rest of the room knows.
//
// Differences from the papers. In Lifeguard [IV.B] the timer alone kills: confirmations only make
// it shorter. Here nobody dies without a quorum of signatures and fresh evidence that we ourselves
// can hear (the gate), because nearly all false deaths in SWIM come from the one node that is deaf.
// The paper's timeout remains what it is good at: the more observers agree, the sooner we act. With
// K = q - 1 confirmations it has fallen to its minimum exactly when the certificate is complete;
// below that it says when to ask again; at its maximum the suspicion is withdrawn.
#pragma once

#include <algorithm>
#include <map>
#include <vector>

#include "constants.hpp"
#include "kith/base/ids.hpp"
#include "kith/wire/message.hpp"

namespace kith::membership {

// What we ourselves have against the member, weakest first.
enum class Evidence : std::uint8_t {
  none,     // only others accuse
  silence,  // a question of ours stayed unanswered, directly, through others and by stream
  refusal,  // its port is closed and used to accept
};

// How long a case must stand before a verdict.
Duration window(Evidence evidence);

// Max - (Max - Min) * log(C + 1) / log(K + 1), at least Min [Lifeguard IV.B]; Max = 6 * Min.
Duration suspicion_timeout(Duration min, std::size_t confirmations, std::size_t needed);

// The stamp of a death that these prove; 0: of none.
UnixMillis latest_stamp(const std::vector<wire::Suspicion>& certificate);

// Whether one of them bears another's stamp: it answers that, for who lacks a verdict of before.
bool signed_anew(const std::vector<wire::Suspicion>& certificate);

// What the room knows around a case.
struct Standing {
  std::size_t quorum = 0;     // q: suspicions needed
  std::size_t gate = 0;       // m: other peers that must have been heard since; 0: nobody is left
  std::size_t witnesses = 0;  // other peers heard since the case opened
  Instant disturbed{};        // the self-test: when we last lost time or lagged behind

  bool open() const { return gate > 0 && witnesses >= gate; }  // may accuse, may judge
};

// One observer's word, and when we had it.
struct Accusation {
  wire::Suspicion suspicion;
  Instant heard;
};

enum class Ruling : std::uint8_t { wait, ask_again, dead, alone, withdraw };

class Case {
 public:
  // `started`: the question nobody answered, or the first accusation. `silent_since`: when the
  // member was last heard, if ever; the lonely verdict counts from there.
  Case(Incarnation incarnation, Instant started, Instant silent_since)
      : incarnation_(incarnation),
        started_(started),
        silent_since_(std::min(started, silent_since)) {}

  // `since`: when we asked, or saw. The windows count from our own first look.
  void see(Evidence evidence, Instant since) {
    if (evidence_ == Evidence::none) started_ = std::max(started_, since);
    evidence_ = std::max(evidence_, evidence);
  }
  // Whether the gate is open now. One that was closed may mean that we were deaf: what we did not
  // hear until it opened is no silence of the member's.
  void gate_is(bool open, Instant now) {
    if (open && deaf_) hearing_since_ = now;
    deaf_ = !open;
  }
  // False when this observer already accuses, took just that back, or the file is full.
  bool accuse(const NodeId& accuser, const wire::Suspicion& suspicion, Instant now);
  bool retract(const NodeId& accuser) {
    const auto node = accusers_.extract(accuser);
    if (!node.empty() && (retracted_.size() < accusers_limit || retracted_.contains(accuser)))
      retracted_[accuser] = node.mapped().suspicion.stamp;
    return !node.empty();
  }
  void asked_again() { asked_again_ = true; }

  Ruling rule(const Standing& standing, Instant now) const;
  // When time alone may change the ruling next; what others say may change it at any moment.
  Instant next_look(Instant now) const;

  Incarnation incarnation() const { return incarnation_; }
  Instant started() const { return started_; }
  Instant silent_since() const { return silent_since_; }
  Evidence evidence() const { return evidence_; }
  const std::map<NodeId, Accusation>& accusers() const { return accusers_; }
  std::vector<wire::Suspicion> certificate() const;  // bounded, by accuser

  bool signing = false;  // our own accusation is on its way
  bool told = false;     // the other observers have been told

 private:
  Incarnation incarnation_;
  Instant started_;
  Instant silent_since_;
  Instant hearing_since_{};
  bool deaf_ = false;
  Evidence evidence_ = Evidence::none;
  bool asked_again_ = false;
  // Since when a quorum of accusers found the member silent: each had asked before it signed.
  Instant claimed_since(std::size_t quorum) const;

  std::map<NodeId, Accusation> accusers_;
  std::map<NodeId, UnixMillis> retracted_;  // what goes round for a while yet
};

}  // namespace kith::membership
