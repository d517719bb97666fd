// Session::Impl: the tables, and the handlers that move them. One file of handlers a concern:
//   session.cpp    the machine's face: dispatch, time, snapshot
//   peers.cpp      who is known, queues, sending
//   initiate.cpp   handshakes we start         respond.cpp  handshakes we answer
//   sealed.cpp     datagrams under keys        dials.cpp    who-are-you, i-am, DialRequested
//   streams.cpp    their life                  stream_io.cpp  their bytes
#pragma once

#include <list>

#include "gates.hpp"
#include "kith/base/bounded.hpp"
#include "kith/base/deadline_queue.hpp"
#include "kith/base/flat_map.hpp"
#include "kith/base/locality.hpp"
#include "peer.hpp"

namespace kith::session {

// One step or expire: the time it happens at and where its outputs go.
struct Turn {
  Now now;
  Outbox<Output>& out;
  template <class T>
  void push(T&& output) {
    out.push(std::forward<T>(output));
  }
  void drop(DropReason reason) { out.push(Dropped{reason}); }
};

struct Session::Impl {
  Impl(Config config_in, std::shared_ptr<const crypto::Identity> identity, Rng rng_in,
       const ByteArray<32>& secret_seed);

  // session.cpp
  void on(const SubnetsChanged& in, Turn& t);
  void on(const LoadReported& in, Turn& t);
  void on(const RecordsHeld& in, Turn& t);
  void on(const IncarnationRaised& in, Turn& t);
  void on(const TimeSkipped& in, Turn& t);
  void on(const Computed& in, Turn& t);
  void on(const DatagramReceived& in, Turn& t);
  void on(const DatagramRefused& in, Turn& t);
  void fire(const Timer& timer, Turn& t);
  void expire(Turn& t);
  void expire_oldest(Turn& t);
  std::optional<Instant> next_deadline() const;
  bool submit(std::shared_ptr<const Job> job, PendingJob pending, Turn& t);
  std::uint32_t new_index(IndexOwner owner);

  // peers.cpp
  void on(const PeerIntroduced& in, Turn& t);
  void on(const PeerForgotten& in, Turn& t);
  void on(const SendRequested& in, Turn& t);
  Peer* find_peer(const NodeId& id);
  Peer* find_peer(PeerSerial serial);
  void used(Peer& peer);
  Peer& ensure_peer(const PublicKey& key, Turn& t);
  Peer& add_peer(const NodeId& id, const PublicKey& key, PeerSerial serial);
  void make_room(Turn& t);
  void learn(Peer& peer, const Endpoint& endpoint);
  std::vector<Endpoint> route(const Peer& peer) const;
  void drop_peer(Peer& peer, Turn& t);
  void drop_keys(Peer& peer);
  void clear_queues(Peer& peer);
  void fail_delivery(Peer& peer, Undelivered reason, Turn& t);
  bool linked(const Peer& peer) const;
  bool only_by_stream(const Peer& peer, Instant now);
  bool meet(Peer& peer, const BootId& boot, Turn& t);
  bool crossed_and_ours_stay(const Peer& peer, const Keypair& keys) const;
  void adopt_keys(Peer& peer, Keypair keys);
  void queue_datagram(Peer& peer, Buffer message, Turn& t);
  void flush_queue(Peer& peer, Turn& t);
  void shrink_sessions(const Peer& keep);

  // initiate.cpp
  void start_attempt(Peer& peer, Turn& t);
  void try_once(Peer& peer, Turn& t);
  void race(Peer& peer, Turn& t);
  void send_init(Peer& peer, const Endpoint& to, Turn& t);
  void end_attempt(Peer& peer);
  void on_attempt_timer(Peer& peer, Turn& t);
  void give_up(Peer& peer, Turn& t);
  void on_reply(const DatagramReceived& in, Turn& t);
  void on_cookie(const DatagramReceived& in, Turn& t);
  void on_initiated(const PendingJob& job, const Initiated& result, Turn& t);
  void on_finished(const PendingJob& job, const Finished& result, Turn& t);

  // respond.cpp
  void on_init(const DatagramReceived& in, Turn& t);
  void on_responded(const PendingJob& job, const Responded& result, Turn& t);
  bool fresh(const Responded& result, bool stream);
  Incarnation newest_of(const NodeId& id);
  bool overtaken(const PublicKey& key, const BootId& boot, Incarnation newest);
  void call_back(const NodeId& id, const Endpoint& from, Turn& t);
  void drop_response(std::uint64_t number);

  // sealed.cpp
  void on_sealed(const DatagramReceived& in, Turn& t);
  void on_keyed(Peer& peer, const DatagramReceived& in, const SealedHeader& header, Turn& t);
  void confirm_response(std::uint64_t number, const DatagramReceived& in,
                        const SealedHeader& header, Turn& t);
  void accept(Peer& peer, Buffer message, Turn& t);
  void move_endpoint(Peer& peer, const Endpoint& endpoint, Turn& t);
  void send_sealed(Peer& peer, ByteView message, Turn& t);
  void arm_tend(Peer& peer, Instant when);
  void tend(Peer& peer, Turn& t);

  // dials.cpp
  void on(const DialRequested& in, Turn& t);
  void ask(std::uint64_t id, Dial& dial, Turn& t);
  void on_ask_timer(std::uint64_t id, Turn& t);
  void shake_hands(Dial& dial, const PublicKey& key, Turn& t);
  void finish_dial(std::uint64_t id, DialOutcome outcome, const NodeId& peer, Turn& t);
  void finish_dials_of(Peer& peer, DialOutcome outcome, Turn& t);
  void forget_hearsay(Turn& t);
  void refuse_dials(const Endpoint& to, Turn& t);
  bool awaited(const Peer& peer) const;
  void on_who_are_you(const DatagramReceived& in, Turn& t);
  void on_i_am(const DatagramReceived& in, Turn& t);

  // streams.cpp
  void on(const StreamOpened& in, Turn& t);
  void on(const StreamClosed& in, Turn& t);
  Stream* find_stream(StreamId id);
  void accept_stream(const StreamOpened& in, Turn& t);
  void dial_stream(Peer& peer, std::vector<Endpoint> targets, bool confirms, Turn& t);
  void dial_next(Peer& peer, Turn& t);
  void bury(Peer& peer, Turn& t);
  void dial_failed(Peer& peer, StreamEnd reason, Turn& t);
  void confirm_alive(Peer& peer, const Endpoint& endpoint, Turn& t);
  void forget_stream(StreamId id);
  void close_stream(StreamId id, Turn& t);
  void refuse_stream(StreamId id, DropReason reason, Turn& t);
  void resume_stream(Peer& peer, Turn& t);
  void close_streams_of(const Peer& peer, Turn& t);
  void on_stream_timer(StreamId id, Turn& t);
  void attach(Stream& stream, Turn& t);
  void close_leaving(const Peer& peer, Turn& t);
  void say_bye(Stream& stream, Turn& t);
  void give_up_stream(const Stream& stream, Turn& t);
  void set_stream_timer(const Stream& stream, Instant when);

  // stream_io.cpp
  void on(const StreamBytes& in, Turn& t);
  void on(const StreamCredit& in, Turn& t);
  void read(StreamId id, Turn& t);
  void on_frame(Stream& stream, ByteView frame, Turn& t);
  void on_stream_init(Stream& stream, ByteView frame, Turn& t);
  void on_stream_reply(Stream& stream, ByteView frame, Turn& t);
  void on_stream_sealed(Stream& stream, ByteView frame, Turn& t);
  void on_stream_initiated(Stream& stream, const Initiated& result, Turn& t);
  void on_stream_responded(Stream& stream, const Responded& result, Turn& t);
  void on_stream_finished(Stream& stream, const Finished& result, Turn& t);
  void pump(Stream& stream, Turn& t);
  StreamId slowest_sender() const;
  void write(Stream& stream, Byte control, ByteView chunk, Turn& t);

  Config config;
  std::shared_ptr<const crypto::Identity> identity;
  CredentialsPtr credentials;
  Incarnation incarnation;  // of our message 1s
  Hash256 own_mac1_key;
  Rng rng;
  crypto::SecretRng secrets;

  Locality locality;
  CookieGate cookies;
  LoadGate load;
  HalfOpenGate half_open;

  FlatMap<NodeId, Introduced> introduced;  // none of them among the peers
  std::list<Peer> peers;                   // most recently used first
  std::size_t keyed_peers = 0;             // with a current keypair
  FlatMap<NodeId, Peer*> peers_by_id;
  FlatMap<PeerSerial, Peer*> peers_by_serial;
  FlatMap<std::uint32_t, IndexOwner> indices;   // looked up by every datagram
  std::map<std::uint64_t, Response> responses;  // oldest first
  std::map<NodeId, std::uint64_t> responses_by_peer;
  struct Stamp {
    Incarnation incarnation;
    std::uint64_t counter;
    auto operator<=>(const Stamp&) const = default;
  };
  // Datagrams and streams apart: the two may overtake each other.
  LruMap<std::pair<NodeId, bool>, Stamp> stamps{2 * stamps_limit};
  std::map<Token, PendingJob> jobs;  // oldest first
  std::map<std::uint64_t, Dial> dials;
  std::vector<PeerSerial> fruitless;  // whose dials came to nothing in this turn
  std::map<StreamId, Stream> streams;
  DeadlineQueue<Timer> timers;
  std::size_t reassembling = 0;  // bytes, over all streams

  std::uint64_t last_serial = 0, last_use = 0, last_response = 0, last_dial = 0, last_token = 0;
  std::uint64_t last_counter = 0;  // of our message 1s
  StreamId last_stream = 0;
};

}  // namespace kith::session
