// Handshakes we start: rounds of tries, message 1 raced over the peer's addresses, cookies.
#include <algorithm>

#include "impl.hpp"

namespace kith::session {

void Session::Impl::start_attempt(Peer& peer, Turn& t) {
  if (peer.attempt) return;
  const bool keyed = peer.current && peer.current->usable(t.now.mono);
  if ((keyed || peer.stream) && peer.pause_until && t.now.mono < *peer.pause_until) return;
  if (route(peer).empty()) return;
  peer.attempt = std::make_unique<Attempt>();
  try_once(peer, t);
}

// A try never repeats a message 1: the responder would take it for a replay.
void Session::Impl::try_once(Peer& peer, Turn& t) {
  Attempt& attempt = *peer.attempt;
  if (attempt.index) indices.erase(attempt.index);
  attempt.state.reset();
  attempt.finishing = false;
  attempt.index = new_index({IndexOwner::Kind::attempt, peer.serial});
  timers.cancel({Timer::Kind::race, peer.serial});
  timers.set({Timer::Kind::attempt, peer.serial}, t.now.mono + try_waits[attempt.tries]);
  ++attempt.tries;

  auto job = std::make_shared<InitiateJob>();
  job->own = credentials;
  job->responder = peer.key;
  secrets.fill(job->ephemeral.writable());
  job->incarnation = incarnation;
  job->counter = ++last_counter;
  PendingJob pending{PendingJob::Step::initiate, false, peer.serial, attempt.index};
  submit(std::move(job), std::move(pending), t);
}

void Session::Impl::on_initiated(const PendingJob& job, const Initiated& result, Turn& t) {
  if (job.stream) {
    Stream* stream = find_stream(job.id);
    return stream ? on_stream_initiated(*stream, result, t) : t.drop(DropReason::unexpected);
  }
  Peer* peer = find_peer(job.id);
  if (!peer || !peer->attempt || peer->attempt->index != job.local) return;  // overtaken by a try
  Attempt& attempt = *peer->attempt;
  if (!result.state) {  // its key is no curve point: nobody can have it
    finish_dials_of(*peer, DialOutcome::wrong_key, t);
    return give_up(*peer, t);
  }
  attempt.state = result.state;
  attempt.message = make_init(attempt.index, result.message, mac1_key(config.network, peer->key));
  attempt.targets = route(*peer);
  // Where it fell silent somebody may carry handshakes and nothing else.
  if (attempt.deaf && peer->confirmed)
    std::rotate(attempt.targets.begin(), attempt.targets.begin() + 1, attempt.targets.end());
  if (const auto caller = std::exchange(attempt.caller, {})) attempt.add_target(*caller);
  attempt.raced = 0;
  attempt.cookied.clear();
  attempt.sent = t.now.mono;
  race(*peer, t);
}

// Every address in turn, a little apart: the best one usually answers before the next is tried.
// The same message 1 goes to all; whichever copy arrives first is answered.
void Session::Impl::race(Peer& peer, Turn& t) {
  if (!peer.attempt || peer.attempt->raced >= peer.attempt->targets.size()) return;
  Attempt& attempt = *peer.attempt;
  send_init(peer, attempt.targets[attempt.raced++], t);
  if (attempt.raced < attempt.targets.size())
    timers.set({Timer::Kind::race, peer.serial}, t.now.mono + race_stagger);
}

void Session::Impl::send_init(Peer& peer, const Endpoint& to, Turn& t) {
  Bytes frame = peer.attempt->message;
  const auto& cookie = peer.cookie;
  if (cookie && cookie->at == to && t.now.mono - cookie->received < cookie_use)
    set_mac2(frame, cookie->value);
  t.push(Transmit{to, Buffer(frame)});
}

void Session::Impl::end_attempt(Peer& peer) {
  if (!peer.attempt) return;
  indices.erase(peer.attempt->index);
  timers.cancel({Timer::Kind::attempt, peer.serial});
  timers.cancel({Timer::Kind::race, peer.serial});
  peer.attempt.reset();
}

void Session::Impl::on_attempt_timer(Peer& peer, Turn& t) {
  if (!peer.attempt) return;
  if (peer.attempt->tries < tries_per_round) return try_once(peer, t);
  give_up(peer, t);
}

void Session::Impl::give_up(Peer& peer, Turn& t) {
  const bool missed = peer.attempt && peer.attempt->deaf;
  peer.silent = true;
  end_attempt(peer);
  const Duration jitter = rng.between(Duration(0), round_pause_jitter);
  peer.pause_until = t.now.mono + round_pause + jitter;
  finish_dials_of(peer, DialOutcome::no_answer, t);
  const std::list<Buffer> unsent = std::exchange(peer.queue, {});
  peer.queue_bytes = 0;
  if (peer.stream) {  // UDP may be blocked where TCP is not
    bool fits = true;
    for (const Buffer& message : unsent) fits = fits && peer.lanes.push(Lane::data, message);
    if (!fits) t.push(DeliveryFailed{peer.id, Undelivered::overflow});
    pump(*find_stream(*peer.stream), t);
  } else if (missed || !unsent.empty()) {
    t.push(DeliveryFailed{peer.id, Undelivered::no_answer});
  }
}

void Session::Impl::on_reply(const DatagramReceived& in, Turn& t) {
  const auto frame = parse_reply(in.bytes);
  if (!frame) return t.drop(DropReason::malformed);
  const Mac mac1 = crypto::keyed_hash128(own_mac1_key.view(), {frame->before_mac1});
  if (!crypto::same_secret(mac1, frame->mac1)) return t.drop(DropReason::bad_mac);
  const auto owner = indices.find(frame->receiver);
  if (owner == indices.end() || owner->second.kind != IndexOwner::Kind::attempt)
    return t.drop(DropReason::unexpected);
  Peer* peer = find_peer(owner->second.id);
  if (!peer || !peer->attempt || !peer->attempt->state || peer->attempt->finishing)
    return t.drop(DropReason::unexpected);
  auto job = std::make_shared<FinishJob>(*peer->attempt->state);
  job->own = credentials;
  append(job->message, frame->noise);
  PendingJob pending{PendingJob::Step::finish, false,         peer->serial,
                     peer->attempt->index,     frame->sender, in.from};
  peer->attempt->finishing = submit(std::move(job), std::move(pending), t);
}

void Session::Impl::on_finished(const PendingJob& job, const Finished& result, Turn& t) {
  if (job.stream) {
    Stream* stream = find_stream(job.id);
    return stream ? on_stream_finished(*stream, result, t) : t.drop(DropReason::unexpected);
  }
  Peer* peer = find_peer(job.id);
  if (!peer || !peer->attempt || peer->attempt->index != job.local) return;  // overtaken by a try
  if (!result.ok) {
    peer->attempt->finishing = false;  // a forgery must not stop the true answer
    return t.drop(DropReason::not_authentic);
  }
  peer->rtt = t.now.mono - peer->attempt->sent;
  end_attempt(*peer);
  const bool was_linked = meet(*peer, result.responder.hello.boot, t);
  const Duration rekey_after = config.tuning.rekey_after;
  const Duration most = rekey_after / rekey_jitter_part;
  const Duration jitter = rng.between(-most, most);
  adopt_keys(*peer, Keypair(result.keys, {job.local, job.remote, true, t.now.mono,
                                          t.now.mono + rekey_after + jitter}));
  move_endpoint(*peer, job.from, t);
  if (!was_linked) t.push(Established{peer->id, peer->key});
  finish_dials_of(*peer, DialOutcome::ok, t);
  // The responder may not speak before it hears us under the new keys.
  if (peer->queue.empty()) send_sealed(*peer, {}, t);
  flush_queue(*peer, t);
  resume_stream(*peer, t);
}

// A cookie says: prove your address first. The AEAD binds it to the message 1 that we sent, so
// that only who saw that can make us believe one. Who saw it could name any source, and a message 1
// is longer than a cookie: one goes back to each address that this try was sent to, and no other.
void Session::Impl::on_cookie(const DatagramReceived& in, Turn& t) {
  const auto frame = parse_cookie(in.bytes);
  if (!frame) return t.drop(DropReason::malformed);
  const auto owner = indices.find(frame->receiver);
  if (owner == indices.end() || owner->second.kind != IndexOwner::Kind::attempt)
    return t.drop(DropReason::unexpected);
  Peer* peer = find_peer(owner->second.id);
  if (!peer || !peer->attempt || !peer->attempt->state) return t.drop(DropReason::unexpected);
  const auto init = parse_init(peer->attempt->message);
  const auto value = open_cookie(*frame, cookie_key(config.network, peer->key), init->mac1);
  if (!value) return t.drop(DropReason::not_authentic);
  Attempt& attempt = *peer->attempt;
  const auto asked_end = attempt.targets.begin() + static_cast<std::ptrdiff_t>(attempt.raced);
  if (std::find(attempt.targets.begin(), asked_end, in.from) == asked_end)
    return t.drop(DropReason::unexpected);
  peer->cookie = std::make_unique<const Cookie>(Cookie{*value, in.from, t.now.mono});
  // The refused message was not consumed there: the same one, with its mac2 this time, will do.
  std::vector<Endpoint>& cookied = attempt.cookied;
  if (std::find(cookied.begin(), cookied.end(), in.from) != cookied.end()) return;
  cookied.push_back(in.from);
  send_init(*peer, in.from, t);
}

}  // namespace kith::session
