// Handshakes we answer. Before the answer nothing is kept but a bounded job; after it, keys that
// wait for the first packet under them.
#include <algorithm>

#include "impl.hpp"

namespace kith::session {

void Session::Impl::on_init(const DatagramReceived& in, Turn& t) {
  const auto frame = parse_init(in.bytes);
  if (!frame) return t.drop(DropReason::malformed);
  if (config.mode == Mode::lan && !locality.eligible(in.from.ip))
    return t.drop(DropReason::not_local);
  const Mac mac1 = crypto::keyed_hash128(own_mac1_key.view(), {frame->before_mac1});
  if (!crypto::same_secret(mac1, frame->mac1)) return t.drop(DropReason::bad_mac);
  if (load.under_load(jobs.size(), t.now) && !cookies.proven(*frame, in.from, t.now, secrets)) {
    const Mac cookie = cookies.cookie(in.from, t.now, secrets);
    const auto nonce = secrets.draw<24>();
    t.push(Transmit{in.from, Buffer(make_cookie(frame->sender, cookie, nonce,
                                                cookie_key(config.network, identity->public_key()),
                                                frame->mac1))});
    return t.drop(DropReason::under_load);
  }
  auto job = std::make_shared<RespondJob>();
  job->own = credentials;
  secrets.fill(job->ephemeral.writable());
  append(job->message, frame->noise);
  submit(std::move(job), {PendingJob::Step::respond, false, 0, 0, frame->sender, in.from}, t);
}

// A message 1 counts once: (incarnation, counter) only grows, whatever order an attacker replays.
bool Session::Impl::fresh(const Responded& result, bool stream) {
  const std::pair key{result.peer, stream};
  const Stamp stamp{result.initiator.incarnation, result.initiator.counter};
  const Stamp* seen = stamps.find(key);
  if (seen && stamp <= *seen) return false;
  stamps.put(key, stamp);
  return true;
}

// The greatest incarnation in any message 1 of its, by either transport.
Incarnation Session::Impl::newest_of(const NodeId& id) {
  Incarnation newest;
  for (const bool stream : {false, true})
    if (const Stamp* seen = stamps.find({id, stream})) newest = std::max(newest, seen->incarnation);
  return newest;
}

// The first packet under answered keys may be the last words of a killed process, delivered late by
// its kernel: a message 1 of a greater incarnation came since. (A rolled back peer's came before.)
bool Session::Impl::overtaken(const PublicKey& key, const BootId& boot, Incarnation newest) {
  const NodeId id = crypto::node_id(key);
  const auto known = peers_by_id.find(id);
  const bool same_life = known != peers_by_id.end() && known->second->boot == boot;
  return !same_life && newest < newest_of(id);
}

// Old news, or a peer whose mark was lost (a disk rolled back, a clock set back, a twin that came
// and went): it cannot pass here until it is shown its greater incarnation. Where we try to reach
// that peer, as we do then without keys or when we could not lately, its source is one more address
// to try: our own message 1 proves who is there, and is no longer than what came from it.
void Session::Impl::call_back(const NodeId& id, const Endpoint& from, Turn& t) {
  Peer* peer = find_peer(id);
  if (!peer) return;
  if (peer->silent || !peer->current) start_attempt(*peer, t);
  if (!peer->attempt) return;
  if (!peer->attempt->state) {
    peer->attempt->caller = from;
    return;
  }
  if (!peer->attempt->add_target(from)) return;
  ++peer->attempt->raced;
  send_init(*peer, from, t);
}

void Session::Impl::on_responded(const PendingJob& job, const Responded& result, Turn& t) {
  if (job.stream) {
    Stream* stream = find_stream(job.id);
    return stream ? on_stream_responded(*stream, result, t) : t.drop(DropReason::unexpected);
  }
  if (!result.ok) return t.drop(DropReason::not_authentic);
  if (result.peer == identity->id()) return t.drop(DropReason::own_message);
  if (!fresh(result, false)) {
    call_back(result.peer, job.from, t);
    return t.drop(DropReason::replayed_handshake);
  }

  if (const auto old = responses_by_peer.find(result.peer); old != responses_by_peer.end())
    drop_response(old->second);
  if (responses.size() >= responses_limit) drop_response(responses.begin()->first);
  const std::uint64_t number = ++last_response;
  const std::uint32_t local = new_index({IndexOwner::Kind::response, number});
  const Keypair keys(result.keys, {local, job.remote, false, t.now.mono, t.now.mono});
  responses.emplace(number, Response{result.peer, result.initiator.key, result.initiator.hello.boot,
                                     newest_of(result.peer), keys, t.now.mono});
  responses_by_peer[result.peer] = number;
  const Bytes frame =
      make_reply(local, job.remote, result.message, mac1_key(config.network, result.initiator.key));
  t.push(Transmit{job.from, Buffer(frame)});
}

void Session::Impl::drop_response(std::uint64_t number) {
  const auto it = responses.find(number);
  const auto owner = indices.find(it->second.keys.local());
  // Confirmed keys keep their index: it belongs to the peer's keypair by now.
  if (owner != indices.end() && owner->second.kind == IndexOwner::Kind::response)
    indices.erase(owner);
  responses_by_peer.erase(it->second.peer);
  responses.erase(it);
}

}  // namespace kith::session
