#include "kith/runtime/tcp.hpp"

#include <netinet/tcp.h>

#include <cerrno>
#include <deque>
#include <map>

#include "kith/base/assert.hpp"
#include "sockets.hpp"
#include "watch.hpp"

namespace kith::runtime {
namespace {

constexpr std::size_t read_bytes = 64 << 10;
constexpr int accepts_per_wakeup = 32;
constexpr int parts_per_write = 16;
constexpr Duration accept_pause = milliseconds(250);
// A process that is killed closes its sockets one after the other, in less than a millisecond.
constexpr Duration second_look_after = milliseconds(20);

StreamEnd end_of(int code) {
  switch (code) {
    case ECONNREFUSED:
      return StreamEnd::refused;
    case ETIMEDOUT:
      return StreamEnd::timed_out;
    case ECONNRESET:
    case EPIPE:
    case ECONNABORTED:
      return StreamEnd::reset;
    default:
      return StreamEnd::unreachable;
  }
}

struct Stream {
  Stream(Loop& loop, Fd fd, const Endpoint& to)
      : watch(loop, std::move(fd)), timer(loop), peer(to) {}
  Watch watch;
  Timer timer;  // of the connect, or of the last bytes after close
  Endpoint peer;
  std::deque<Buffer> queue;
  std::size_t queued = 0;
  bool inbound = false;
  bool open = false;     // else still connecting
  bool closing = false;  // by us: flush, then gone; silent
  bool blocked = false;
  bool heard = false;                   // a byte came
  std::optional<StreamEnd> thrown_out;  // and how: only whether the port is closed is asked now
};

}  // namespace

struct Tcp::Impl {
  Impl(Loop& l, std::vector<Fd> fds, TcpHandlers h)
      : loop(l), handlers(std::move(h)), accept_timer(l), buffer(read_bytes) {
    for (Fd& fd : fds) listeners.emplace_back(loop, std::move(fd));
    for (Watch& listener : listeners) listener.on_readable([this, &listener] { accept(listener); });
  }

  // --- accepting --------------------------------------------------------------------------------

  void accept(Watch& listener) {
    for (int i = 0; i < accepts_per_wakeup; ++i) {
      SocketAddress from;
      Fd fd(::accept4(listener.fd(), from.get(), &from.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!fd && (errno == EINTR || errno == ECONNABORTED)) continue;
      if (!fd) {
        // Out of descriptors or memory the listener stays readable: wait instead of spinning.
        if (errno != EAGAIN) pause_accepting();
        return;
      }
      if (inbound >= inbound_limit) {
        ++stats.shed;
        continue;
      }
      ++stats.accepted;
      ++inbound;
      const StreamId id = next_accepted;
      next_accepted += 2;
      Stream& stream = add(id, std::move(fd), from_sockaddr(from));
      stream.inbound = true;
      opened(id, stream);
    }
  }

  void pause_accepting() {
    ++stats.paused;
    for (Watch& listener : listeners) listener.pause_reading();
    accept_timer.set(accept_pause, [this] {
      for (Watch& listener : listeners) listener.resume_reading();
    });
  }

  // --- connecting -------------------------------------------------------------------------------

  void connect(StreamId id, const Endpoint& to) {
    KITH_ASSERT(id % 2 == 0 && !streams.contains(id));
    Fd fd = outbound < outbound_limit ? make_socket(family_of(to.ip), SOCK_STREAM) : Fd();
    const int failed = fd ? begin(fd.get(), to) : EMFILE;
    if (failed != 0) {
      // Never from inside open(): the machine that ordered it has not been told of its order yet.
      loop.post([weak = std::weak_ptr(alive), this, id, end = end_of(failed)] {
        if (!weak.expired()) handlers.closed(id, end);
      });
      return;
    }
    ++outbound;
    await(id, add(id, std::move(fd), to));
  }

  // 0, or why not even the attempt can be made.
  static int begin(int fd, const Endpoint& to) {
    const SocketAddress address = to_sockaddr(to);
    if (::connect(fd, address.get(), address.length) == 0 || errno == EINPROGRESS) return 0;
    return errno;
  }

  void await(StreamId id, Stream& stream) {
    stream.timer.set(connect_timeout, [this, id] { finish(id, StreamEnd::timed_out); });
    stream.watch.once_writable([this, id] { connected(id); });
  }

  void connected(StreamId id) {
    Stream* stream = find(id);
    if (!stream) return;
    int code = 0;
    socklen_t length = sizeof code;
    ::getsockopt(stream->watch.fd(), SOL_SOCKET, SO_ERROR, &code, &length);
    if (code != 0) return finish(id, end_of(code));
    if (stream->thrown_out) return finish(id, *stream->thrown_out);
    stream->timer.cancel();
    opened(id, *stream);
  }

  void opened(StreamId id, Stream& stream) {
    stream.open = true;
    set_option(stream.watch.fd(), IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(stream.watch.fd(), IPPROTO_TCP, TCP_USER_TIMEOUT,
               static_cast<int>(to_millis(Tcp::unacknowledged_timeout)));
    stream.watch.on_readable([this, id] { read(id); });
    handlers.opened(id, stream.peer, stream.inbound);
    if (find(id)) handlers.credit(id, stream_credit);
  }

  // --- bytes ------------------------------------------------------------------------------------

  void read(StreamId id) {
    Stream* stream = find(id);
    if (!stream) return;
    const ssize_t got = ::recv(stream->watch.fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return finish(id, got == 0 ? StreamEnd::closed : end_of(errno));
    stream->heard = true;
    if (!stream->closing)
      handlers.bytes(id, ByteView(buffer.data(), static_cast<std::size_t>(got)));
  }

  void write(StreamId id, Buffer bytes) {
    Stream* stream = find(id);
    if (!stream || stream->closing || stream->thrown_out || bytes.empty()) return;
    KITH_ASSERT(stream->open && stream->queued + bytes.size() <= stream_credit);
    stream->queued += bytes.size();
    stream->queue.push_back(std::move(bytes));
    if (stream->blocked) return;
    // At the end of the turn, so that a turn's frames share a segment; never from inside write().
    stream->blocked = true;
    loop.post([weak = std::weak_ptr(alive), this, id] {
      if (!weak.expired()) flush(id);
    });
  }

  void flush(StreamId id) {
    Stream* stream = find(id);
    if (!stream) return;
    stream->blocked = false;
    std::size_t taken = 0;
    int failed = 0;
    while (!stream->queue.empty() && failed == 0) {
      const ssize_t put = write_some(*stream);
      if (put < 0)
        failed = errno == EINTR ? 0 : errno;
      else
        taken += static_cast<std::size_t>(put);
    }
    if (failed != 0 && failed != EAGAIN) return finish(id, end_of(failed));
    if (failed == EAGAIN) {
      stream->blocked = true;
      stream->watch.once_writable([this, id] { flush(id); });
    }
    if (stream->closing) {
      if (stream->queue.empty()) remove(id);
    } else if (taken > 0) {
      handlers.credit(id, taken);
    }
  }

  static ssize_t write_some(Stream& stream) {
    std::array<iovec, parts_per_write> parts{};
    std::size_t count = 0;
    for (const Buffer& bytes : stream.queue) {
      if (count == parts.size()) break;
      parts[count++] = {const_cast<Byte*>(bytes.data()), bytes.size()};
    }
    msghdr header{};
    header.msg_iov = parts.data();
    header.msg_iovlen = count;
    const ssize_t put = ::sendmsg(stream.watch.fd(), &header, MSG_DONTWAIT | MSG_NOSIGNAL);
    for (std::size_t left = put > 0 ? static_cast<std::size_t>(put) : 0; left > 0;) {
      Buffer& front = stream.queue.front();
      const std::size_t part = std::min(left, front.size());
      left -= part;
      stream.queued -= part;
      if (part == front.size())
        stream.queue.pop_front();
      else
        front = front.from(part);
    }
    return put;
  }

  // --- the end ----------------------------------------------------------------------------------

  void close(StreamId id) {
    Stream* stream = find(id);
    if (!stream || stream->closing) return;
    if (stream->queue.empty()) return remove(id);
    stream->closing = true;
    stream->timer.set(close_timeout, [this, id] { remove(id); });
  }

  void finish(StreamId id, StreamEnd end) {
    const Stream* stream = find(id);
    if (!stream) return;
    const bool silent = stream->closing;
    if (!silent && unexplained(*stream, end)) return look_again(id, *stream, end);
    if (end != StreamEnd::refused) end = stream->thrown_out.value_or(end);
    remove(id);
    if (!silent) handlers.closed(id, end);
  }

  // We came in and were thrown out unheard: by a listener that has no room, or by one that is about
  // to be closed. A process that is killed closes its newest sockets first, so who sees its stream
  // to it end, and asks the port why, may come just before the port goes.
  static bool unexplained(const Stream& stream, StreamEnd end) {
    const bool thrown_out = end == StreamEnd::closed || end == StreamEnd::reset;
    return thrown_out && !stream.inbound && !stream.heard && !stream.thrown_out;
  }

  void look_again(StreamId id, const Stream& before, StreamEnd end) {
    const Endpoint to = before.peer;
    Fd fd = make_socket(family_of(to.ip), SOCK_STREAM);
    if (!fd) {
      remove(id);
      return handlers.closed(id, end);
    }
    std::unique_ptr<Stream>& stream = streams[id];
    stream = std::make_unique<Stream>(loop, std::move(fd), to);
    stream->thrown_out = end;
    stream->timer.set(second_look_after, [this, id] {
      Stream& second = *find(id);
      const int failed = begin(second.watch.fd(), second.peer);
      failed == 0 ? await(id, second) : finish(id, end_of(failed));
    });
  }

  Stream& add(StreamId id, Fd fd, const Endpoint& peer) {
    return *streams.emplace(id, std::make_unique<Stream>(loop, std::move(fd), peer)).first->second;
  }

  void remove(StreamId id) {
    const auto it = streams.find(id);
    if (it == streams.end()) return;
    --(it->second->inbound ? inbound : outbound);
    streams.erase(it);
  }

  Stream* find(StreamId id) {
    const auto it = streams.find(id);
    return it == streams.end() ? nullptr : it->second.get();
  }

  Loop& loop;
  TcpHandlers handlers;
  std::shared_ptr<int> alive = std::make_shared<int>(0);  // posted tasks hold it weakly
  std::deque<Watch> listeners;
  Timer accept_timer;
  std::map<StreamId, std::unique_ptr<Stream>> streams;
  std::vector<Byte> buffer;
  StreamId next_accepted = 1;
  std::size_t inbound = 0, outbound = 0;
  TcpStats stats;
};

Tcp::Tcp(Loop& loop, std::vector<Fd> listeners, TcpHandlers handlers)
    : impl_(std::make_unique<Impl>(loop, std::move(listeners), std::move(handlers))) {}
Tcp::~Tcp() = default;

void Tcp::open(StreamId stream, const Endpoint& to) { impl_->connect(stream, to); }
void Tcp::write(StreamId stream, Buffer bytes) { impl_->write(stream, std::move(bytes)); }
void Tcp::close(StreamId stream) { impl_->close(stream); }
void Tcp::close_all() {
  while (!impl_->streams.empty()) impl_->remove(impl_->streams.begin()->first);
}

TcpStats Tcp::stats() const {
  TcpStats out = impl_->stats;
  for (const auto& [id, stream] : impl_->streams) ++(stream->open ? out.open : out.connecting);
  return out;
}

}  // namespace kith::runtime
