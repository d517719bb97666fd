// Membership: who is in the network and who is alive. SWIM [Das 2002] with Lifeguard [Dadgar 2018],
// and beyond both: keyed rings of observers instead of random probing, signed suspicions that add
// up to a death certificate, an evidence gate before any verdict, incarnations that survive
// restarts, O(difference) anti-entropy (PROTOCOL.md 3).
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "kith/base/address.hpp"
#include "kith/base/buffer.hpp"
#include "kith/base/disk.hpp"
#include "kith/base/dropped.hpp"
#include "kith/base/ids.hpp"
#include "kith/base/job.hpp"
#include "kith/base/lane.hpp"
#include "kith/base/machine.hpp"
#include "kith/base/rng.hpp"
#include "kith/crypto/identity.hpp"
#include "kith/wire/member_record.hpp"
#include "kith/wire/message.hpp"

namespace kith::membership {

using wire::Verdict;

class Records;

// Numbers of a node's own: the others bear any, and need not know them.
struct Tuning {
  std::size_t push_fanout = 3;  // members that news are pushed to at once
  // Of news in one message, at least the 103 of a suspicion. 40: the message around it.
  std::size_t gossip_bytes = wire::datagram_message_limit - 40;
  Duration anti_entropy_interval = seconds(10);  // +- 20 %: one tiny question each
};

struct Config {
  Mode mode = Mode::lan;
  NetworkId network;
  BootId boot;
  Incarnation stored_incarnation;  // greatest ever reserved on disk; zero on a first start
  std::string name;
  std::vector<wire::Tag> tags;
  std::string version;
  std::vector<Endpoint> addresses;     // advertised at start
  std::vector<PublicKey> saved_peers;  // from the peer cache, with their addresses introduced
  std::shared_ptr<Records> records;    // shared with other machines of this thread; null: its own
  wire::Versions versions;
  Bytes ext;  // TLVs in our record besides this room's own; at most ext_bytes_limit, else none
  Tuning tuning;
};

// What others read about a member; shared, immutable, replaced on change.
struct Member {
  NodeId id;
  std::shared_ptr<const wire::MemberRecord> record;
  Verdict verdict = Verdict::alive;
  bool alone = false;  // verdict reached locally with no witness (N = 2): moves no replica set
  UnixMillis since;    // of the verdict, local wall clock
  UnixMillis verdict_stamp;  // dead: greatest stamp of the certificate; the DHT's retirement rule
};
using MemberPtr = std::shared_ptr<const Member>;
// The dead that a member's `synced` is past, as its record names them.
std::vector<wire::IdPrefix> releases_of(const wire::MemberRecord& record);

// --- inputs -----------------------------------------------------------------------------------

struct MessageReceived {  // one of ping..heard, reconcile/reconciled with Topic::roster
  NodeId from;
  const wire::Message* message;  // a view for the call
  std::size_t bytes = 0;
  bool stream = false;
};
struct PeerHeard {  // any authentic packet of this peer was opened
  NodeId peer;
};
struct PeerEstablished {
  NodeId peer;
  PublicKey key;
};
// Its TCP port is closed now and used to accept: evidence of process death.
struct PeerRefused {
  NodeId peer;
};
struct PeerUnreachable {  // every endpoint silent or without a route
  NodeId peer;
};
struct SelfChanged {  // advertise something new about ourselves
  std::optional<std::vector<Endpoint>> addresses;
  std::optional<UnixMillis> synced;
  std::vector<wire::IdPrefix> releases{};  // of that stamp: the dead that it is past
};
struct LeaveRequested {};  // announce our goodbye; LeaveAnnounced when it has been sent around
struct ForgetRequested {   // an operator says this member will not come back
  NodeId peer;
};
struct ReconcileRequested {  // its view differs from ours: compare rosters with it now
  NodeId peer;
};
struct LoadReported {
  Duration loop_lag;
};
struct TimeSkipped {
  Duration gap;
};

using Input =
    std::variant<MessageReceived, PeerHeard, PeerEstablished, PeerRefused, PeerUnreachable,
                 SelfChanged, LeaveRequested, ForgetRequested, ReconcileRequested, LoadReported,
                 TimeSkipped, Computed, Persisted, DiskRefused>;

// --- outputs ----------------------------------------------------------------------------------

struct SendMessage {
  NodeId to;
  Buffer message;  // encoded wire::Message
  bool stream = false;
};
struct Introduce {  // tell the session layer how to reach a member
  std::shared_ptr<const wire::MemberRecord> record;
};
struct MemberChanged {  // verdict or record changed; also for ourselves
  MemberPtr member;
};
struct MemberReaped {  // forgotten after 24 h dead or left, or by an operator
  NodeId id;
};
struct LeaveAnnounced {};
struct TwinSeen {  // another live process uses our key; `younger`: we are the one that must stop
  bool younger = false;
};

using Output = std::variant<SendMessage, Introduce, MemberChanged, MemberReaped, LeaveAnnounced,
                            TwinSeen, Compute, Persist, Dropped>;

struct MemberSnapshot {
  MemberPtr member;
  bool self = false;
  std::optional<Duration> rtt;
};
struct Snapshot {
  std::vector<MemberSnapshot> members;  // sorted by id
  int health = 0;                       // Lifeguard's local health score, 0 best
  std::uint64_t probes_ok = 0, probes_failed = 0, suspicions = 0, refutations = 0;
  std::size_t gossip_queued = 0;
};

class Membership {
 public:
  using Input = membership::Input;
  using Output = membership::Output;
  using Outbox = kith::Outbox<Output>;

  Membership(Config config, std::shared_ptr<const crypto::Identity> identity, Rng rng);
  ~Membership();
  Membership(Membership&&) noexcept;

  void step(const Input& input, Now now, Outbox& out);
  void expire(Now now, Outbox& out);
  std::optional<Instant> next_deadline() const;

  Snapshot snapshot() const;
  MemberPtr find(const NodeId& id) const;
  std::size_t live_count() const;  // alive or suspect, this node included
  // Wall time corrected by the median of authenticated peers (PROTOCOL.md 3, Clocks).
  UnixMillis corrected(Now now) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith::membership
