// Tcp: streams as the session machine sees them: opened, bytes, credit, closed.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "kith/base/buffer.hpp"
#include "kith/runtime/fd.hpp"
#include "kith/runtime/loop.hpp"
#include "kith/session/session.hpp"

namespace kith::runtime {

using session::StreamEnd;
using session::StreamId;

// Never called from inside open, write or close.
struct TcpHandlers {
  std::function<void(StreamId, const Endpoint& peer, bool inbound)> opened;
  std::function<void(StreamId, ByteView)> bytes;
  // This many more bytes may be written: stream_credit after opened, then what the kernel took.
  std::function<void(StreamId, std::size_t)> credit;
  // The last word on a stream that we did not close ourselves.
  std::function<void(StreamId, StreamEnd)> closed;
};

struct TcpStats {
  std::size_t open = 0, connecting = 0;
  std::uint64_t accepted = 0;
  std::uint64_t shed = 0;    // accepted and closed at once: too many
  std::uint64_t paused = 0;  // times accepting stopped for 250 ms: no descriptors or memory
};

class Tcp {
 public:
  static constexpr std::size_t stream_credit = 256 << 10;
  static constexpr std::size_t inbound_limit = 2048;
  static constexpr std::size_t outbound_limit = 2048;
  static constexpr Duration connect_timeout = seconds(3);
  // For what the other end's kernel does not confirm; Linux would try for a quarter of an hour. The
  // simulator's cables hold bytes as long.
  static constexpr Duration unacknowledged_timeout = seconds(15);
  static constexpr Duration close_timeout = seconds(2);  // for what is still queued at close

  Tcp(Loop& loop, std::vector<Fd> listeners, TcpHandlers handlers);
  ~Tcp();  // closes everything, says nothing

  void open(StreamId stream, const Endpoint& to);  // `stream` is even and new
  void write(StreamId stream, Buffer bytes);  // within credit; on a stream that is gone: ignored
  void close(StreamId stream);                // sends what is queued, then closes; no event follows
  void close_all();                           // at once, what is queued is lost; no events follow
  TcpStats stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith::runtime
