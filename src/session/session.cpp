#include "kith/session/session.hpp"

#include <algorithm>

#include "impl.hpp"

namespace kith::session {

std::string_view to_string(DialOutcome outcome) {
  switch (outcome) {
    case DialOutcome::ok:
      return "ok";
    case DialOutcome::no_answer:
      return "no_answer";
    case DialOutcome::refused:
      return "refused";
    case DialOutcome::unreachable:
      return "unreachable";
    case DialOutcome::wrong_network:
      return "wrong_network";
    case DialOutcome::not_local:
      return "not_local";
    case DialOutcome::version:
      return "version";
    case DialOutcome::wrong_key:
      return "wrong_key";
    case DialOutcome::unpinned:
      return "unpinned";
    case DialOutcome::self:
      return "self";
  }
  return "?";
}

Session::Impl::Impl(Config config_in, std::shared_ptr<const crypto::Identity> identity_in,
                    Rng rng_in, const ByteArray<32>& secret_seed)
    : config(std::move(config_in)),
      identity(std::move(identity_in)),
      credentials(std::make_shared<const Credentials>(config, *identity)),
      incarnation(config.incarnation),
      own_mac1_key(mac1_key(config.network, identity->public_key())),
      rng(rng_in),
      secrets(secret_seed) {}

void Session::Impl::on(const SubnetsChanged& in, Turn&) { locality.set(in.subnets, in.gateways); }
void Session::Impl::on(const LoadReported& in, Turn& t) { load.report(in, t.now); }
void Session::Impl::on(const IncarnationRaised& in, Turn&) {
  incarnation = std::max(incarnation, in.incarnation);
}
void Session::Impl::on(const RecordsHeld& in, Turn&) { config.lan.holds_records = in.any; }

// Silence while we slept is nobody's fault: nothing is held against a peer. Keys that grew too old
// meanwhile are dropped by the timers that are due now.
void Session::Impl::on(const TimeSkipped&, Turn& t) {
  for (Peer& peer : peers) {
    peer.waiting_since.reset();
    peer.owes_since.reset();
    if (peer.current) arm_tend(peer, t.now.mono + keepalive_after);
  }
}

void Session::Impl::on(const DatagramReceived& in, Turn& t) {
  if (in.bytes.empty()) return t.drop(DropReason::malformed);
  switch (static_cast<FrameType>(in.bytes[0])) {
    case FrameType::sealed:
      return on_sealed(in, t);
    case FrameType::handshake_init:
      return on_init(in, t);
    case FrameType::handshake_reply:
      return on_reply(in, t);
    case FrameType::cookie:
      return on_cookie(in, t);
    case FrameType::who_are_you:
      return on_who_are_you(in, t);
    case FrameType::i_am:
      return on_i_am(in, t);
    case FrameType::bencode:
      break;  // Mainline's; the demultiplexer keeps it away from here
  }
  t.drop(DropReason::unknown_frame);
}

void Session::Impl::on(const DatagramRefused& in, Turn& t) {
  refuse_dials(in.to, t);
  std::vector<PeerSerial> there;  // dialling may forget peers: never while walking them
  for (const Peer& peer : peers) {
    const std::vector<Endpoint>& hints = peer.endpoints;
    const bool tried = peer.attempt && std::find(hints.begin(), hints.end(), in.to) != hints.end();
    if (tried || peer.confirmed == in.to) there.push_back(peer.serial);
  }
  for (const PeerSerial serial : there)
    if (Peer* peer = find_peer(serial)) confirm_alive(*peer, in.to, t);
}

void Session::Impl::on(const Computed& in, Turn& t) {
  const auto it = jobs.find(in.token);
  if (it == jobs.end()) return t.drop(DropReason::unexpected);
  const PendingJob job = it->second;
  jobs.erase(it);
  const JobResult* result = in.result.get();
  switch (job.step) {
    case PendingJob::Step::initiate:
      if (const auto* made = dynamic_cast<const Initiated*>(result))
        return on_initiated(job, *made, t);
      break;
    case PendingJob::Step::respond:
      if (const auto* made = dynamic_cast<const Responded*>(result))
        return on_responded(job, *made, t);
      break;
    case PendingJob::Step::finish:
      if (const auto* made = dynamic_cast<const Finished*>(result))
        return on_finished(job, *made, t);
      break;
  }
  t.drop(DropReason::unexpected);
}

bool Session::Impl::submit(std::shared_ptr<const Job> job, PendingJob pending, Turn& t) {
  if (jobs.size() >= job_queue_limit) {
    t.drop(DropReason::under_load);
    return false;
  }
  const Token token{++last_token};
  pending.issued = t.now.mono;
  jobs.emplace(token, pending);
  t.push(Compute{token, std::move(job)});
  return true;
}

std::uint32_t Session::Impl::new_index(IndexOwner owner) {
  for (;;) {
    const auto drawn = secrets.draw<4>();
    const auto index = load_le<std::uint32_t>(drawn.data());
    if (index != 0 && indices.try_emplace(index, owner).second) return index;
  }
}

void Session::Impl::fire(const Timer& timer, Turn& t) {
  switch (timer.kind) {
    case Timer::Kind::attempt:
      if (Peer* peer = find_peer(timer.id)) on_attempt_timer(*peer, t);
      return;
    case Timer::Kind::race:
      if (Peer* peer = find_peer(timer.id)) race(*peer, t);
      return;
    case Timer::Kind::tend:
      if (Peer* peer = find_peer(timer.id)) tend(*peer, t);
      return;
    case Timer::Kind::ask:
      return on_ask_timer(timer.id, t);
    case Timer::Kind::stream:
      return on_stream_timer(timer.id, t);
  }
}

// Responses and jobs all live equally long: the oldest is the next to go, no timer needed.
void Session::Impl::expire_oldest(Turn& t) {
  while (!responses.empty() && responses.begin()->second.created + response_life <= t.now.mono)
    drop_response(responses.begin()->first);
  while (!jobs.empty() && jobs.begin()->second.issued + job_life <= t.now.mono)
    jobs.erase(jobs.begin());
}

void Session::Impl::expire(Turn& t) {
  expire_oldest(t);
  while (t.out.size() < outputs_budget) {
    const auto timer = timers.pop_due(t.now.mono);
    if (!timer) return;
    fire(*timer, t);
  }
}

std::optional<Instant> Session::Impl::next_deadline() const {
  std::optional<Instant> next = timers.next();
  if (!responses.empty()) next = earlier(next, responses.begin()->second.created + response_life);
  if (!jobs.empty()) next = earlier(next, jobs.begin()->second.issued + job_life);
  return next;
}

Session::Session(Config config, std::shared_ptr<const crypto::Identity> identity, Rng rng,
                 const ByteArray<32>& secret_seed)
    : impl_(std::make_unique<Impl>(std::move(config), std::move(identity), rng, secret_seed)) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;

void Session::step(const Input& input, Now now, Outbox& out) {
  Turn turn{now, out};
  std::visit([&](const auto& in) { impl_->on(in, turn); }, input);
  impl_->forget_hearsay(turn);
}

void Session::expire(Now now, Outbox& out) {
  Turn turn{now, out};
  impl_->expire(turn);
  impl_->forget_hearsay(turn);
}

std::optional<Instant> Session::next_deadline() const { return impl_->next_deadline(); }

std::vector<PeerSnapshot> Session::snapshot() const {
  std::vector<PeerSnapshot> all;
  for (const auto& [id, peer] : impl_->peers_by_id)
    if (impl_->linked(*peer))
      all.push_back(
          {id, peer->confirmed, peer->stream.has_value(), peer->rtt, peer->sent, peer->received});
  return all;
}

bool Session::has_session(const NodeId& peer) const {
  const auto it = impl_->peers_by_id.find(peer);
  return it != impl_->peers_by_id.end() && impl_->linked(*it->second);
}

}  // namespace kith::session
