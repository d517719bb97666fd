// The DHT: signed records on the R members closest to their id, with quorums that mean something.
//
// It differs from Kademlia in what it routes by (the membership view, so an operation is one round
// trip) and in what it promises: majority writes acknowledged after the replicas' disks, majority
// reads that write back, quorums counted over a base that deaths do not shrink by themselves
// (PROTOCOL.md 4). Now.wall must be the corrected wall clock.
#pragma once

#include <memory>
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
#include "kith/dht/report.hpp"
#include "kith/wire/message.hpp"

namespace kith::dht {

// A member that counts in bases, or did until it was retired. Remembered over a restart: a node
// that comes back alone must not take itself for the whole network, and acknowledge what nobody
// else has; nor believe an older record of somebody than it knew.
struct Counting {
  NodeId id;
  PublicKey key;
  UnixMillis synced;
  Incarnation incarnation;  // of the record that said so
  // Retired with that stamp; or in doubt: dead or back, and others may have retired it by ours; or
  // promised to count, without a stamp yet.
  enum class As : std::uint8_t { counts, retired, in_doubt, promised } as = As::counts;
};

// Numbers of a node's own: the others bear any, and need not know them.
struct Tuning {
  Duration rto_min = milliseconds(50), rto_max = milliseconds(1500);  // until a request is resent
  Duration rto_unknown = milliseconds(350);
  // Resends of requests: one for every five first sends of the last 10 s, and 10 a second besides.
  int retry_every = 5, retry_floor = 10;
  Duration anti_entropy_interval = seconds(60);
  std::size_t repair_window = 32;  // fetches in flight while repairing
};

struct Config {
  Mode mode = Mode::lan;
  NetworkId network;
  Bytes root;                  // keys record ids; 16 bytes (lan id) or 32 (network file)
  UnixMillis last_seen;        // when this node last ran; 0 on a first start
  bool expects_peers = false;  // saved peers or join targets: wait for them before going it alone
  std::vector<Counting> counting;  // as last told by CountingChanged
  Bytes ext;  // TLVs of the records signed here besides the label; with it at most wire::ext_limit
  Tuning tuning;
};

RecordId record_id(ByteView root, wire::Kind kind, const NodeId& owner, std::string_view name);

// --- inputs -----------------------------------------------------------------------------------

struct MessageReceived {  // store .. nodes_found, reconcile/reconciled with Topic::records
  NodeId from;
  const wire::Message* message;  // a view for the call
};
enum class Presence : std::uint8_t { alive, suspect, dead, left };
// The roster's news, as far as the DHT cares. Also about ourselves.
struct MemberSeen {
  NodeId id;
  PublicKey key;
  Presence presence = Presence::alive;
  UnixMillis synced;
  UnixMillis verdict_stamp;                // of dead or left
  Endpoint endpoint;                       // its best one, for those who ask us; port 0: none known
  Incarnation incarnation;                 // of its record
  std::vector<wire::IdPrefix> releases{};  // the dead that its `synced` is past, as it says
};
struct MemberForgotten {
  NodeId id;
};
struct PeerUnreachable {  // nothing can be delivered to it now
  NodeId peer;
};
struct RecordLoaded {  // at start only: one call a stored record, before anything else
  Buffer raw;
};
struct RecordDamaged {  // at start only: it was stored here, and cannot be read
  RecordId id;
};
struct PutRequested {
  Ticket ticket;
  std::string name;
  wire::Kind kind = wire::Kind::value;
  Buffer value;
  bool tombstone = false;
  std::optional<Duration> ttl;
  Consistency consistency = Consistency::quorum;
  Duration deadline = seconds(5);
};
struct GetRequested {
  Ticket ticket;
  std::string name;
  std::optional<NodeId> owner;  // kind owned
  Consistency consistency = Consistency::quorum;
  Duration deadline = seconds(5);
};
struct LookupRequested {
  Ticket ticket;
  std::string name;
  Duration deadline = seconds(5);
};
struct DrainRequested {};  // leave: hand everything over, then Drained
struct StopRequested {};   // end running work with a definite answer now
struct TimeSkipped {
  Duration gap;
};

using Input =
    std::variant<MessageReceived, MemberSeen, MemberForgotten, PeerUnreachable, RecordLoaded,
                 RecordDamaged, PutRequested, GetRequested, LookupRequested, DrainRequested,
                 StopRequested, TimeSkipped, Computed, Persisted, Loaded, DiskRefused>;

// --- outputs ----------------------------------------------------------------------------------

struct SendMessage {
  NodeId to;
  Buffer message;
  Lane lane = Lane::data;
};
struct Completed {
  Ticket ticket;
  ReportPtr report;
};
struct Change {
  RecordId id;
  Sequence sequence;
  bool deleted = false;
  std::shared_ptr<const std::string> name;  // where this node knows it
};
struct RecordChanged {  // on this node's disk
  std::shared_ptr<const Change> change;
};
struct SyncedChanged {  // on disk: publish it in our member record
  UnixMillis stamp;
  std::vector<wire::IdPrefix> releases{};  // at most wire::releases_limit
};
struct CountingChanged {  // keep it on disk and answer as to a Persist; without ourselves
  Token token;
  std::shared_ptr<const std::vector<Counting>> members;
};
struct RecordsHeld {  // whether this network holds any record, as far as this node knows
  bool any = false;
};
struct ViewDisagrees {  // that peer counts another base: reconcile rosters with it
  NodeId peer;
};
struct Drained {};  // after SyncedChanged{0}; without it our place must be kept

using Output =
    std::variant<SendMessage, Completed, RecordChanged, SyncedChanged, CountingChanged, RecordsHeld,
                 ViewDisagrees, Drained, Compute, Persist, Load, Forget, Dropped>;

struct Snapshot {
  std::size_t records = 0, tombstones = 0;
  std::size_t counting = 0;          // members that bases are made of here, ourselves included
  std::size_t counting_dead = 0;     // of these, the dead
  bool synced = false;               // has every record that is its to hold, all deaths settled
  std::size_t under_replicated = 0;  // records with fewer live holders than they should have
  std::size_t queued_bytes = 0;      // repair still to move, estimated by the mean record held
  std::size_t operations = 0;        // puts, gets, lookups in flight
  std::uint64_t base_disagreements = 0, repairs_sent = 0, repairs_received = 0;
  std::uint64_t resends = 0, resends_withheld = 0;  // of requests; withheld: the budget was spent
};

class Dht {
 public:
  using Input = dht::Input;
  using Output = dht::Output;
  using Outbox = kith::Outbox<Output>;

  Dht(Config config, std::shared_ptr<const crypto::Identity> identity, Rng rng);
  ~Dht();
  Dht(Dht&&) noexcept;

  void step(const Input& input, Now now, Outbox& out);
  void expire(Now now, Outbox& out);
  std::optional<Instant> next_deadline() const;

  Snapshot snapshot() const;
  // What a long absence made worthless is going from the disk; then `seen` is written there.
  bool forgetting() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith::dht
