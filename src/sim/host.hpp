// Host: a machine of the simulated world: an address, a key, a disk, a wall clock, and at most one
// process of the real node composition.
#pragma once

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "agenda.hpp"
#include "disk.hpp"
#include "liar.hpp"

namespace kith::sim {

// One end of a TCP connection.
struct StreamEnd {
  HostIndex peer = 0;
  std::uint64_t peer_life = 0;
  session::StreamId peer_stream = 0;
  bool open = false;    // accepted at the other end
  bool narrow = false;  // opened with small credit
  struct Chunk {
    Instant at;  // when it arrives here
    Buffer bytes;
    bool closes = false;
    session::StreamEnd how = session::StreamEnd::closed;
  };
  std::list<Chunk> incoming;   // lists take nothing while empty, as nearly always
  std::list<Buffer> outgoing;  // held back by a cut
  std::optional<Instant> held_since;
  Instant last_arrival;  // of what was sent to the other end: order is kept
};

struct Host {
  std::shared_ptr<const crypto::Identity> identity;
  HostIndex keyed = 0;  // whose key it has: itself, but for a twin
  Endpoint at;
  Disk disk;

  std::unique_ptr<node::Node> node;  // the process, while one runs
  std::uint64_t life = 0;            // of the process that runs or ran last
  bool gone = false;                 // for good
  bool leaving = false;              // told to
  bool left = false;                 // said goodbye, and has not been started since
  bool newer = false;                // it runs, or will, a release of tomorrow
  std::int64_t rare = 0;             // bits of Rare
  std::optional<Instant> armed;      // its Wake
  std::optional<Instant> deadline;   // what its timer was set to ...
  std::optional<Instant> due;        // ... and when that could fire at the earliest
  Instant since;                     // of this life

  bool paused = false, asleep = false;  // asleep: and its network with it
  Duration step_cost{};                 // a slow machine's
  Instant busy_until;
  std::deque<Item> backlog;  // what came meanwhile
  bool resume_planned = false, draining = false;
  Instant jobs_done;        // in the order they were asked for
  std::size_t drained = 0;  // of the backlog, since a timer is due
  Instant drained_since;

  Duration clock_off{};  // stepped
  std::int64_t drift_ppm = 0;
  Instant drift_since;

  Instant last_nonce;
  std::uint64_t nonces = 0;

  std::map<session::StreamId, StreamEnd> streams;
  session::StreamId last_inbound = 1;
  std::optional<Duration> commit_time;  // a slow disk's
  bool disk_full = false;
  std::int64_t disk_busy = 0;
  std::unique_ptr<Liar> liar;  // where the scenario makes it one, from the beginning: it collects

  Instant receipt;  // the latest one, of a disk that tells late

  bool is(Rare what) const { return (rare & bit_of(what)) != 0; }
  bool up() const { return node != nullptr; }
};

}  // namespace kith::sim
