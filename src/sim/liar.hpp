// Liar: a compromised machine, between its node and its network. The node is the real one, with its
// key, sessions and clients; the machine opens what the node seals, says something else (lies.hpp),
// or more, and seals that. It can because the stand-in's seals hide nothing (nullcrypto/seal.hpp):
// where the real crypto is linked (kith-sim-real) a liar does not lie.
//
// What it says besides takes counters of the sessions, so from then on it numbers their datagrams
// itself, also when it lies no more. On a stream a frame is replaced by one frame: nothing is
// added, and messages of several frames pass as they are.
#pragma once

#include "kith/session/session.hpp"
#include "lies.hpp"

namespace kith::sim {

class Liar {
 public:
  explicit Liar(Lies lies) : lies_(std::move(lies)) {}

  void begin(std::int64_t mask, Instant now) { lies_.begin(mask, nonce(now)); }
  void end() { lies_.end(); }
  void restarts() { added_.clear(), within_.clear(); }  // sessions end with their process

  void hears(ByteView datagram);  // from others
  // What leaves in place of a datagram of its node.
  const std::vector<Buffer>& says(const session::Transmit& out, Now now);
  // The same of bytes on a stream.
  Buffer says(session::StreamId stream, const Buffer& bytes, Now now);

 private:
  std::uint64_t nonce(Instant now);
  Buffer reframed(session::StreamId stream, ByteView frame, Now now);

  Lies lies_;
  Instant last_nonce_;
  std::uint64_t nonces_ = 0;
  std::map<std::pair<Endpoint, std::uint32_t>, std::uint64_t> added_;  // datagrams, by session
  std::map<std::pair<session::StreamId, int>, bool>
      within_;  // a message of several frames, by lane
  std::vector<Buffer> out_;
};

}  // namespace kith::sim
