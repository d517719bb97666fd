// Streams: their life. Dialling address by address, half-open bounds, which of two survives,
// goodbyes, idleness. Their bytes are in stream_io.cpp.
#include <algorithm>

#include "impl.hpp"

namespace kith::session {
namespace {

Undelivered undelivered(StreamEnd reason) {
  switch (reason) {
    case StreamEnd::refused:
      return Undelivered::refused;
    case StreamEnd::unreachable:
      return Undelivered::unreachable;
    case StreamEnd::closed:
    case StreamEnd::timed_out:
    case StreamEnd::reset:
      return Undelivered::no_answer;
  }
  return Undelivered::no_answer;
}

// Of several addresses' failures the one that says least about the peer: a refused port is news
// of its death only when no other address leaves a doubt.
Undelivered milder(std::optional<Undelivered> known, Undelivered next) {
  if (!known || *known == next) return next;
  const bool silent = *known == Undelivered::no_answer || next == Undelivered::no_answer;
  return silent ? Undelivered::no_answer : Undelivered::unreachable;
}

bool authenticated(const Stream& stream) { return stream.state == Stream::State::open; }

}  // namespace

Stream* Session::Impl::find_stream(StreamId id) {
  const auto it = streams.find(id);
  return it == streams.end() ? nullptr : &it->second;
}

void Session::Impl::set_stream_timer(const Stream& stream, Instant when) {
  timers.set({Timer::Kind::stream, stream.id}, when);
}

void Session::Impl::dial_stream(Peer& peer, std::vector<Endpoint> targets, bool confirms, Turn& t) {
  peer.dial_targets = std::move(targets);
  peer.dial_confirms = confirms;
  peer.dial_failure.reset();
  dial_next(peer, t);
}

void Session::Impl::dial_next(Peer& peer, Turn& t) {
  if (peer.dial_targets.empty() || streams.size() >= streams_limit) {
    peer.dialing.reset();
    if (peer.stream) return;  // it dialled us meanwhile
    const Undelivered reason = peer.dial_failure.value_or(Undelivered::no_route);
    const bool refused = reason == Undelivered::refused;
    // A router refuses too, in the name of a peer behind it: where datagrams live or are about to
    // and nobody doubted them, or they came since the doubt, a refused stream is no death.
    const bool doubted = peer.dial_confirms && peer.heard <= peer.confirmed_at;
    const bool dead = refused && (doubted || (!peer.current && !peer.attempt));
    if (dead) {
      bury(peer, t);
      return fail_delivery(peer, reason, t);
    }
    // A confirming dial that met silence or a router confirms nothing.
    if (peer.dial_confirms && peer.lanes.empty()) return;
    peer.lanes.clear();  // what waits for datagram keys has an attempt of its own
    t.push(DeliveryFailed{peer.id, reason});
    return;
  }
  last_stream += 2;
  Stream& stream = streams[last_stream];
  stream.id = last_stream;
  stream.remote = peer.dial_targets.front();
  stream.peer = peer.serial;
  stream.key = peer.key;
  stream.active = t.now.mono;
  peer.dial_targets.erase(peer.dial_targets.begin());
  peer.dialing = stream.id;
  set_stream_timer(stream, t.now.mono + stream_dial_wait);
  t.push(OpenStream{stream.id, stream.remote});
}

// Its keys died with it: what comes next starts with a handshake, at any of its addresses.
void Session::Impl::bury(Peer& peer, Turn& t) {
  end_attempt(peer);
  drop_keys(peer);
  if (peer.confirmed) learn(peer, *peer.confirmed);  // it may be the only one that ever worked
  peer.confirmed.reset();
  finish_dials_of(peer, DialOutcome::refused, t);
}

void Session::Impl::dial_failed(Peer& peer, StreamEnd reason, Turn& t) {
  peer.dial_failure = milder(peer.dial_failure, undelivered(reason));
  dial_next(peer, t);
}

// Somebody unproven said that the peer's port is closed: ask the port itself, once a second at
// most. A closed port is its death only where it was last proven to live; at any other address it
// may be somebody else's, so all of them are asked.
void Session::Impl::confirm_alive(Peer& peer, const Endpoint& endpoint, Turn& t) {
  if (peer.stream) return;
  if (peer.dialing) {  // it asks all of them already
    peer.dial_confirms = true;
    peer.confirmed_at = t.now.mono;
    return;
  }
  if (peer.confirmed_at && t.now.mono - *peer.confirmed_at < confirm_interval) return;
  peer.confirmed_at = t.now.mono;
  std::vector<Endpoint> targets{endpoint};
  if (peer.confirmed != endpoint)
    for (const Endpoint& other : route(peer))
      if (other != endpoint) targets.push_back(other);
  dial_stream(peer, std::move(targets), true, t);
}

void Session::Impl::on(const StreamOpened& in, Turn& t) {
  if (in.inbound) return accept_stream(in, t);
  Stream* stream = find_stream(in.stream);
  if (!stream || stream->inbound || stream->state != Stream::State::connecting)
    return t.drop(DropReason::unexpected);
  stream->state = Stream::State::starting;
  set_stream_timer(*stream, t.now.mono + stream_handshake_wait);
  auto job = std::make_shared<InitiateJob>();
  job->own = credentials;
  job->stream = true;
  job->responder = stream->key;
  secrets.fill(job->ephemeral.writable());
  job->incarnation = incarnation;
  job->counter = ++last_counter;
  submit(std::move(job), {PendingJob::Step::initiate, true, stream->id}, t);
}

void Session::Impl::accept_stream(const StreamOpened& in, Turn& t) {
  if (in.stream % 2 == 0 || streams.contains(in.stream)) return t.drop(DropReason::unexpected);
  const bool local = config.mode != Mode::lan || locality.eligible(in.peer.ip);
  const bool room = local && streams.size() < streams_limit && half_open.enter(in.peer);
  if (!room) {
    t.push(CloseStream{in.stream});
    return t.drop(local ? DropReason::limit_reached : DropReason::not_local);
  }
  Stream& stream = streams[in.stream];
  stream.id = in.stream;
  stream.inbound = true;
  stream.state = Stream::State::half_open;
  stream.remote = in.peer;
  stream.active = t.now.mono;
  set_stream_timer(stream, t.now.mono + half_open_life);
}

void Session::Impl::forget_stream(StreamId id) {
  const auto it = streams.find(id);
  if (it->second.inbound && !authenticated(it->second)) half_open.leave(it->second.remote);
  reassembling -= it->second.reassembly.held();
  if (Peer* peer = find_peer(it->second.peer)) {
    if (peer->stream == id) {
      peer->stream.reset();
      peer->lanes.restart();
    }
    if (peer->dialing == id) peer->dialing.reset();
  }
  streams.erase(it);
  timers.cancel({Timer::Kind::stream, id});
}

void Session::Impl::close_stream(StreamId id, Turn& t) {
  forget_stream(id);
  t.push(CloseStream{id});
}

void Session::Impl::close_streams_of(const Peer& peer, Turn& t) {
  std::vector<StreamId> theirs;
  for (const auto& [id, stream] : streams)
    if (stream.peer == peer.serial) theirs.push_back(id);
  for (const StreamId id : theirs) close_stream(id, t);
}

// The other side broke the rules (or a rule broke it): no second chance on this connection.
void Session::Impl::refuse_stream(StreamId id, DropReason reason, Turn& t) {
  t.drop(reason);
  const Stream& stream = *find_stream(id);
  const bool dialling = !stream.inbound && !authenticated(stream);
  const PeerSerial serial = stream.peer;
  close_stream(id, t);
  Peer* peer = find_peer(serial);
  if (!peer) return;
  if (dialling) return dial_failed(*peer, StreamEnd::reset, t);
  resume_stream(*peer, t);
}

// We closed its stream, or a new start of the peer did: what waits for it needs another.
void Session::Impl::resume_stream(Peer& peer, Turn& t) {
  if (!peer.lanes.empty() && !peer.stream && !peer.dialing)
    dial_stream(peer, route(peer), false, t);
}

void Session::Impl::on(const StreamClosed& in, Turn& t) {
  const Stream* found = find_stream(in.stream);
  if (!found) return;  // we closed it ourselves meanwhile
  const bool ours = !found->inbound, open = authenticated(*found), leaving = found->leaving();
  const PeerSerial serial = found->peer;
  const Instant opened = found->opened;
  forget_stream(in.stream);
  Peer* peer = find_peer(serial);
  if (!peer) return;
  if (ours && !open) return dial_failed(*peer, in.reason, t);
  if (peer->stream || peer->dialing) return;
  const std::vector<Endpoint> targets = route(*peer);
  if (!peer->lanes.empty()) {
    // Taken and thrown out at once: the next one would be too, and nothing else would pause us.
    if (open && !leaving && t.now.mono - opened < stream_dial_wait)
      return fail_delivery(*peer, Undelivered::no_answer, t);
    return dial_stream(*peer, targets, false, t);
  }
  // It went without a goodbye: a process that was killed does. One look at its port tells.
  if (!leaving && !targets.empty()) confirm_alive(*peer, targets.front(), t);
}

void Session::Impl::on_stream_timer(StreamId id, Turn& t) {
  Stream* stream = find_stream(id);
  if (!stream) return;
  if (authenticated(*stream)) {
    if (stream->leaving()) return close_stream(id, t);
    if (stream->blocked_since && t.now.mono - *stream->blocked_since >= stream_stall)
      return give_up_stream(*stream, t);
    const Instant idle_at = stream->active + stream_idle;
    if (t.now.mono >= idle_at) return say_bye(*stream, t);
    const Instant stalls_at = stream->blocked_since.value_or(idle_at) + stream_stall;
    return set_stream_timer(*stream, std::min(idle_at, stalls_at));
  }
  Peer* peer = stream->inbound ? nullptr : find_peer(stream->peer);
  close_stream(id, t);
  if (peer) dial_failed(*peer, StreamEnd::timed_out, t);
}

// Messages wait and the world takes none: the other machine is gone, and TCP would need a quarter
// of an hour to say so.
void Session::Impl::give_up_stream(const Stream& stream, Turn& t) {
  Peer* peer = find_peer(stream.peer);
  close_stream(stream.id, t);
  if (peer) fail_delivery(*peer, Undelivered::no_answer, t);
}

// Two streams with one peer: of two dialled at about the same time by both sides the one that the
// lower NodeId dialled stays, and both sides decide alike. Otherwise the newer one: nobody dials
// who has a stream, so the other side has lost the old one. The loser says goodbye and is read
// until the other side has said so too, so that nothing under way is lost.
void Session::Impl::attach(Stream& stream, Turn& t) {
  Peer& peer = ensure_peer(stream.key, t);
  stream.peer = peer.serial;
  stream.active = stream.heard = stream.opened = t.now.mono;
  set_stream_timer(stream, t.now.mono + stream_idle);
  const bool was_linked = meet(peer, stream.boot, t);
  if (peer.dialing == stream.id) peer.dialing.reset();
  Stream* other = peer.stream ? find_stream(*peer.stream) : nullptr;
  const bool lower_dialled = (identity->id() < peer.id) != stream.inbound;
  const bool simultaneous = other && other->inbound != stream.inbound &&
                            t.now.mono - other->opened <= stream_dial_wait + stream_handshake_wait;
  const bool wins = !simultaneous || lower_dialled;
  if (wins) {
    peer.stream = stream.id;
    peer.lanes.restart();
    // Our own dial under way has lost already when the other side is the lower one.
    if (peer.dialing && stream.inbound && lower_dialled) close_stream(*peer.dialing, t);
  }
  if (!was_linked) t.push(Established{peer.id, peer.key});
  close_leaving(peer, t);
  if (!wins)
    say_bye(stream, t);
  else if (other)
    say_bye(*other, t);
}

// One that stays and one that leaves are what two sides need: who comes with a third, and with its
// goodbyes outstanding for 5 s each could take all streams, loses the oldest that leaves.
void Session::Impl::close_leaving(const Peer& peer, Turn& t) {
  const Stream* oldest = nullptr;
  std::size_t open = 0;
  for (const auto& [id, stream] : streams) {
    if (stream.peer != peer.serial || !authenticated(stream)) continue;
    ++open;
    if (stream.leaving() && (!oldest || stream.opened < oldest->opened)) oldest = &stream;
  }
  if (open > 2 && oldest) close_stream(oldest->id, t);
}

void Session::Impl::say_bye(Stream& stream, Turn& t) {
  if (stream.bye_wanted) return;
  stream.bye_wanted = true;
  set_stream_timer(stream, t.now.mono + stream_linger);
  if (Peer* peer = find_peer(stream.peer); peer && peer->stream == stream.id) {
    peer->stream.reset();
    peer->lanes.restart();
  }
  pump(stream, t);
}

}  // namespace kith::session
