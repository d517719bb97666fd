// Sessions: encrypted, authenticated conversations with peers, over datagrams and streams.
// Noise_IKpsk2_25519_ChaChaPoly_BLAKE2b, framed and timed as WireGuard does (PROTOCOL.md 2).
//
// One machine holds every session of the node. Past its Received output every message has an
// authenticated sender. It knows frames, keys, counters, cookies and streams; it never looks into a
// message. It keeps zero heap bytes for a source that has not proven its address, and never answers
// such a source with more bytes than it sent.
//
// Unlike WireGuard it tries a handshake at 0, 0.25, 0.75 and 1.75 s and gives up at 3 s, because a
// person waits for it; only renewing a live session pauses 5 s + <= 334 ms between such rounds. The
// other differences, the limits and the frames: src/session/README.md and src/PROTOCOL.md 2.
#pragma once

#include <map>
#include <memory>
#include <string_view>
#include <variant>
#include <vector>

#include "kith/base/address.hpp"
#include "kith/base/buffer.hpp"
#include "kith/base/dropped.hpp"
#include "kith/base/ids.hpp"
#include "kith/base/job.hpp"
#include "kith/base/lane.hpp"
#include "kith/base/machine.hpp"
#include "kith/base/rng.hpp"
#include "kith/crypto/identity.hpp"
#include "kith/crypto/random.hpp"
#include "kith/wire/constants.hpp"
#include "kith/wire/member_record.hpp"

namespace kith::session {

struct LanId {
  ByteArray<16> bytes{};
  bool holds_records = false;  // one that holds records wins over one that holds none
  auto operator<=>(const LanId&) const = default;
};

// Numbers of a node's own: its peers bear any, and need not know them.
struct Tuning {
  Duration rekey_after = seconds(120);  // +- a twelfth; the initiator renews keys [WireGuard 6.2]
  std::uint64_t rekey_after_messages = 1ull << 32;
  std::size_t datagram_message_limit = wire::datagram_message_limit;  // larger ones go by stream
};

struct Config {
  Mode mode = Mode::lan;
  NetworkId network;
  ByteArray<32> psk{};                        // all zero where there is none
  std::optional<ByteArray<32>> previous_psk;  // accepted during a rotation
  LanId lan;                                  // lan mode: carried in i_am to eligible sources
  Incarnation incarnation;                    // of this start: orders our message 1s against replay
  BootId boot;
  bool trust_first = false;  // public mode: dial an unpinned address
  wire::Versions versions;
  std::uint64_t features = 0;  // bits both sides may use; none is defined yet
  Tuning tuning;
};

// A stream is a TCP connection. Even ids are opened by us, odd ids are accepted (runtime's choice).
using StreamId = std::uint64_t;

// --- inputs: facts ----------------------------------------------------------------------------

struct DatagramReceived {
  Endpoint from;
  ByteView bytes;
};
// The kernel said that nobody listens there (ICMP port unreachable). A hint, never proof.
struct DatagramRefused {
  Endpoint to;
};
// How a peer may be reached; replaces what was known. From its signed member record, which is
// shared and not copied: a node may be told of thousands. Of it key and addresses are read.
struct PeerIntroduced {
  explicit PeerIntroduced(std::shared_ptr<const wire::MemberRecord> shared)
      : record(std::move(shared)) {}
  PeerIntroduced(const PublicKey& key, std::vector<Endpoint> endpoints);  // best first

  std::shared_ptr<const wire::MemberRecord> record;
};
// Deliver to a peer by datagram when it fits (<= wire::datagram_message_limit), else by stream;
// dials first when there is no session. `stream` forces the stream (probe fallback).
struct SendRequested {
  NodeId to;
  Buffer message;
  Lane lane = Lane::data;
  bool stream = false;
};
// Find out who answers at an address and open a session with it (join, beacon, saved peer).
// Answered once by DialFinished. With `pin`, only that key will do.
struct DialRequested {
  Ticket ticket;
  Endpoint endpoint;
  std::optional<PublicKey> pin;
  bool trust_first = false;
};
struct StreamOpened {
  StreamId stream;
  Endpoint peer;
  bool inbound = false;
};
struct StreamBytes {
  StreamId stream;
  ByteView bytes;
};
struct StreamCredit {  // the world can take this many more bytes
  StreamId stream;
  std::size_t bytes = 0;
};
enum class StreamEnd : std::uint8_t { closed, refused, unreachable, timed_out, reset };
struct StreamClosed {
  StreamId stream;
  StreamEnd reason = StreamEnd::closed;
};
struct SubnetsChanged {  // lan mode: who may talk to us; gateways are never eligible
  std::vector<Subnet> subnets;
  std::vector<IpAddress> gateways;
};
struct LoadReported {  // loop lag and job queue: above the marks cookies are demanded for 1 s
  Duration loop_lag;
  std::size_t jobs_queued = 0;
};
struct RecordsHeld {  // lan mode: whether our network holds a record (LanId::holds_records)
  bool any = false;
};
struct PeerForgotten {  // drop its sessions and streams (it left or was forgotten)
  NodeId peer;
};
// Our member record stands under this one now: message 1s go on from there, because others may
// have seen more of this key than our disk remembers.
struct IncarnationRaised {
  Incarnation incarnation;
};
struct TimeSkipped {
  Duration gap;
};

using Input = std::variant<DatagramReceived, DatagramRefused, PeerIntroduced, SendRequested,
                           DialRequested, StreamOpened, StreamBytes, StreamCredit, StreamClosed,
                           SubnetsChanged, LoadReported, RecordsHeld, PeerForgotten,
                           IncarnationRaised, TimeSkipped, Computed>;

// --- outputs: orders and news -----------------------------------------------------------------

struct Transmit {
  Endpoint to;
  Buffer bytes;
};
struct OpenStream {
  StreamId stream;
  Endpoint to;
};
struct WriteStream {
  StreamId stream;
  Buffer bytes;
};
struct CloseStream {
  StreamId stream;
};
// An authentic message. `from` is proven.
struct Received {
  NodeId from;
  Buffer message;
  bool stream = false;
};
// A session with this peer exists now: the first one, or again after it was lost (keys and streams
// all gone, refused, or the peer was started anew).
struct Established {
  NodeId peer;
  PublicKey key;
};
// Where that peer's packets come from: authenticated, non-replayed. Only on change.
struct EndpointMoved {
  NodeId peer;
  Endpoint endpoint;
};
enum class Undelivered : std::uint8_t {
  no_route,     // no endpoint known
  no_answer,    // every endpoint tried, silence
  refused,      // the port is closed: process death, when it used to accept
  unreachable,  // the local stack or a router said so
  overflow,     // too much queued for this peer
};
// Says why messages to a peer could not be delivered; queued messages are dropped (on overflow
// only the one that was too many).
struct DeliveryFailed {
  NodeId peer;
  Undelivered reason;
};
enum class DialOutcome : std::uint8_t {
  ok,
  no_answer,      // nothing came back
  refused,        // nobody listens there
  unreachable,    // no route
  wrong_network,  // somebody answered, from another network (or the wrong psk)
  not_local,      // it is in lan mode and we are outside its subnets
  version,        // no common protocol version
  wrong_key,      // the pin does not match
  unpinned,       // public mode without a pin and without trust_first
  self,           // that is us
};
std::string_view to_string(DialOutcome outcome);
struct DialFinished {
  Ticket ticket;
  DialOutcome outcome;
  NodeId peer;  // when ok
};
// who-are-you's answer or a refused dial told of another lan network (lan mode only).
struct LanSeen {
  LanId lan;
  Endpoint from;
};

using Output = std::variant<Transmit, OpenStream, WriteStream, CloseStream, Received, Established,
                            EndpointMoved, DeliveryFailed, DialFinished, LanSeen, Compute, Dropped>;

struct PeerSnapshot {
  NodeId peer;
  std::optional<Endpoint> endpoint;
  bool stream = false;
  std::optional<Duration> rtt;           // of the handshake, unsmoothed
  std::uint64_t sent = 0, received = 0;  // datagrams
};

class Session {
 public:
  using Input = session::Input;
  using Output = session::Output;
  using Outbox = kith::Outbox<Output>;

  Session(Config config, std::shared_ptr<const crypto::Identity> identity, Rng rng,
          const ByteArray<32>& secret_seed);
  ~Session();
  Session(Session&&) noexcept;

  void step(const Input& input, Now now, Outbox& out);
  void expire(Now now, Outbox& out);
  std::optional<Instant> next_deadline() const;

  std::vector<PeerSnapshot> snapshot() const;
  bool has_session(const NodeId& peer) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith::session
