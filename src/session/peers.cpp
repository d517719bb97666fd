#include <algorithm>

#include "impl.hpp"

namespace kith::session {
namespace {

bool dialable(const Endpoint& endpoint) {
  return endpoint.port != 0 && !endpoint.ip.is_unspecified() && !endpoint.ip.is_multicast();
}

void add_once(std::vector<Endpoint>& list, const Endpoint& endpoint) {
  if (list.size() < endpoints_limit && dialable(endpoint) &&
      std::find(list.begin(), list.end(), endpoint) == list.end())
    list.push_back(endpoint);
}

std::vector<Endpoint> dialable_ones(const std::vector<Endpoint>& endpoints) {
  std::vector<Endpoint> list;
  for (const Endpoint& endpoint : endpoints) add_once(list, endpoint);
  return list;
}

}  // namespace

PeerIntroduced::PeerIntroduced(const PublicKey& key, std::vector<Endpoint> endpoints) {
  auto made = std::make_shared<wire::MemberRecord>();
  made->key = key;
  made->addresses = std::move(endpoints);
  record = std::move(made);
}

Peer* Session::Impl::find_peer(const NodeId& id) {
  if (const auto it = peers_by_id.find(id); it != peers_by_id.end()) {
    used(*it->second);
    return it->second;
  }
  const auto it = introduced.find(id);
  if (it == introduced.end()) return nullptr;
  const Introduced known = std::move(it->second);
  introduced.erase(it);
  Peer& peer = add_peer(id, known.record->key, known.serial);
  peer.endpoints = dialable_ones(known.record->addresses);
  return &peer;
}

Peer* Session::Impl::find_peer(PeerSerial serial) {
  const auto it = peers_by_serial.find(serial);
  return it == peers_by_serial.end() ? nullptr : it->second;
}

void Session::Impl::used(Peer& peer) {
  peer.used = ++last_use;
  peers.splice(peers.begin(), peers, peer.place);
}

Peer& Session::Impl::ensure_peer(const PublicKey& key, Turn& t) {
  const NodeId id = crypto::node_id(key);
  if (Peer* known = find_peer(id)) return *known;
  make_room(t);
  return add_peer(id, key, ++last_serial);
}

Peer& Session::Impl::add_peer(const NodeId& id, const PublicKey& key, PeerSerial serial) {
  Peer& peer = peers.emplace_front();
  peer.serial = serial;
  peer.used = ++last_use;
  peer.place = peers.begin();
  peer.id = id;
  peer.key = key;
  peers_by_id.try_emplace(id, &peer);
  peers_by_serial.try_emplace(peer.serial, &peer);
  return peer;
}

// One of all is forgotten, the least recently used. The walk is for networks at the limit only.
void Session::Impl::make_room(Turn& t) {
  if (peers.size() + introduced.size() < peers_limit) return;
  const auto oldest =
      std::min_element(introduced.begin(), introduced.end(),
                       [](const auto& a, const auto& b) { return a.second.used < b.second.used; });
  if (peers.empty() || (oldest != introduced.end() && oldest->second.used < peers.back().used))
    introduced.erase(oldest);
  else
    drop_peer(peers.back(), t);
}

void Session::Impl::on(const PeerIntroduced& in, Turn& t) {
  const PublicKey& key = in.record->key;
  if (key == identity->public_key()) return t.drop(DropReason::own_message);
  const NodeId id = crypto::node_id(key);
  if (const auto known = peers_by_id.find(id); known != peers_by_id.end()) {
    used(*known->second);
    known->second->hearsay = false;
    known->second->endpoints = dialable_ones(in.record->addresses);
    return;
  }
  auto known = introduced.find(id);
  if (known == introduced.end()) {
    make_room(t);
    known = introduced.try_emplace(id, Introduced{++last_serial, 0, nullptr}).first;
  }
  known->second.used = ++last_use;
  known->second.record = in.record;
}

// A dialled address is a hint: whoever is there may only carry handshakes to the peer. It goes last
// and takes the place of a hint, never of an address that the peer signed.
void Session::Impl::learn(Peer& peer, const Endpoint& endpoint) {
  std::vector<Endpoint>& known = peer.endpoints;
  if (std::find(known.begin(), known.end(), endpoint) != known.end()) return;
  if (known.size() >= endpoints_limit) known.pop_back();  // 8 at most are of its record
  known.push_back(endpoint);
}

std::vector<Endpoint> Session::Impl::route(const Peer& peer) const {
  std::vector<Endpoint> route;
  if (peer.confirmed) add_once(route, *peer.confirmed);
  for (const Endpoint& endpoint : peer.endpoints) add_once(route, endpoint);
  return route;
}

void Session::Impl::on(const PeerForgotten& in, Turn& t) {
  if (introduced.erase(in.peer) > 0) return;
  Peer* peer = find_peer(in.peer);
  if (!peer) return;
  clear_queues(*peer);  // the owner asked: no failure to report
  drop_peer(*peer, t);
}

void Session::Impl::drop_keys(Peer& peer) {
  keyed_peers -= peer.current != nullptr;
  for (auto* keys : {&peer.current, &peer.previous}) {
    if (*keys) indices.erase((*keys)->local());
    keys->reset();
  }
  peer.waiting_since.reset();
  peer.owes_since.reset();
}

void Session::Impl::clear_queues(Peer& peer) {
  peer.queue.clear();
  peer.queue_bytes = 0;
  peer.lanes.clear();
}

void Session::Impl::drop_peer(Peer& peer, Turn& t) {
  if (!peer.queue.empty() || !peer.lanes.empty()) fail_delivery(peer, Undelivered::overflow, t);
  finish_dials_of(peer, DialOutcome::no_answer, t);
  end_attempt(peer);
  drop_keys(peer);
  close_streams_of(peer, t);
  timers.cancel({Timer::Kind::tend, peer.serial});
  peers_by_serial.erase(peer.serial);
  peers_by_id.erase(peer.id);
  peers.erase(peer.place);
}

void Session::Impl::fail_delivery(Peer& peer, Undelivered reason, Turn& t) {
  clear_queues(peer);
  t.push(DeliveryFailed{peer.id, reason});
}

bool Session::Impl::linked(const Peer& peer) const {
  return peer.current || peer.stream.has_value();
}

// Before a new link with this peer: whether there is one already. A peer that was started anew has
// lost what it had; our half of that is forgotten at once, or it would take us minutes to notice.
bool Session::Impl::meet(Peer& peer, const BootId& boot, Turn& t) {
  if (peer.boot && *peer.boot != boot) {
    drop_keys(peer);
    if (peer.stream) close_stream(*peer.stream, t);
  }
  peer.boot = boot;
  if (std::exchange(peer.hearsay, false)) used(peer);
  return linked(peer);
}

// Two handshakes that crossed: both sides keep sending under that of the smaller id. Each under the
// other's, neither would renew them, for only an initiator does.
bool Session::Impl::crossed_and_ours_stay(const Peer& peer, const Keypair& keys) const {
  if (!peer.current || peer.current->initiator() == keys.initiator()) return false;
  const Instant ours = peer.current->created(), theirs = keys.created();
  const Duration apart = ours < theirs ? theirs - ours : ours - theirs;
  return apart < crossing && peer.current->initiator() == (identity->id() < peer.id);
}

// WireGuard's key slots [WireGuard 6.3]: what is on its way under the previous keys still opens.
// Its third slot, keys that wait for their initiator's proof, is our table of responses.
void Session::Impl::adopt_keys(Peer& peer, Keypair keys) {
  if (peer.previous) indices.erase(peer.previous->local());
  keyed_peers += peer.current == nullptr;
  indices.try_emplace(keys.local()).first->second = {IndexOwner::Kind::keypair, peer.serial};
  const bool stay = crossed_and_ours_stay(peer, keys);
  auto adopted = std::make_unique<Keypair>(std::move(keys));
  if (!stay) std::swap(peer.current, adopted);
  peer.previous = std::move(adopted);
  peer.pause_until.reset();
  peer.waiting_since.reset();
  peer.silent = false;
  arm_tend(peer, peer.current->dies_at());
  if (!peer.previous) shrink_sessions(peer);
}

void Session::Impl::shrink_sessions(const Peer& keep) {
  if (keyed_peers <= sessions_limit) return;
  std::size_t recent = 0;
  for (Peer& peer : peers) {
    if (!peer.current) continue;
    if (++recent > sessions_limit && &peer != &keep) drop_keys(peer);
  }
}

// Datagrams bring nothing and the stream does: UDP is blocked, or the peer has lost these keys. In
// a cut both are mute, and datagrams are the first to come through again.
bool Session::Impl::only_by_stream(const Peer& peer, Instant now) {
  if (!peer.silent || !peer.stream) return false;
  return now - find_stream(*peer.stream)->heard < deaf_after;
}

void Session::Impl::on(const SendRequested& in, Turn& t) {
  if (in.message.empty() || static_cast<std::uint8_t>(in.lane) >= lane_count)
    return t.drop(DropReason::malformed);
  if (in.message.size() > wire::message_limit) return t.drop(DropReason::too_large);
  if (in.to == identity->id()) return t.drop(DropReason::own_message);
  Peer* peer = find_peer(in.to);
  if (!peer || (!linked(*peer) && route(*peer).empty()))
    return t.push(DeliveryFailed{in.to, Undelivered::no_route});
  peer->hearsay = false;  // it is wanted

  const bool by_stream = in.stream || in.message.size() > config.tuning.datagram_message_limit;
  const bool keyed =
      peer->current && peer->current->usable(t.now.mono) && !only_by_stream(*peer, t.now.mono);
  if (!by_stream && keyed) return send_sealed(*peer, in.message.view(), t);
  // Without datagram keys an open stream is the quicker way.
  if (!by_stream && !peer->stream) return queue_datagram(*peer, in.message, t);
  if (!peer->lanes.push(in.lane, in.message))
    return t.push(DeliveryFailed{in.to, Undelivered::overflow});
  if (peer->stream) {
    if (!by_stream) start_attempt(*peer, t);
    return pump(*find_stream(*peer->stream), t);
  }
  if (!peer->dialing) dial_stream(*peer, route(*peer), false, t);
}

void Session::Impl::queue_datagram(Peer& peer, Buffer message, Turn& t) {
  if (peer.queue.size() >= queued_messages || peer.queue_bytes + message.size() > queued_bytes)
    return t.push(DeliveryFailed{peer.id, Undelivered::overflow});
  peer.queue_bytes += message.size();
  peer.queue.push_back(std::move(message));
  start_attempt(peer, t);
}

void Session::Impl::flush_queue(Peer& peer, Turn& t) {
  while (!peer.queue.empty()) {
    const Buffer message = std::move(peer.queue.front());
    peer.queue.pop_front();
    send_sealed(peer, message.view(), t);
  }
  peer.queue_bytes = 0;
}

}  // namespace kith::session
