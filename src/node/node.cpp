#include "kith/node/node.hpp"

#include "constants.hpp"
#include "impl.hpp"

namespace kith::node {

static_assert(Machine<Node>);
static_assert(sizeof(Output) <= 64);

namespace {

NetworkId network_of(const Config& config) {
  return crypto::network_id(config.root, config.network_name);
}

discovery::Lan lan_of(const Config& config) {
  discovery::Lan lan;
  if (config.mode == Mode::lan && config.root.size() == lan.id.size())
    std::copy(config.root.begin(), config.root.end(), lan.id.begin());
  lan.holds_records = !config.stored_records.empty();
  return lan;
}

session::Config session_config(const Config& config, Now now) {
  const std::uint64_t stored = meta_number(config.stored_meta, meta_incarnation);
  const auto wall = static_cast<std::uint64_t>(std::max<std::int64_t>(now.wall.value, 0));
  const discovery::Lan lan = lan_of(config);
  return {config.mode,         network_of(config),          config.psk,
          config.previous_psk, {lan.id, lan.holds_records}, {std::max(stored + 1, wall)},
          config.boot,         config.trust_first,          config.versions,
          config.features,     config.tuning.session};
}

membership::Config membership_config(const Config& config) {
  membership::Config out;
  out.mode = config.mode;
  out.network = network_of(config);
  out.boot = config.boot;
  out.stored_incarnation = {meta_number(config.stored_meta, meta_incarnation)};
  out.name = config.name;
  out.tags = config.tags;
  out.version = config.version;
  out.addresses = config.advertise;
  out.records = config.records;
  out.versions = config.versions;
  out.ext = config.member_ext;
  out.tuning = config.tuning.membership;
  return out;
}

UnixMillis meta_time(const Config& config, std::string_view name) {
  return {static_cast<std::int64_t>(meta_number(config.stored_meta, name))};
}

dht::Config dht_config(const Config& config) {
  dht::Config out;
  out.mode = config.mode;
  out.network = network_of(config);
  out.root = config.root;
  out.last_seen = meta_time(config, meta_seen);
  out.counting = meta_counting_of(config.stored_meta, out.network);
  out.ext = config.record_ext;
  out.tuning = config.tuning.dht;
  out.expects_peers = !config.join.empty() || !meta_peers_of(config.stored_meta).empty();
  return out;
}

discovery::Config discovery_config(const Config& config, const NodeId& self) {
  discovery::Config out;
  out.mode = config.mode;
  out.network_name = config.network_name;
  out.network = network_of(config);
  out.lan = lan_of(config);
  out.adopted_records = config.adopted_records;
  out.boot = config.boot;
  out.self = self;
  out.beacon = config.lan_discovery;
  out.trust_first = config.trust_first;
  out.lan_exclude = config.lan_exclude;
  out.listen = config.listen;
  for (const std::string& text : config.join)
    if (auto target = discovery::parse_target(text)) out.join.push_back(*std::move(target));
  for (const SavedPeer& peer : meta_peers_of(config.stored_meta))
    out.saved.push_back(
        {to_string(peer.endpoint), to_string(peer.endpoint.ip), peer.endpoint.port, peer.key});
  return out;
}

}  // namespace

Node::Impl::Impl(Config c, std::shared_ptr<const crypto::Identity> i, Now at)
    : config(std::move(c)),
      identity(std::move(i)),
      network(network_of(config)),
      rng(config.seed),
      lan(lan_of(config)),
      session(session_config(config, at), identity, rng.fork(), config.secret_seed),
      membership(membership_config(config), identity, rng.fork()),
      dht(dht_config(config), identity, rng.fork()),
      discovery(discovery_config(config, identity->id()), rng.fork()),
      next_save(at.mono + save_interval),
      now(at) {
  due = {session.next_deadline(), membership.next_deadline(), dht.next_deadline(),
         discovery.next_deadline()};
}

void Node::Impl::start() {
  for (const Buffer& raw : std::exchange(config.stored_records, {})) tell(dht::RecordLoaded{raw});
  for (const Bytes& key : std::exchange(config.damaged_records, {}))
    if (key.size() == RecordId::size) tell(dht::RecordDamaged{RecordId::from(key)});
  const UnixMillis synced = meta_time(config, meta_synced);
  tell(membership::SelfChanged{std::nullopt, synced});
  for (const SavedPeer& peer : meta_peers_of(config.stored_meta))
    tell(session::PeerIntroduced{peer.key, {peer.endpoint}});
  discovery.start(now, from_discovery);
  due.discovery = discovery.next_deadline();
  save_seen();
}

// --- what the world says ------------------------------------------------------------------------

void Node::Impl::handle(const Input& input) {
  match(
      input,
      [&](const session::DatagramReceived& in) {
        // The beacon's type is apart from every frame's: an answer by unicast comes in here.
        if (!in.bytes.empty() && in.bytes[0] == beacon_first_byte)
          return tell(discovery::BeaconReceived{in.from, in.from.ip.scope, in.bytes});
        tell(in);
      },
      [&](const session::DatagramRefused& in) { tell(in); },
      [&](const session::StreamOpened& in) { tell(in); },
      [&](const session::StreamBytes& in) { tell(in); },
      [&](const session::StreamCredit& in) { tell(in); },
      [&](const session::StreamClosed& in) { tell(in); },
      [&](const discovery::BeaconReceived& in) { tell(in); },
      [&](const discovery::InterfacesChanged& in) { tell(in); },
      [&](const discovery::Resolved& in) {
        if (!is_ours(in.token)) return drop(DropReason::unexpected);
        tell(discovery::Resolved{inner(in.token), in.addresses});
      },
      [&](const Computed& in) { answer(in.token, Computed{inner(in.token), in.result}); },
      [&](const Persisted& in) { answer(in.token, Persisted{inner(in.token)}); },
      [&](const Loaded& in) { answer(in.token, Loaded{inner(in.token), in.found, in.value}); },
      [&](const DiskRefused& in) { answer(in.token, DiskRefused{inner(in.token), in.reason}); },
      [&](const dht::PutRequested& in) { tell(in); },
      [&](const dht::GetRequested& in) { tell(in); },
      [&](const dht::LookupRequested& in) { tell(in); }, [&](const JoinRequested& in) { join(in); },
      [&](const LeaveRequested&) { leave(true); }, [&](const StopRequested&) { leave(false); },
      [&](const ForgetRequested& in) { forget(in); }, [&](const PingRequested& in) { ping(in); },
      [&](const LoadMeasured& in) {
        tell(session::LoadReported{in.loop_lag, in.jobs_queued});
        tell(membership::LoadReported{in.loop_lag});
      },
      [&](const TimeSkipped& in) {
        tell(session::TimeSkipped{in.gap});
        tell(membership::TimeSkipped{in.gap});
        tell(dht::TimeSkipped{in.gap});
      });
}

// The world's answer to an order goes to the room that gave it, if it was a room of this node.
template <class Answer>
void Node::Impl::answer(Token token, const Answer& given) {
  if (!is_ours(token)) return drop(DropReason::unexpected);
  const auto tell_if_it_takes = [&]<class RoomInput>(std::in_place_type_t<RoomInput>) {
    if constexpr (std::is_constructible_v<RoomInput, Answer>) tell(RoomInput(given));
  };
  switch (room_of(token)) {
    case Room::session:
      return tell_if_it_takes(std::in_place_type<session::Input>);
    case Room::membership:
      return tell_if_it_takes(std::in_place_type<membership::Input>);
    case Room::dht:
      return tell_if_it_takes(std::in_place_type<dht::Input>);
    case Room::node:  // our own meta writes: nothing waits for them
    case Room::discovery:
      return;
  }
}

void Node::Impl::join(const JoinRequested& request) {
  joins.begin(request, now);
  const auto target = discovery::parse_target(request.target);
  if (!target) return;  // checked before; the operation ends at its deadline
  discovery::JoinRequested order{request.ticket, *target, request.trust_first, {}};
  if (request.adopt) order.adopt_until = now.mono + request.deadline;
  tell(order);
}

void Node::Impl::forget(const ForgetRequested& request) {
  tell(membership::ForgetRequested{request.peer});
  tell(dht::MemberForgotten{request.peer});
  tell(session::PeerForgotten{request.peer});
  out->push(Completed{request.ticket, std::make_shared<OperationReport>(PingReport{true, {}})});
}

void Node::Impl::ping(const PingRequested& request) {
  const RequestId id{rng.next()};
  pings.emplace(id, Ping{request.ticket, request.peer, now.mono, now.mono + request.deadline});
  const auto deadline = static_cast<std::uint32_t>(to_millis(request.deadline));
  const wire::Ping question{{id, deadline, Lane::membership, 0}, {}};
  tell(session::SendRequested{request.peer, wire::encode(question), Lane::membership});
}

// --- leaving ------------------------------------------------------------------------------------

// `leave` hands everything over first and stops counting; SIGTERM does neither: a restart moves
// nothing.
void Node::Impl::leave(bool drain) {
  if (leaving == Leaving::announcing || leaving == Leaving::done) return;
  if (!drain) return announce_leave();
  if (leaving == Leaving::draining) return;
  leaving = Leaving::draining;
  leave_deadline = now.mono + drain_limit;
  tell(dht::DrainRequested{});
}

void Node::Impl::announce_leave() {
  leaving = Leaving::announcing;
  tell(dht::StopRequested{});  // whatever runs ends with a definite answer
  leave_deadline = now.mono + announce_limit;
  tell(membership::LeaveRequested{});
}

void Node::Impl::finish_leave() {
  if (leaving == Leaving::done) return;
  leaving = Leaving::done;
  leave_deadline.reset();
  save_peers();
  save_seen();
  out->push(Left{});
}

// --- time ---------------------------------------------------------------------------------------

void Node::Impl::expire() {
  const auto passed = [&](std::optional<Instant> deadline) {
    return deadline && *deadline <= now.mono;
  };
  const auto expire_room = [&](auto& room, Now at, auto& said, std::optional<Instant>& deadline) {
    if (!passed(deadline)) return;
    room.expire(at, said);
    deadline = room.next_deadline();
  };
  expire_room(session, now, from_session, due.session);
  expire_room(membership, now, from_membership, due.membership);
  expire_room(dht, passed(due.dht) ? corrected() : now, from_dht, due.dht);
  expire_room(discovery, now, from_discovery, due.discovery);
  for (Joins::Ended& ended : joins.expired(now)) end_join(std::move(ended));
  for (auto it = pings.begin(); it != pings.end();) {
    if (it->second.deadline > now.mono) {
      ++it;
      continue;
    }
    out->push(Completed{it->second.ticket, std::make_shared<OperationReport>(PingReport{})});
    it = pings.erase(it);
  }
  if (passed(next_save)) {
    next_save = now.mono + save_interval;
    save_peers();
    save_seen();
  }
  if (passed(leave_deadline)) leaving == Leaving::draining ? announce_leave() : finish_leave();
}

std::optional<Instant> Node::Impl::next_deadline() const {
  std::optional<Instant> next = earlier(due.session, due.membership);
  next = earlier(next, earlier(due.dht, due.discovery));
  next = earlier(next, earlier(joins.next_deadline(), leave_deadline));
  for (const auto& [id, ping] : pings) next = earlier(next, ping.deadline);
  return earlier(next, next_save);
}

void Node::Impl::save_meta(std::string_view name, Buffer value) {
  const Token token = outer(Room::node, {++last_token});
  out->push(Persist{token, Table::meta, Buffer(as_bytes(name)), std::move(value)});
}

// Not while records of a long absence are on disk: the next start must know them for such.
void Node::Impl::save_seen() {
  if (dht.forgetting()) return;
  save_meta(meta_seen, encode_number(static_cast<std::uint64_t>(corrected().wall.value)));
}

void Node::Impl::save_peers() {
  std::vector<SavedPeer> peers;
  for (const auto& [id, known] : told) {
    if (peers.size() == saved_peers_limit) break;
    const auto member = known.reachable ? membership.find(id) : nullptr;
    if (member && !member->record->addresses.empty())
      peers.push_back({member->record->key, member->record->addresses.front()});
  }
  for (const auto& [id, peer] : dead_peers)
    if (peers.size() < saved_peers_limit) peers.push_back(peer);
  saved_count = reachable;
  // Alone, the old cache is worth more than an empty one.
  if (peers.empty()) return;
  Buffer encoded = encode_peers(peers);
  if (encoded == saved_peers) return;
  saved_peers = encoded;
  save_meta(meta_peers, std::move(encoded));
}

// --- the machine --------------------------------------------------------------------------------

Node::Node(Config config, std::shared_ptr<const crypto::Identity> identity, Now now)
    : impl_(std::make_unique<Impl>(std::move(config), std::move(identity), now)) {}
Node::~Node() = default;
Node::Node(Node&&) noexcept = default;
Node& Node::operator=(Node&&) noexcept = default;

void Node::start(Now now, Outbox& out) {
  impl_->now = now;
  impl_->out = &out;
  impl_->start();
  impl_->pump();
}

void Node::step(const Input& input, Now now, Outbox& out) {
  impl_->now = now;
  impl_->out = &out;
  impl_->handle(input);
  impl_->pump();
}

void Node::expire(Now now, Outbox& out) {
  impl_->now = now;
  impl_->out = &out;
  impl_->expire();
  impl_->pump();
}

std::optional<Instant> Node::next_deadline() const { return impl_->next_deadline(); }

Snapshot Node::snapshot() const {
  Snapshot out;
  out.id = impl_->identity->id();
  out.network = impl_->network;
  out.joined = impl_->live > 1;
  out.membership = impl_->membership.snapshot();
  out.dht = impl_->dht.snapshot();
  out.discovery = impl_->discovery.snapshot();
  out.peers = impl_->session.snapshot();
  out.dropped = impl_->dropped;
  return out;
}

std::optional<NodeId> Node::find_member(std::string_view text) const {
  std::optional<NodeId> found;
  bool ambiguous = false;
  for (const membership::MemberSnapshot& entry : impl_->membership.snapshot().members) {
    const membership::Member& member = *entry.member;
    if (to_string(member.id) == text) return member.id;  // whatever others call themselves
    const bool by_id = text.size() >= 4 && to_string(member.id).starts_with(text);
    const bool by_name = member.record && member.record->name == text;
    if (!by_id && !by_name) continue;
    ambiguous |= found.has_value();
    found = member.id;
  }
  return ambiguous ? std::nullopt : found;
}

}  // namespace kith::node
