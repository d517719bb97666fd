// The node: THE composition of the pure machines. The daemon, the simulator and the fuzzers drive
// this same object; nothing else knows more than one room.
//
// It routes authentic messages to membership or dht, feeds the roster's news to the dht, turns the
// machines' orders into the world's vocabulary and pairs user operations with their reports.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "kith/base/disk.hpp"
#include "kith/base/machine.hpp"
#include "kith/dht/dht.hpp"
#include "kith/discovery/discovery.hpp"
#include "kith/membership/membership.hpp"
#include "kith/session/session.hpp"

namespace kith::node {

struct Tuning {
  session::Tuning session;
  membership::Tuning membership;
  dht::Tuning dht;
};

struct Config {
  Mode mode = Mode::lan;
  std::string network_name = "lan";
  Bytes root;                    // lan id (16) or the network file's root (32)
  bool adopted_records = false;  // came to this lan network because it holds records
  ByteArray<32> psk{};
  std::optional<ByteArray<32>> previous_psk;
  BootId boot;
  std::string name;
  std::vector<wire::Tag> tags;
  std::string version;
  // What the protocol of this release is. A release of tomorrow says more here, and the others see
  // it: the versions and features in handshakes, TLVs in the ext of member records and DHT records.
  wire::Versions versions;
  std::uint64_t features = 0;
  Bytes member_ext, record_ext;
  Tuning tuning;
  bool lan_discovery = true;
  bool trust_first = false;
  std::vector<std::string> lan_exclude = discovery::Config{}.lan_exclude;
  std::vector<Endpoint> listen;     // bound, wildcards as such
  std::vector<Endpoint> advertise;  // given by hand; empty: our interface addresses
  std::vector<std::string> join;    // targets, re-resolved for ever
  std::uint64_t generation = 0;     // how many nodes of this process came before
  std::uint64_t seed = 0;           // of Rng
  ByteArray<32> secret_seed{};      // of SecretRng
  std::vector<std::pair<Bytes, Buffer>> stored_meta;  // the meta table at start
  std::vector<Buffer> stored_records;                 // the record table at start
  std::vector<Bytes> damaged_records;                 // its keys whose value could not be read
  std::shared_ptr<membership::Records> records;       // see membership::Config
};

// --- inputs that are the node's own; the rest is the machines' vocabulary -----------------------
struct JoinRequested {
  Ticket ticket;
  std::string target;
  bool trust_first = false;
  bool adopt = false;  // take over the other lan network though we hold records
  Duration deadline = seconds(10);
};
struct LeaveRequested {};  // drain, announce; then Left
struct StopRequested {};   // SIGTERM: announce, answer what runs; then Left
struct ForgetRequested {
  Ticket ticket;
  NodeId peer;
};
struct PingRequested {
  Ticket ticket;
  NodeId peer;
  Duration deadline = seconds(5);
};
struct LoadMeasured {
  Duration loop_lag{};
  std::size_t jobs_queued = 0;
};
struct TimeSkipped {
  Duration gap{};
};

using Input =
    std::variant<session::DatagramReceived, session::DatagramRefused, session::StreamOpened,
                 session::StreamBytes, session::StreamCredit, session::StreamClosed,
                 discovery::BeaconReceived, discovery::InterfacesChanged, discovery::Resolved,
                 Computed, Persisted, Loaded, DiskRefused, dht::PutRequested, dht::GetRequested,
                 dht::LookupRequested, JoinRequested, LeaveRequested, StopRequested,
                 ForgetRequested, PingRequested, LoadMeasured, TimeSkipped>;

// --- outputs ----------------------------------------------------------------------------------
struct Attempt {  // one line of the join table
  std::string target;
  std::string address;
  std::string cause;  // "ok", or session::to_string(DialOutcome), or why the name did not resolve
};
struct JoinReport {
  bool joined = false;
  NodeId peer;
  std::vector<Attempt> attempts;
};
struct PingReport {
  bool answered = false;
  Duration rtt{};
};
using OperationReport = std::variant<dht::ReportPtr, JoinReport, PingReport>;
struct Completed {
  Ticket ticket;
  std::shared_ptr<const OperationReport> report;
};

// News for the event stream, in the contract's words.
struct MemberNews {
  membership::MemberPtr member;
};
struct RecordNews {
  std::shared_ptr<const dht::Change> change;
};
struct JoinNews {  // join.failed
  std::shared_ptr<const JoinReport> report;
};
struct Warning {  // for the log: once each, never a packet's fault
  std::shared_ptr<const std::string> text;
};
// Another lan network wins: the world rebuilds the node with this root (and an empty roster).
struct NetworkAdopted {
  session::LanId lan;
  bool forced = false;
};
struct MustStop {  // another process uses our identity
  std::shared_ptr<const std::string> reason;
};
struct Left {};

using Output = std::variant<session::Transmit, session::OpenStream, session::WriteStream,
                            session::CloseStream, discovery::SendBeacon, discovery::Resolve,
                            Compute, Persist, Load, Forget, Completed, MemberNews, RecordNews,
                            JoinNews, Warning, NetworkAdopted, MustStop, Left, Dropped>;

struct Snapshot {
  NodeId id;
  NetworkId network;
  bool joined = false;  // another member is alive
  membership::Snapshot membership;
  dht::Snapshot dht;
  discovery::Snapshot discovery;
  std::vector<session::PeerSnapshot> peers;
  std::array<std::uint64_t, drop_reason_count> dropped{};
};

class Node {
 public:
  using Input = node::Input;
  using Output = node::Output;
  using Outbox = kith::Outbox<Output>;

  Node(Config config, std::shared_ptr<const crypto::Identity> identity, Now now);
  ~Node();
  Node(Node&&) noexcept;
  Node& operator=(Node&&) noexcept;

  void start(Now now, Outbox& out);  // once, after the constructor
  void step(const Input& input, Now now, Outbox& out);
  void expire(Now now, Outbox& out);
  std::optional<Instant> next_deadline() const;

  Snapshot snapshot() const;
  // A member by full id, unambiguous id prefix (>= 4 characters) or name; nullopt: none or several.
  std::optional<NodeId> find_member(std::string_view text) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith::node
