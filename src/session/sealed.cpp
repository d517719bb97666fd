// Datagrams under keys: opening, sealing, and tending what a peer is owed.
#include "impl.hpp"
#include "kith/base/assert.hpp"

namespace kith::session {
namespace {

DropReason reason_of(OpenFailure failure) {
  switch (failure) {
    case OpenFailure::expired:
      return DropReason::unknown_session;
    case OpenFailure::not_authentic:
      return DropReason::not_authentic;
    case OpenFailure::replayed:
      return DropReason::replayed;
  }
  return DropReason::not_authentic;
}

}  // namespace

void Session::Impl::on_sealed(const DatagramReceived& in, Turn& t) {
  const auto header = parse_sealed(in.bytes);
  if (!header) return t.drop(DropReason::malformed);
  const auto owner = indices.find(header->receiver);
  if (owner == indices.end()) return t.drop(DropReason::unknown_session);
  switch (owner->second.kind) {
    case IndexOwner::Kind::attempt:
      return t.drop(DropReason::unexpected);
    case IndexOwner::Kind::response:
      return confirm_response(owner->second.id, in, *header, t);
    case IndexOwner::Kind::keypair:
      if (Peer* peer = find_peer(owner->second.id)) on_keyed(*peer, in, *header, t);
  }
}

void Session::Impl::on_keyed(Peer& peer, const DatagramReceived& in, const SealedHeader& header,
                             Turn& t) {
  const bool is_current = peer.current && peer.current->local() == header.receiver;
  auto& keys = is_current ? peer.current : peer.previous;
  KITH_ASSERT(keys && keys->local() == header.receiver);
  auto message = keys->open(in.bytes, header, t.now.mono);
  if (!message) return t.drop(reason_of(message.error()));
  used(peer);
  // An older packet may have been on its way from where the peer was, or held back by somebody.
  if (is_current && keys->newest(header)) move_endpoint(peer, in.from, t);
  accept(peer, std::move(*message), t);
}

// The first packet under answered keys proves that the initiator is there, now, at this address.
void Session::Impl::confirm_response(std::uint64_t number, const DatagramReceived& in,
                                     const SealedHeader& header, Turn& t) {
  Response& response = responses.at(number);
  auto message = response.keys.open(in.bytes, header, t.now.mono);
  if (!message) return t.drop(reason_of(message.error()));
  const Response proven = response;
  drop_response(number);
  if (overtaken(proven.key, proven.boot, proven.newest)) return t.drop(DropReason::stale);
  Peer& peer = ensure_peer(proven.key, t);
  const bool was_linked = meet(peer, proven.boot, t);
  adopt_keys(peer, proven.keys);
  move_endpoint(peer, in.from, t);
  if (!was_linked) t.push(Established{peer.id, peer.key});
  accept(peer, std::move(*message), t);
  flush_queue(peer, t);
  resume_stream(peer, t);
}

void Session::Impl::accept(Peer& peer, Buffer message, Turn& t) {
  ++peer.received;
  peer.silent = false;
  peer.heard = t.now.mono;
  const bool awaited = peer.waiting_since.has_value();
  peer.waiting_since.reset();
  if (message.empty()) return;  // a keepalive is not answered, or two peers would chat for ever
  if (!awaited && !peer.owes_since) {
    peer.owes_since = t.now.mono;
    arm_tend(peer, t.now.mono + keepalive_after);
  }
  t.push(Received{peer.id, std::move(message), false});
}

void Session::Impl::move_endpoint(Peer& peer, const Endpoint& endpoint, Turn& t) {
  if (peer.confirmed == endpoint) return;
  peer.confirmed = endpoint;
  t.push(EndpointMoved{peer.id, endpoint});
}

void Session::Impl::send_sealed(Peer& peer, ByteView message, Turn& t) {
  if (!peer.current || !peer.current->usable(t.now.mono) || !peer.confirmed) return;
  ++peer.sent;
  const bool owed = peer.owes_since.has_value();
  peer.owes_since.reset();
  t.push(Transmit{*peer.confirmed, peer.current->seal(message)});
  if (!message.empty() && !owed && !peer.waiting_since) {
    peer.waiting_since = t.now.mono;
    arm_tend(peer, t.now.mono + deaf_after);
  }
  if (peer.current->wants_rekey(t.now.mono, config.tuning.rekey_after_messages))
    start_attempt(peer, t);
}

// One lazy timer a peer: it fires at the earliest thing that may be due and looks again. Setting
// exact timers would cost more than sealing a packet does.
void Session::Impl::arm_tend(Peer& peer, Instant when) {
  if (peer.tend_at && *peer.tend_at <= when) return;
  peer.tend_at = when;
  timers.set({Timer::Kind::tend, peer.serial}, when);
}

void Session::Impl::tend(Peer& peer, Turn& t) {
  const Instant now = t.now.mono;
  peer.tend_at.reset();
  if (peer.previous && now >= peer.previous->dies_at()) {
    indices.erase(peer.previous->local());
    peer.previous.reset();
  }
  if (peer.current && now >= peer.current->dies_at()) drop_keys(peer);
  if (!peer.current) return;

  if (peer.owes_since && now - *peer.owes_since >= keepalive_after) {
    peer.owes_since.reset();
    send_sealed(peer, {}, t);
  }
  if (peer.waiting_since && now - *peer.waiting_since >= deaf_after) {
    const bool running = peer.attempt != nullptr;
    start_attempt(peer, t);
    if (!running && peer.attempt) peer.attempt->deaf = true;
    // In the pause between two rounds it stays deaf until there may be a handshake again.
    if (!peer.attempt && peer.pause_until)
      peer.waiting_since = *peer.pause_until - deaf_after;
    else
      peer.waiting_since.reset();
  }
  arm_tend(peer, peer.current->dies_at());
  if (peer.previous) arm_tend(peer, peer.previous->dies_at());
  if (peer.owes_since) arm_tend(peer, *peer.owes_since + keepalive_after);
  if (peer.waiting_since) arm_tend(peer, *peer.waiting_since + deaf_after);
}

}  // namespace kith::session
