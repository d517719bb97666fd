// Lanes: what waits for a peer's stream, and what comes out of it. Membership goes first, frame by
// frame, so that a probe never waits behind a value; a message longer than a frame is cut, and
// put together again per lane on the other side.
#pragma once

#include <array>
#include <list>
#include <memory>

#include "constants.hpp"
#include "kith/base/buffer.hpp"
#include "kith/base/lane.hpp"

namespace kith::session {

struct Chunk {
  Lane lane = Lane::data;
  Buffer bytes;
  bool more = false;  // the message goes on in this lane's next chunk
};

class SendLanes {
 public:
  // False: over stream_messages or stream_bytes; nothing was queued.
  bool push(Lane lane, Buffer message);
  // Precondition: !empty(). At most `limit` bytes.
  Chunk next(std::size_t limit);
  // The half-sent messages will be sent again from their beginning (on another stream).
  void restart();
  void clear();
  bool empty() const { return count_ == 0; }

 private:
  struct Queue {
    std::list<Buffer> messages;  // takes no memory while empty
    std::size_t sent = 0;        // of the first
  };
  using Queues = std::array<Queue, lane_count>;
  std::unique_ptr<Queues> queues_;  // there while something waits: there are lanes a peer
  std::size_t count_ = 0, bytes_ = 0;
};

class Reassembly {
 public:
  enum class Verdict : std::uint8_t { partial, whole, too_large };
  // On whole, `message` holds it (empty: a keepalive).
  Verdict add(Lane lane, ByteView chunk, bool more, Buffer& message);
  std::size_t held() const { return held_; }

 private:
  std::size_t held_ = 0;  // bytes of unfinished messages
  std::array<Bytes, lane_count> partial_;
};

}  // namespace kith::session
