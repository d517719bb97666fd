// Dials: who answers at an address? who-are-you asks for the key, then the handshake proves it.
// What an i-am says is a hint for the user's table of attempts and is never trusted.
#include <algorithm>

#include "impl.hpp"

namespace kith::session {

void Session::Impl::on(const DialRequested& in, Turn& t) {
  const auto refuse = [&](DialOutcome outcome) { t.push(DialFinished{in.ticket, outcome, {}}); };
  if (in.pin && *in.pin == identity->public_key()) return refuse(DialOutcome::self);
  const bool trusting = config.mode != Mode::public_ || config.trust_first || in.trust_first;
  if (!in.pin && !trusting) return refuse(DialOutcome::unpinned);
  const IpAddress& ip = in.endpoint.ip;
  if (in.endpoint.port == 0 || ip.is_unspecified() || ip.is_multicast())
    return refuse(DialOutcome::unreachable);
  if (dials.size() >= dials_limit) {
    refuse(DialOutcome::no_answer);
    return t.drop(DropReason::limit_reached);
  }
  const std::uint64_t id = ++last_dial;
  Dial& dial = dials[id];
  dial.ticket = in.ticket;
  dial.endpoint = in.endpoint;
  dial.pin = in.pin;
  dial.nonce = secrets.draw<16>();
  dial.started = t.now.mono;
  if (dial.pin) {
    timers.set({Timer::Kind::ask, id}, t.now.mono + dial.wait);
    shake_hands(dial, *in.pin, t);
  } else {
    ask(id, dial, t);
  }
}

void Session::Impl::ask(std::uint64_t id, Dial& dial, Turn& t) {
  WhoAreYou question;
  question.nonce = dial.nonce;
  question.versions = config.versions;
  question.tag = ask_tag(config.network, dial.nonce);
  t.push(Transmit{dial.endpoint, Buffer(encode(question))});
  const Instant give_up_at = dial.started + ask_give_up;
  timers.set({Timer::Kind::ask, id}, std::min(t.now.mono + dial.wait, give_up_at));
  dial.wait *= 2;
}

// An unanswered pinned dial asks too: not for the key, only to be able to say what is wrong there.
void Session::Impl::on_ask_timer(std::uint64_t id, Turn& t) {
  const auto it = dials.find(id);
  if (it == dials.end() || it->second.answered || it->second.hint) return;
  Dial& dial = it->second;
  if (dial.refused) {
    Peer* peer = dial.peer ? find_peer(*dial.peer) : nullptr;
    finish_dial(id, DialOutcome::refused, {}, t);
    if (peer && peer->attempt && !awaited(*peer) && !linked(*peer)) end_attempt(*peer);
    return;
  }
  if (t.now.mono - dial.started < ask_give_up) return ask(id, dial, t);
  if (!dial.peer) finish_dial(id, DialOutcome::no_answer, {}, t);
}

void Session::Impl::shake_hands(Dial& dial, const PublicKey& key, Turn& t) {
  const bool known = find_peer(crypto::node_id(key)) != nullptr;
  Peer& peer = ensure_peer(key, t);
  peer.hearsay = !dial.pin && (!known || peer.hearsay);
  if (peer.hearsay) {  // anybody can make such: they are the first to give way
    peer.used = 0;
    peers.splice(peers.end(), peers, peer.place);
  }
  dial.peer = peer.serial;
  learn(peer, dial.endpoint);
  peer.pause_until.reset();
  if (!peer.attempt) return start_attempt(peer, t);
  if (!peer.attempt->state || !peer.attempt->add_target(dial.endpoint)) return;
  ++peer.attempt->raced;
  send_init(peer, dial.endpoint, t);
}

void Session::Impl::finish_dial(std::uint64_t id, DialOutcome outcome, const NodeId& peer,
                                Turn& t) {
  const auto it = dials.find(id);
  const Ticket ticket = it->second.ticket;
  if (it->second.peer && outcome != DialOutcome::ok) fruitless.push_back(*it->second.peer);
  dials.erase(it);
  timers.cancel({Timer::Kind::ask, id});
  t.push(DialFinished{ticket, outcome, outcome == DialOutcome::ok ? peer : NodeId{}});
}

void Session::Impl::finish_dials_of(Peer& peer, DialOutcome outcome, Turn& t) {
  for (auto it = dials.begin(); it != dials.end();) {
    const auto [id, dial] = *it++;
    if (dial.peer != peer.serial) continue;
    DialOutcome shown = outcome;
    if (outcome == DialOutcome::no_answer) {
      // It answered the question and then not the handshake: where a psk rules, that is the cause.
      const bool keyless = dial.answered && config.psk != ByteArray<32>{};
      shown = dial.hint.value_or(keyless ? DialOutcome::wrong_network : DialOutcome::no_answer);
    }
    finish_dial(id, shown, peer.id, t);
  }
}

// At the turn's end, because handlers hold references to the peers whose dials they finish.
void Session::Impl::forget_hearsay(Turn& t) {
  for (const PeerSerial serial : std::exchange(fruitless, {})) {
    Peer* peer = find_peer(serial);
    if (peer && peer->hearsay && !awaited(*peer)) drop_peer(*peer, t);
  }
}

bool Session::Impl::awaited(const Peer& peer) const {
  if (!peer.queue.empty()) return true;
  for (const auto& [id, dial] : dials)
    if (dial.peer == peer.serial) return true;
  return false;
}

// Anybody can forge a port unreachable: who is there has the time of a first wait to answer.
void Session::Impl::refuse_dials(const Endpoint& to, Turn& t) {
  for (auto& [id, dial] : dials) {
    if (dial.endpoint != to || dial.answered || dial.refused) continue;
    dial.refused = true;
    timers.set({Timer::Kind::ask, id}, t.now.mono + ask_first_wait);
  }
}

void Session::Impl::on_who_are_you(const DatagramReceived& in, Turn& t) {
  const auto question = parse_who_are_you(in.bytes);
  if (!question) return t.drop(DropReason::malformed);
  IAm answer;
  answer.nonce = question->nonce;
  const bool lan = config.mode == Mode::lan;
  const bool eligible = !lan || locality.eligible(in.from.ip);
  const bool ours = crypto::same_secret(ask_tag(config.network, question->nonce), question->tag);
  if (lan && eligible) answer.lan = config.lan;
  if (!eligible) {
    answer.status = IAmStatus::not_local;
    t.drop(DropReason::not_local);
  } else if (!ours) {
    answer.status = IAmStatus::wrong_network;
    t.drop(DropReason::wrong_network);
  } else if (!compatible(config.versions, question->versions)) {
    answer.status = IAmStatus::version;
  } else {
    answer.key = identity->public_key();
  }
  t.push(Transmit{in.from, Buffer(encode(answer))});
}

void Session::Impl::on_i_am(const DatagramReceived& in, Turn& t) {
  const auto answer = parse_i_am(in.bytes);
  if (!answer) return t.drop(DropReason::malformed);
  auto it = dials.begin();
  while (it != dials.end() && (it->second.nonce != answer->nonce || it->second.endpoint != in.from))
    ++it;
  if (it == dials.end() || it->second.answered) return t.drop(DropReason::unexpected);
  const std::uint64_t id = it->first;
  Dial& dial = it->second;
  if (config.mode == Mode::lan && answer->lan && answer->lan->bytes != config.lan.bytes)
    t.push(LanSeen{*answer->lan, in.from});

  DialOutcome outcome = DialOutcome::ok;
  switch (answer->status) {
    case IAmStatus::ok:
      if (*answer->key == identity->public_key())
        outcome = DialOutcome::self;
      else if (dial.pin && *dial.pin != *answer->key)
        outcome = DialOutcome::wrong_key;
      break;
    case IAmStatus::wrong_network:
      outcome = DialOutcome::wrong_network;
      break;
    case IAmStatus::not_local:
      outcome = DialOutcome::not_local;
      break;
    case IAmStatus::version:
      outcome = DialOutcome::version;
      break;
  }
  if (outcome == DialOutcome::ok) {
    dial.answered = true;
    if (!dial.peer) shake_hands(dial, *answer->key, t);
  } else if (dial.peer) {
    dial.hint = outcome;  // the pinned handshake may still succeed: anybody can send this
  } else {
    finish_dial(id, outcome, {}, t);
  }
}

}  // namespace kith::session
