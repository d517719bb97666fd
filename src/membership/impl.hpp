// Membership::Impl: the parts of the room put together. One class, several files by theme:
//   membership.cpp  the door, dispatch, timers        probing.cpp   questions and answers
//   accusing.cpp    cases, accusations, verdicts      news.cpp      gossip, pulls, records
//   self.cpp        our own record and incarnation    syncing.cpp   sessions, anti-entropy, the
//   gone
#pragma once

#include <set>

#include "clocks.hpp"
#include "constants.hpp"
#include "gossip.hpp"
#include "health.hpp"
#include "incarnation.hpp"
#include "kith/base/bounded.hpp"
#include "kith/base/deadline_queue.hpp"
#include "kith/membership/membership.hpp"
#include "probes.hpp"
#include "roster.hpp"
#include "stamps.hpp"
#include "suspicion.hpp"
#include "witnesses.hpp"

namespace kith::membership {

enum class TimerKind : std::uint8_t {
  probe_cycle,
  probe,
  nack,
  check_case,
  push,
  anti_entropy,
  exchange,
  announce,
  reap,
  refute,
  disk_silent,
  disk_again,
  leave,
};
struct Timer {
  TimerKind kind;
  std::uint64_t request = 0;  // probe, nack
  NodeId member;              // check_case, exchange
  auto operator<=>(const Timer&) const = default;
};

// Crypto on its way.
struct VerifyRecords {
  NodeId from;
  std::vector<SignedRecordPtr> candidates;
  std::vector<wire::Suspicion> suspicions;  // certificates of the dead among them
};
struct VerifySuspicions {
  NodeId from;
  NodeId subject;
  std::vector<std::pair<NodeId, wire::Suspicion>> claims;  // by accuser
  SignedRecordPtr candidate;  // not yet in the roster, or older there: dead if these hold
  bool certificate = false;   // claimed to be complete: a verdict, if it is
};
struct SignOwn {
  wire::MemberRecord record;
  Bytes body;
};
struct SignSuspicion {
  NodeId subject;
  wire::Suspicion suspicion;
};
using Work = std::variant<VerifyRecords, VerifySuspicions, SignOwn, SignSuspicion>;

struct Exchange {
  reconcile::Reconciler asker;
  RequestId request;
  int tries = 0, rounds = 0;
};

// What we say about ourselves and how far it has got.
struct Self {
  wire::MemberRecord wanted;  // incarnation is filled in when it is signed
  Incarnation floor;          // the next incarnation lies above it
  bool changed = true;        // `wanted` or the floor is newer than what is signed
  bool signing = false;
  bool published = false;          // our first record stands
  std::optional<Token> writing;    // a mark on its way to the disk
  Incarnation mark;                // the latest one ordered
  std::optional<Instant> refuted;  // when last
  Incarnation accused;             // the latest incarnation of ours that somebody accused
  std::set<NodeId> answer_to;      // accusers and new sessions: they get our next record at once
  std::optional<BootId> other;     // another process's record under our key, seen once ...
  Incarnation other_floor;         // ... and what we went above then
};

struct Membership::Impl {
  Impl(Config config, std::shared_ptr<const crypto::Identity> identity, Rng rng);

  // --- membership.cpp
  void turn(Now now, Outbox& out);
  void finish_turn();
  void dispatch(const Input& input);
  void on_message(const MessageReceived& received);
  void on_computed(const Computed& computed);
  void on_load(const LoadReported& load);
  void on_time_skipped();
  void on_forget(const NodeId& peer);
  void fire(const Timer& timer);
  void arm(const Timer& timer, Duration after) {
    timers.set(timer, now.mono + std::max(after, Duration(1)));
  }
  void send(const NodeId& to, const wire::Message& message, bool stream = false);
  void drop(DropReason reason) { out->push(Dropped{reason}); }
  bool compute(Work work, std::shared_ptr<const Job> job);
  void changed(const Entry& entry);
  RequestId new_request() { return {rng.next() | 1}; }  // never zero: that is an introduction
  wire::Envelope envelope(RequestId request, Duration patience) const;
  UnixMillis wall() const { return clocks.corrected(now); }

  // --- probing.cpp
  void probe_cycle();
  Duration probe_timeout(const Entry& entry) const;
  void probe(const NodeId& target, const wire::Reference* hint = nullptr);
  void probe_deadline(RequestId request);
  void go_indirect(RequestId request, Probe& probe);
  void probe_answered(RequestId request, const NodeId& by);
  void probe_failed(RequestId request);
  void on_ping(const NodeId& from, const wire::Ping& ping);
  void on_ack(const NodeId& from, const wire::Ack& ack);
  void on_probe_request(const NodeId& from, const wire::ProbeRequest& request);
  void nack_due(RequestId request);
  void on_nack(const NodeId& from, const wire::Nack& nack);
  void on_refused(const NodeId& peer);
  void on_unreachable(const NodeId& peer);
  wire::Gossip gossip_for(const NodeId& to, const wire::Reference* hint = nullptr);
  bool observe(const NodeId& subject) const;
  UnixMillis clock() const;

  // --- accusing.cpp
  void heard(const NodeId& peer);
  void show_accusations(Entry& entry);
  void contradict(Entry& entry);
  bool already_refused(const NodeId& subject, const wire::Suspicion& suspicion) const;
  Case& open_case(Entry& entry, Instant started);
  void close_case(const NodeId& subject);
  void suspect(const NodeId& subject, Evidence evidence, Instant since);
  void tell_observers(Entry& entry, Case& file);
  void try_accuse(Entry& entry, Case& file);
  bool accuse(Entry& entry, UnixMillis stamp);  // false: too much crypto in flight
  void accused_dead(Entry& entry, const NodeId& accuser, const wire::Suspicion& suspicion);
  void accusation_signed(const SignSuspicion& work, const Signature& signature);
  void accused(Entry& entry, const NodeId& accuser, const wire::Suspicion& suspicion);
  void on_heard_message(const NodeId& from, const wire::Heard& message);
  Standing standing(const NodeId& subject, const Case& file) const;
  void look_around(const NodeId& subject, const Case& file, Standing& standing) const;
  std::size_t quorum_for(const NodeId& subject) const;
  void check_case(const NodeId& subject);
  void convict(Entry& entry, std::vector<wire::Suspicion> certificate);
  bool heard_since(const Entry& entry, const std::vector<wire::Suspicion>& certificate) const;
  void declare_dead(Entry& entry, std::vector<wire::Suspicion> certificate);
  void hint_observers(Entry& entry);

  // --- news.cpp
  void push_news();
  void spread(const wire::Reference& reference);
  void spread(const wire::Suspicion& suspicion);
  void take_gossip(const NodeId& from, const wire::Gossip& gossip);
  void take_reference(const NodeId& from, const wire::Reference& reference,
                      const wire::Gossip& gossip);
  void told_dead(const NodeId& from, Entry& entry, const wire::Gossip& gossip);
  void take_known(const NodeId& from, const wire::Reference& reference, Entry& entry,
                  const wire::Gossip& gossip);
  void take_suspicion(const NodeId& from, const wire::Suspicion& suspicion);
  void correct(const NodeId& to, Entry& entry);
  void want(const NodeId& from, const wire::IdPrefix& subject);
  void send_pulls();
  void on_pull(const NodeId& from, const wire::PullMembers& pull);
  void on_members(const NodeId& from, const wire::Members& members);
  bool newer(const SignedRecord& candidate) const;
  void records_verified(VerifyRecords work, const std::vector<bool>& valid);
  void suspicions_verified(VerifySuspicions work, const std::vector<bool>& valid);
  bool heeds(const NodeId& accuser, const NodeId& subject) const;
  void verify(VerifySuspicions work, const std::vector<wire::Suspicion>& suspicions);
  void found_later(Entry& entry, const wire::Suspicion& suspicion);
  void compare_verdicts(const NodeId& from, Entry& entry, const wire::Gossip& news);
  std::vector<wire::Suspicion> fit_accusations(const Entry& entry);
  void contradicted(const NodeId& from, Entry& entry);
  bool proven(const Entry& entry);
  std::size_t proof_size(const Entry& entry) const;
  void recertify(Entry& entry, std::vector<wire::Suspicion> certificate);
  bool shared_verdict(const wire::Gossip& news, const wire::Suspicion& suspicion);
  void certificate_verified(const VerifySuspicions& work, std::vector<wire::Suspicion> valid);
  void admit(const SignedRecordPtr& record, std::vector<wire::Suspicion> certificate = {});

  // --- self.cpp
  void start();
  void publish_self();
  void own_signed(SignOwn work, const Signature& signature);
  void on_disk(Token token, bool written);
  void write_mark(Incarnation mark);
  void on_self_changed(const SelfChanged& change);
  void refute();
  void self_accused(const NodeId& from, const wire::Reference& reference);
  bool rivals_ours(const SignedRecord& candidate) const;
  void own_record_seen(const SignedRecord& candidate);
  void introduce_self(const NodeId& to);
  void leave();
  void goodbye();
  void left();

  // --- syncing.cpp
  void on_established(const PeerEstablished& peer);
  void exchange_with(const NodeId& peer);
  void ask(const NodeId& peer, Exchange& exchange);
  void on_reconciled(const NodeId& from, const wire::Reconciled& answer);
  void exchange_due(const NodeId& peer);
  void anti_entropy();
  void announce();
  void arm_gone();
  void reap();
  void reaped_now(const NodeId& id, Incarnation incarnation);

  const Config config;
  const std::shared_ptr<const crypto::Identity> identity;
  const NodeId self;
  Rng rng;

  Now now{};              // of this turn
  Outbox* out = nullptr;  // of this turn
  bool started = false;

  const std::shared_ptr<Records> records;
  Roster roster;
  GossipQueue gossip;
  Probes probes;
  Health health;
  Witnesses witnesses;
  Clocks clocks;
  Stamps stamps;
  std::map<NodeId, Case> cases;
  std::map<NodeId, Exchange> exchanges;
  std::optional<IncarnationBook> book;
  Self own;
  Instant disturbed;  // last time skip or loop lag: no lonely verdict over a window that holds it

  DeadlineQueue<Timer> timers;
  std::map<Token, Work> works;
  std::uint64_t last_token = 0;
  std::set<std::pair<NodeId, wire::IdPrefix>> verifying;  // (subject, accuser) suspicions in flight
  std::set<wire::RecordHash> verifying_records;
  std::map<NodeId, std::vector<wire::IdPrefix>> wants;  // pulls of this turn
  LruMap<wire::IdPrefix, Instant> pulled{1024};
  LruMap<RequestId, NodeId> pulls{256};
  LruMap<NodeId, Incarnation> forgotten{forgotten_limit};  // by an operator
  LruMap<NodeId, Incarnation> reaped{forgotten_limit};     // by time, until somebody shows it alive
  // (subject, accuser) -> stamp of the accusation: we heard the subject after it and said so.
  LruMap<std::pair<wire::IdPrefix, wire::IdPrefix>, UnixMillis> refused{refused_limit};
  std::set<NodeId> hints;  // saved peers, and met ones, not yet in the roster
  NodeId last_announced;
  std::set<RequestId> goodbyes;  // pings that carried our goodbye
  enum class Leaving : std::uint8_t { no, signing, said, done } leaving = Leaving::no;
  std::uint64_t probes_ok = 0, probes_bad = 0, suspicions = 0, refutations = 0;
};

}  // namespace kith::membership
