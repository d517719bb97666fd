#include "kith/runtime/tcp.hpp"

#include <sys/resource.h>
#include <sys/socket.h>

#include <map>

#include "world.hpp"

using namespace kith;
using kith::test::loopback;
using kith::test::text;
using kith::test::wait;
using runtime::StreamEnd;
using runtime::StreamId;

namespace {

struct TcpNode {
  explicit TcpNode(runtime::Loop& loop) {
    auto bound = test::bind_loopback();
    endpoint = bound.endpoint;
    std::vector<runtime::Fd> listeners;
    listeners.push_back(std::move(bound.tcp));
    runtime::TcpHandlers handlers;
    handlers.opened = [this](StreamId id, const Endpoint& peer, bool inbound) {
      CHECK_EQ(inbound, id % 2 == 1);
      opened[id] = peer;
    };
    handlers.bytes = [this](StreamId id, ByteView bytes) { got[id] += to_text(bytes); };
    handlers.credit = [this](StreamId id, std::size_t bytes) { credit[id] += bytes; };
    handlers.closed = [this](StreamId id, StreamEnd end) { CHECK(closed.emplace(id, end).second); };
    tcp.emplace(loop, std::move(listeners), std::move(handlers));
  }

  Endpoint endpoint;
  std::map<StreamId, Endpoint> opened;
  std::map<StreamId, std::string> got;
  std::map<StreamId, std::size_t> credit;
  std::map<StreamId, StreamEnd> closed;
  std::optional<runtime::Tcp> tcp;
};

}  // namespace

TEST_CASE("runtime/tcp: a stream opens, carries bytes both ways and closes") {
  runtime::Loop loop;
  TcpNode a(loop), b(loop);
  a.tcp->open(2, b.endpoint);
  REQUIRE(wait(loop, [&] { return a.opened.contains(2) && b.opened.contains(1); }));
  CHECK_EQ(a.opened[2], b.endpoint);
  CHECK_EQ(a.credit[2], runtime::Tcp::stream_credit);
  a.tcp->write(2, text("hello "));
  a.tcp->write(2, text("there"));
  b.tcp->write(1, text("hi"));
  REQUIRE(wait(loop, [&] { return b.got[1] == "hello there" && a.got[2] == "hi"; }));
  CHECK_EQ(a.credit[2], runtime::Tcp::stream_credit + 11);
  a.tcp->write(2, text("last words"));
  a.tcp->close(2);
  REQUIRE(wait(loop, [&] { return b.closed.contains(1); }));
  CHECK_EQ(b.got[1], "hello therelast words");
  CHECK_EQ(b.closed[1], StreamEnd::closed);
  CHECK(a.closed.empty());
  CHECK_EQ(a.tcp->stats().open + b.tcp->stats().open, 0);
}

TEST_CASE("runtime/tcp: credit comes back as the reader takes, a megabyte passes") {
  runtime::Loop loop;
  TcpNode a(loop), b(loop);
  a.tcp->open(2, b.endpoint);
  REQUIRE(wait(loop, [&] { return a.credit[2] > 0; }));
  std::string sent;
  std::size_t used = 0;
  REQUIRE(wait(loop, [&] {
    while (sent.size() < (1 << 20) && a.credit[2] - used >= 4096) {
      const std::string block(4096, static_cast<char>('a' + sent.size() / 4096 % 26));
      a.tcp->write(2, text(block));
      sent += block;
      used += block.size();
    }
    return b.got[1].size() == (1 << 20);
  }));
  CHECK_EQ(b.got[1], sent);
}

TEST_CASE("runtime/tcp: nobody listening is refused, and not from inside open") {
  runtime::Loop loop;
  TcpNode a(loop);
  const Endpoint closed = test::bind_loopback().endpoint;
  a.tcp->open(2, closed);
  a.tcp->open(4, {IpAddress::v4(255, 255, 255, 255), 9});
  CHECK(a.closed.empty());
  REQUIRE(wait(loop, [&] { return a.closed.size() == 2; }));
  CHECK_EQ(a.closed[2], StreamEnd::refused);
  CHECK_EQ(a.closed[4], StreamEnd::unreachable);
  CHECK(a.opened.empty());
}

TEST_CASE("runtime/tcp: a peer that stays silent times out after three seconds") {
  runtime::Loop loop;
  TcpNode a(loop);
  const auto silent = test::bind_loopback();
  REQUIRE_EQ(::listen(silent.tcp.get(), 0), 0);  // nobody accepts: the kernel drops what is over
  for (StreamId id = 2; id <= 8; id += 2) a.tcp->open(id, silent.endpoint);
  REQUIRE(wait(loop, [&] { return !a.closed.empty(); }));
  for (const auto& [id, end] : a.closed) CHECK_EQ(end, StreamEnd::timed_out);
}

TEST_CASE("runtime/tcp: closing while connecting, writing after the end: nothing happens") {
  runtime::Loop loop;
  TcpNode a(loop), b(loop);
  a.tcp->open(2, b.endpoint);
  a.tcp->close(2);
  a.tcp->write(2, text("ignored"));
  a.tcp->close(2);
  a.tcp->open(4, b.endpoint);
  REQUIRE(wait(loop, [&] { return a.opened.contains(4); }));
  CHECK_FALSE(a.opened.contains(2));
  CHECK(a.closed.empty());
}

TEST_CASE("runtime/tcp: the other side dying ends the stream") {
  runtime::Loop loop;
  TcpNode a(loop);
  std::optional<TcpNode> b(std::in_place, loop);
  a.tcp->open(2, b->endpoint);
  REQUIRE(wait(loop, [&] { return a.opened.contains(2) && b->opened.contains(1); }));
  b.reset();
  REQUIRE(wait(loop, [&] { return a.closed.contains(2); }));
}

TEST_CASE("runtime/tcp: let in by a process about to end and thrown out: the port tells why") {
  runtime::Loop loop;
  TcpNode a(loop), other(loop);
  auto ending = test::bind_loopback();
  REQUIRE_EQ(::listen(ending.tcp.get(), 4), 0);  // it accepts nobody any more
  a.tcp->open(2, ending.endpoint);
  REQUIRE(wait(loop, [&] { return a.opened.contains(2); }));
  a.tcp->write(2, text("nobody reads this"));
  ending.tcp = runtime::Fd();
  REQUIRE(wait(loop, [&] { return a.closed.contains(2); }));
  CHECK_EQ(a.closed[2], StreamEnd::refused);
  a.tcp->write(2, text("nor this"));
  a.tcp->open(4, other.endpoint);
  REQUIRE(wait(loop, [&] { return a.opened.contains(4); }));
  CHECK_EQ(a.tcp->stats().open, 1);
  CHECK_EQ(a.tcp->stats().connecting, 0);
}

TEST_CASE("runtime/tcp: thrown out by one that lives: the stream ends as it did, once") {
  runtime::Loop loop;
  TcpNode a(loop), b(loop);
  a.tcp->open(2, b.endpoint);
  a.tcp->open(4, b.endpoint);
  REQUIRE(wait(loop, [&] { return a.opened.size() == 2 && b.opened.size() == 2; }));
  b.tcp->write(3, text("heard"));
  REQUIRE(wait(loop, [&] { return a.got[4] == "heard"; }));
  b.tcp->close(1);
  b.tcp->close(3);
  REQUIRE(wait(loop, [&] { return a.closed.contains(2) && a.closed.contains(4); }));
  CHECK_EQ(a.closed[2], StreamEnd::closed);
  CHECK_EQ(a.closed[4], StreamEnd::closed);
  // Who was heard is not asked again, who was not once.
  REQUIRE(wait(loop, [&] { return b.closed.contains(5); }));
  CHECK_EQ(b.tcp->stats().accepted, 3);
  CHECK_EQ(a.opened.size(), 2);
}

TEST_CASE("runtime/tcp: closed by us while the port is asked again: not a word") {
  runtime::Loop loop;
  TcpNode a(loop), b(loop);
  a.tcp->open(2, b.endpoint);
  REQUIRE(wait(loop, [&] { return b.opened.contains(1); }));
  b.tcp->close(1);
  REQUIRE(wait(loop, [&] { return a.opened.contains(2) && a.tcp->stats().connecting == 1; }));
  a.tcp->write(2, text("ignored"));
  a.tcp->close(2);
  CHECK_EQ(a.tcp->stats().connecting, 0);
  a.tcp->open(4, b.endpoint);
  REQUIRE(wait(loop, [&] { return a.opened.contains(4); }));
  CHECK(a.closed.empty());
}

TEST_CASE("runtime/tcp: out of descriptors accepting pauses instead of spinning, then goes on") {
  runtime::Loop loop;
  TcpNode a(loop), b(loop);
  rlimit old{};
  REQUIRE_EQ(::getrlimit(RLIMIT_NOFILE, &old), 0);
  const int next = ::dup(0);
  ::close(next);
  a.tcp->open(2, b.endpoint);  // takes the last descriptor: b has none to accept with
  const rlimit tight{static_cast<rlim_t>(next + 1), old.rlim_max};
  REQUIRE_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  const bool paused = wait(loop, [&] { return b.tcp->stats().paused > 0; });
  ::setrlimit(RLIMIT_NOFILE, &old);
  CHECK(paused);
  CHECK_LE(b.tcp->stats().paused, 2);
  REQUIRE(wait(loop, [&] { return b.opened.contains(1); }));
}
