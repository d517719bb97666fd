// Peer: everything the session room knows about one other node. Plain data; impl.hpp moves it.
#pragma once

#include <algorithm>
#include <list>
#include <memory>

#include "keypair.hpp"
#include "kith/session/session.hpp"
#include "lanes.hpp"
#include "steps.hpp"
#include "stream_frames.hpp"

namespace kith::session {

using PeerSerial = std::uint64_t;  // names a peer in timers and tables; never used twice

// A datagram handshake that we initiate: rounds of tries, each with fresh keys, each sent to every
// known address in turn.
struct Attempt {
  int tries = 0;
  std::uint32_t index = 0;                // of the running try
  std::optional<noise::Initiator> state;  // once message 1 is made
  Bytes message;                          // message 1, mac2 zero
  std::vector<Endpoint> targets;          // of this try
  std::optional<Endpoint> caller;         // one more for the next: it was refused itself
  std::size_t raced = 0;                  // how many of them were sent to
  std::vector<Endpoint> cookied;          // those that were sent to again with their cookie
  bool finishing = false;                 // a message 2 is being checked
  bool deaf = false;                      // started because the peer fell silent
  Instant sent;

  // First of all; false: it is one already, or there are too many.
  bool add_target(const Endpoint& target) {
    const bool known = std::find(targets.begin(), targets.end(), target) != targets.end();
    if (known || targets.size() >= 2 * endpoints_limit) return false;
    targets.insert(targets.begin(), target);
    return true;
  }
};

struct Cookie {
  Mac value{};
  Endpoint at;  // the address that demanded it
  Instant received;
};

// A peer that we were told of and had nothing to do with yet: in a network of thousands nearly all.
// It becomes a Peer when something is to be sent to it, or it proves itself.
struct Introduced {
  PeerSerial serial = 0;
  std::uint64_t used = 0;  // as a Peer's
  std::shared_ptr<const wire::MemberRecord> record;
};

struct Peer {
  PeerSerial serial = 0;
  std::uint64_t used = 0;           // grows from use to use, over all peers
  std::list<Peer>::iterator place;  // among all, the most recently used first
  NodeId id;
  PublicKey key;
  bool hearsay = false;        // only an i-am named it so far
  std::optional<BootId> boot;  // of its latest handshake

  std::optional<Endpoint> confirmed;  // where its authentic packets come from
  std::vector<Endpoint> endpoints;    // as introduced, best first

  std::unique_ptr<Keypair> current, previous;
  std::unique_ptr<Attempt> attempt;
  std::optional<Instant> pause_until;    // no renewing before
  bool silent = false;                   // nothing heard since an attempt to reach it failed
  std::unique_ptr<const Cookie> cookie;  // demanded under load only

  // What answers is neither waited for nor owed for: a question and its answer are two packets.
  std::optional<Instant> waiting_since;  // we sent data unasked and heard nothing since
  std::optional<Instant> owes_since;     // it sent data unasked and we sent nothing since
  std::optional<Instant> tend_at;        // when its tend timer is set for

  std::list<Buffer> queue;  // waits for datagram keys
  std::size_t queue_bytes = 0;

  SendLanes lanes;                     // waits for the stream
  std::optional<StreamId> stream;      // open, the one we send on
  std::optional<StreamId> dialing;     // ours, not open yet
  std::vector<Endpoint> dial_targets;  // not tried yet
  bool dial_confirms = false;          // dialled only to see whether the port is closed
  std::optional<Undelivered> dial_failure;
  std::optional<Instant> confirmed_at;  // last confirming dial
  std::optional<Instant> heard;         // last datagram

  std::optional<Duration> rtt;
  std::uint64_t sent = 0, received = 0;
};

struct Stream {
  enum class State : std::uint8_t {
    connecting,   // ours: the world was asked to open it
    starting,     // ours: message 1 being made or waiting for credit and message 2
    finishing,    // ours: message 2 being checked
    half_open,    // theirs: message 1 awaited
    responding,   // theirs: message 1 being checked
    unconfirmed,  // theirs: message 2 sent, first sealed frame awaited
    open,
  };
  StreamId id = 0;
  bool inbound = false;
  State state = State::connecting;
  Endpoint remote;
  PeerSerial peer = 0;  // ours: always; theirs: once open
  PublicKey key;
  BootId boot;
  Incarnation newest;                           // theirs: as a Response's
  std::unique_ptr<noise::Initiator> handshake;  // until it is over
  std::optional<StreamCipher> send, receive;
  FrameReader reader;
  Reassembly reassembly;
  std::size_t credit = 0;
  Bytes pending;       // a handshake frame that waits for credit
  bool greet = false;  // owes the frame that proves us
  bool bye_wanted = false, bye_sent = false, bye_received = false;
  Instant opened;
  Instant active;                           // last authentic frame in either direction
  Instant heard;                            // ... from there
  std::optional<Instant> blocked_since;     // messages wait and there is no credit
  std::optional<Instant> unfinished_since;  // pieces of messages are held since

  bool leaving() const { return bye_wanted || bye_received; }
};

struct Dial {
  Ticket ticket;
  Endpoint endpoint;
  std::optional<PublicKey> pin;
  AskNonce nonce{};
  Duration wait = ask_first_wait;
  Instant started;
  bool answered = false;            // by an i-am that named a key
  bool refused = false;             // it seems: it ends at the next ask timer
  std::optional<PeerSerial> peer;   // once we know whom to shake hands with
  std::optional<DialOutcome> hint;  // why the pinned handshake may stay unanswered
};

// We answered this message 1; keys wait for the first packet that proves the initiator.
struct Response {
  NodeId peer;
  PublicKey key;
  BootId boot;
  Incarnation newest;  // seen of that peer when it was answered
  Keypair keys;
  Instant created;
};

// Who may use a receiver index.
struct IndexOwner {
  enum class Kind : std::uint8_t { attempt, response, keypair };
  Kind kind;
  std::uint64_t id;  // PeerSerial, or a response's number
};

struct PendingJob {
  enum class Step : std::uint8_t { initiate, finish, respond };
  Step step;
  bool stream;
  std::uint64_t id = 0;  // PeerSerial or StreamId; 0 for a datagram's respond
  std::uint32_t local = 0, remote = 0;
  Endpoint from;
  Instant issued;
};

struct Timer {
  enum class Kind : std::uint8_t { attempt, race, tend, ask, stream };
  Kind kind;
  std::uint64_t id;
  auto operator<=>(const Timer&) const = default;
};

}  // namespace kith::session
