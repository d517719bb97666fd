// TCP between hosts: bytes in order or not at all, a closed port refuses, a cut holds bytes back
// until it ends or patience does.
#include "world.hpp"

namespace kith::sim {
namespace {

constexpr std::size_t credit = 256 << 10;                       // runtime::Tcp::stream_credit
constexpr std::size_t small_credit = wire::stream_frame_limit;  // session writes whole ones
constexpr Duration connect_patience = seconds(3);               // runtime::Tcp::connect_timeout
constexpr Duration held_patience = seconds(15);                 // then the kernel gives up
constexpr Duration resend_first = milliseconds(200);  // and each later wait is twice as long
constexpr std::uint16_t outgoing_port = 50'000;

}  // namespace

void World::open_stream(HostIndex index, const session::OpenStream& out) {
  const auto fails = [&](Duration after, session::StreamEnd how) {
    later(after, index, Answer{session::StreamClosed{out.stream, how}});
  };
  const auto place = places_.find(out.to);
  if (place == places_.end()) return fails(connect_patience, session::StreamEnd::timed_out);
  const HostIndex to = place->second;
  const auto there = network_.stream(index, to, 60, now_, nonce(index));
  if (!there || !network_.passes(to, index) || hosts_[to].gone)
    return fails(connect_patience, session::StreamEnd::timed_out);
  const Duration half = *there - now_;
  if (!hosts_[to].up()) return fails(half * 2, session::StreamEnd::refused);
  Host& acceptor = hosts_[to];
  acceptor.last_inbound += 2;
  const session::StreamId theirs = acceptor.last_inbound;
  StreamEnd& mine = hosts_[index].streams[out.stream];
  mine = {};
  mine.peer = to, mine.peer_life = acceptor.life, mine.peer_stream = theirs, mine.open = true;
  mine.last_arrival = *there;
  StreamEnd& other = acceptor.streams[theirs];
  other.peer = index, other.peer_life = hosts_[index].life, other.peer_stream = out.stream;
  other.open = true;
  other.last_arrival = *there + half;
  mine.narrow = rarely(index, Rare::small_credit);
  other.narrow = rarely(to, Rare::small_credit);
  const auto credit_of = [](const StreamEnd& end) { return end.narrow ? small_credit : credit; };
  const Endpoint from{hosts_[index].at.ip, outgoing_port};
  later(half, to, Answer{session::StreamOpened{theirs, from, true}});
  later(half, to, Answer{session::StreamCredit{theirs, credit_of(other)}});
  later(half * 2, index, Answer{session::StreamOpened{out.stream, out.to, false}});
  later(half * 2, index, Answer{session::StreamCredit{out.stream, credit_of(mine)}});
}

void World::send_chunk(HostIndex index, session::StreamId id, StreamEnd& end,
                       StreamEnd::Chunk chunk) {
  const auto arrives = network_.stream(index, end.peer, chunk.bytes.size(), now_, nonce(index));
  if (!arrives || !end.outgoing.empty()) {  // one behind the other
    if (chunk.closes) return;               // the other end finds out by its own writing
    if (!end.held_since) end.held_since = now_;
    const Duration held = now_ - *end.held_since;
    if (end.outgoing.empty())
      later(std::min(held + resend_first, held_patience - held), index, StreamWork{id});
    end.outgoing.push_back(std::move(chunk.bytes));
    return;
  }
  Host& peer = hosts_[end.peer];
  const auto other = peer.streams.find(end.peer_stream);
  if (peer.life != end.peer_life || other == peer.streams.end()) {
    if (chunk.closes) return;  // nobody is there any more: a reset comes back
    later(*arrives - now_, index, Answer{session::StreamClosed{id, session::StreamEnd::reset}});
    hosts_[index].streams.erase(id);
    return;
  }
  chunk.at = std::max(*arrives, end.last_arrival);
  end.last_arrival = chunk.at;
  tally_.stream_bytes += chunk.bytes.size();
  agenda_.add({chunk.at, end.peer, peer.life, StreamWork{end.peer_stream}});
  other->second.incoming.push_back(std::move(chunk));
}

void World::write_stream(HostIndex index, session::StreamId id, Buffer bytes) {
  const auto end = hosts_[index].streams.find(id);
  if (end == hosts_[index].streams.end()) return;  // closed meanwhile; it has been told
  send_chunk(index, id, end->second, {{}, std::move(bytes), false, {}});
}

void World::close_stream(HostIndex index, session::StreamId id) {
  const auto end = hosts_[index].streams.find(id);
  if (end == hosts_[index].streams.end()) return;
  send_chunk(index, id, end->second, {{}, Buffer(), true, session::StreamEnd::closed});
  hosts_[index].streams.erase(id);
}

void World::retry_held(HostIndex index, session::StreamId id) {
  StreamEnd& end = hosts_[index].streams.at(id);
  if (now_ - *end.held_since >= held_patience) {
    hosts_[index].streams.erase(id);
    return step(index, session::StreamClosed{id, session::StreamEnd::timed_out});
  }
  std::list<Buffer> held = std::exchange(end.outgoing, {});
  for (Buffer& bytes : held) {
    const auto still = hosts_[index].streams.find(id);
    if (still == hosts_[index].streams.end()) return;
    send_chunk(index, id, still->second, {{}, std::move(bytes), false, {}});
  }
  const auto still = hosts_[index].streams.find(id);
  if (still != hosts_[index].streams.end() && still->second.outgoing.empty())
    still->second.held_since.reset();
}

void World::stream_work(HostIndex index, session::StreamId id) {
  const auto found = hosts_[index].streams.find(id);
  if (found == hosts_[index].streams.end()) return;
  StreamEnd& end = found->second;
  if (!end.outgoing.empty() && (end.incoming.empty() || end.incoming.front().at > now_))
    return retry_held(index, id);
  if (end.incoming.empty() || end.incoming.front().at > now_) return;
  const StreamEnd::Chunk chunk = std::move(end.incoming.front());
  end.incoming.pop_front();
  if (chunk.closes) {
    hosts_[index].streams.erase(found);
    return step(index, session::StreamClosed{id, chunk.how});
  }
  trace(mixed(static_cast<std::uint64_t>(now_.time_since_epoch().count())) ^ index);
  trace(chunk.bytes.view());
  const HostIndex peer = end.peer;
  const std::uint64_t peer_life = end.peer_life;
  const session::StreamId theirs = end.peer_stream;
  step(index, session::StreamBytes{id, chunk.bytes.view()});
  if (hosts_[peer].life == peer_life && hosts_[peer].streams.contains(theirs))
    agenda_.add({now_ + network_.latency(index, peer, nonce(index)), peer, peer_life,
                 Answer{session::StreamCredit{theirs, chunk.bytes.size()}}});
}

void World::widen_streams(HostIndex index) {
  for (auto& [id, end] : hosts_[index].streams)
    if (std::exchange(end.narrow, false))
      later(Duration(0), index, Answer{session::StreamCredit{id, credit - small_credit}});
}

// The process died: its kernel resets what it can reach.
void World::end_streams(HostIndex index) {
  std::map<session::StreamId, StreamEnd> mine = std::exchange(hosts_[index].streams, {});
  for (auto& [id, end] : mine)
    if (!hosts_[index].gone)
      send_chunk(index, id, end, {{}, Buffer(), true, session::StreamEnd::reset});
}

}  // namespace kith::sim
