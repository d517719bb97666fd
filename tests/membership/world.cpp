#include "world.hpp"

#include "kith/base/assert.hpp"

namespace kith::test {

World::World(WorldOptions options) : options_(options), rng_(options.seed) {
  network_ = crypto::network_id(as_bytes("root"), "test");
}

std::size_t World::add() {
  const std::size_t node = nodes_.size();
  ByteArray<32> seed{};
  store_le(seed.data(), node + 1);
  store_le(seed.data() + 8, options_.seed);
  nodes_.emplace_back();
  nodes_[node].identity =
      std::make_shared<const crypto::Identity>(crypto::Identity::from_seed(seed));
  index_[id(node)] = node;
  boot(node);
  return node;
}

void World::boot(std::size_t index) {
  Node& node = nodes_[index];
  ms::Config config;
  config.mode = options_.mode;
  config.network = network_;
  store_le(config.boot.bytes.data(), rng_.next());
  config.stored_incarnation = {node.stored};
  config.name = std::string(1, static_cast<char>('a' + index % 26));
  config.version = "0.1.0";
  config.addresses = {
      {IpAddress::v4(10, static_cast<Byte>(index >> 8), static_cast<Byte>(index), 1), 4747}};
  node.machine = std::make_unique<ms::Membership>(config, node.identity, rng_.fork());
  node.up = true;
  ++node.life;
  node.sessions.clear();
  node.timer.reset();
  arm(index);
}

void World::later(Duration after, std::function<void()> act) {
  events_.push({now_.mono + after, order_++, std::move(act)});
}

bool World::settle(std::size_t nodes) {
  add(nodes);
  meet_all();
  run(seconds(20));
  const bool one = agreed(nodes);
  changes().clear();
  return one;
}

void World::run(Duration time) {
  const Instant until = now_.mono + time;
  const auto move_to = [&](Instant at) {
    now_.mono = at;
    now_.wall.value = 1'800'000'000'000 + to_millis(now_.mono.time_since_epoch()) - 1'000'000;
  };
  while (!events_.empty() && events_.top().at <= until) {
    const Event event = events_.top();
    events_.pop();
    move_to(event.at);
    event.act();
  }
  move_to(until);
}

void World::arm(std::size_t index) {
  Node& node = nodes_[index];
  const auto deadline = node.machine->next_deadline();
  if (!deadline || (node.timer && *node.timer <= *deadline)) return;
  node.timer = *deadline;
  const std::uint64_t life = node.life;
  later(std::max(Duration(0), *deadline - now_.mono), [this, index, life, at = *deadline] {
    Node& n = nodes_[index];
    if (n.life != life || !n.up || n.timer != at) return;
    if (n.paused_until > now_.mono) {
      n.timer.reset();
      return later(n.paused_until - now_.mono, [this, index, life] {
        if (nodes_[index].life == life) arm(index);
      });
    }
    n.timer.reset();
    const auto due = n.machine->next_deadline();
    if (due && *due <= now_.mono) {
      ms::Membership::Outbox out;
      n.machine->expire(now_of(index), out);
      drain(index, out);
    } else {
      arm(index);
    }
  });
}

Now World::now_of(std::size_t index) const {
  return {now_.mono, {now_.wall.value + to_millis(nodes_[index].clock_off)}};
}

void World::step(std::size_t index, const ms::Input& input) {
  if (!running(index)) return;
  ms::Membership::Outbox out;
  nodes_[index].machine->step(input, now_of(index), out);
  drain(index, out);
}

void World::drain(std::size_t index, ms::Membership::Outbox& out) {
  out.drain([&](ms::Output output) { carry(index, std::move(output)); });
  if (running(index)) arm(index);
}

void World::carry(std::size_t index, ms::Output output) {
  const std::uint64_t life = nodes_[index].life;
  const auto answer = [this, index, life](Duration after, ms::Input input) {
    later(after, [this, index, life, input] {
      if (nodes_[index].life == life) step(index, input);
    });
  };
  match(
      std::move(output),
      [&](ms::SendMessage&& m) {
        const auto to = index_.find(m.to);
        if (to != index_.end()) deliver(index, to->second, std::move(m.message), m.stream);
      },
      [&](ms::Introduce&& m) {
        ++introduced;
        const auto known = index_.find(crypto::node_id(m.record->key));
        if (known != index_.end()) nodes_[index].known.insert(known->second);
      },
      [&](ms::MemberChanged&& m) {
        const auto subject = index_.find(m.member->id);
        if (subject != index_.end())
          changes_.push_back(
              {now_.mono, index, subject->second, m.member->verdict, m.member->alone});
      },
      [](ms::MemberReaped&&) {}, [&](ms::LeaveAnnounced&&) { left[index] = now_.mono; },
      [&](ms::TwinSeen&& twin) { twins[index].push_back(twin.younger); },
      [&](Compute&& m) {
        std::shared_ptr<const JobResult> result = m.job->run();
        answer(microseconds(100), Computed{m.token, std::move(result)});
      },
      [&](Persist&& m) {
        if (disk_full) return answer(milliseconds(1), DiskRefused{m.token, DiskRefusal::full});
        nodes_[index].stored = load_le<std::uint64_t>(m.value.data());
        answer(milliseconds(1), Persisted{m.token});
      },
      [&](Dropped&& d) { ++dropped[d.reason]; });
}

bool World::reachable(std::size_t a, std::size_t b) const {
  return !nodes_[a].silent && !nodes_[b].silent &&
         !cuts_.contains({std::min(a, b), std::max(a, b)});
}

void World::deliver(std::size_t from, std::size_t to, Buffer message, bool stream) {
  ++packets_;
  bytes_ += message.size();
  if (!nodes_[from].known.contains(to) || !reachable(from, to)) return;
  stream = stream || message.size() > wire::datagram_message_limit;
  const Duration way = latency();
  const bool lost = !stream && rng_.chance(options_.loss_per_mille, 1000);
  if (lost) return;
  const std::uint64_t life = nodes_[from].life;
  if (!nodes_[to].up) {
    return later(way * 2, [this, from, to, life] {
      if (nodes_[from].life == life && nodes_[from].paused_until <= now_.mono)
        step(from, ms::PeerRefused{id(to)});
    });
  }
  const auto lives = std::make_pair(life, nodes_[to].life);
  const auto session = nodes_[from].sessions.find(to);
  Duration handshake{};
  if (session == nodes_[from].sessions.end() || session->second != lives) handshake = way * 2;
  later(way + handshake, [this, from, to, life, message = std::move(message), stream] {
    arrive(from, to, life, message, stream);
  });
}

void World::arrive(std::size_t from, std::size_t to, std::uint64_t life, Buffer message,
                   bool stream) {
  if (!nodes_[to].up || nodes_[from].life != life || !reachable(from, to) || nodes_[to].deaf)
    return;
  if (nodes_[to].paused_until > now_.mono)
    return later(nodes_[to].paused_until - now_.mono,
                 [=, this] { arrive(from, to, life, message, stream); });
  const auto lives = std::make_pair(life, nodes_[to].life);
  const auto session = nodes_[from].sessions.find(to);
  if (session == nodes_[from].sessions.end() || session->second != lives) {
    nodes_[from].sessions[to] = lives;
    nodes_[to].sessions[from] = {lives.second, lives.first};
    nodes_[from].known.insert(to);
    nodes_[to].known.insert(from);
    step(from, ms::PeerEstablished{id(to), nodes_[to].identity->public_key()});
    step(to, ms::PeerEstablished{id(from), nodes_[from].identity->public_key()});
  }
  if (message.empty()) return;
  const auto decoded = wire::decode(message);
  KITH_ASSERT(decoded.has_value());
  step(to, ms::MessageReceived{id(from), &*decoded, message.size(), stream});
}

void World::meet(std::size_t a, std::size_t b) {
  nodes_[a].known.insert(b);
  deliver(a, b, Buffer(), true);
}

void World::meet_all() {
  for (std::size_t i = 1; i < nodes_.size(); ++i) meet(i, 0);
}

void World::kill(std::size_t node) {
  nodes_[node].up = false;
  ++nodes_[node].life;
}

void World::restart(std::size_t node, bool wiped) {
  if (wiped) nodes_[node].stored = 0;
  boot(node);
}

void World::silence(std::size_t node, bool on) { nodes_[node].silent = on; }
void World::pause(std::size_t node, Duration time) { nodes_[node].paused_until = now_.mono + time; }

void World::cut(std::size_t a, std::size_t b, bool on) {
  const auto link = std::make_pair(std::min(a, b), std::max(a, b));
  if (on)
    cuts_.insert(link);
  else
    cuts_.erase(link);
}

void World::inject(std::size_t from, std::size_t to, const wire::Message& message) {
  step(to, ms::MessageReceived{id(from), &message, 0, false});
}

wire::Suspicion World::suspicion_of(std::size_t accuser, std::size_t subject, std::size_t to) {
  wire::Suspicion suspicion;
  suspicion.subject = {wire::prefix_of(id(subject)), at(to).find(id(subject))->record->incarnation,
                       wire::Verdict::suspect, record_hash(to, subject)};
  suspicion.accuser = wire::prefix_of(id(accuser));
  suspicion.stamp = now_.wall;
  suspicion.signature =
      identity(accuser)->sign(wire::suspicion_message(network_, id(subject), suspicion).view());
  return suspicion;
}

void World::suspicion_by(std::size_t accuser, std::size_t subject, std::size_t to) {
  inject(accuser, to, wire::GossipPush{{{}, {suspicion_of(accuser, subject, to)}}});
}

void World::later_proof_by(std::size_t accuser, std::size_t subject, std::size_t to) {
  const wire::Suspicion suspicion = suspicion_of(accuser, subject, to);
  wire::Reference dead = suspicion.subject;
  dead.verdict = wire::Verdict::dead;
  inject(accuser, to, wire::GossipPush{{{dead}, {suspicion}}});
}

std::optional<wire::Verdict> World::verdict(std::size_t observer, std::size_t subject) {
  const ms::MemberPtr member = at(observer).find(id(subject));
  return member ? std::optional(member->verdict) : std::nullopt;
}

// A signed record is deterministic (Ed25519), so its bytes can be made again from its content.
wire::RecordHash World::record_hash(std::size_t observer, std::size_t subject) {
  const Bytes body = wire::member_record_body(*at(observer).find(id(subject))->record);
  const Signature signature =
      identity(subject)->sign(wire::member_record_message(network_, body).view());
  return crypto::hash64({wire::encode_member_record(body, signature).view()});
}

bool World::agreed(std::size_t live) {
  for (std::size_t i = 0; i < size(); ++i)
    if (running(i) && at(i).live_count() != live) return false;
  return true;
}

}  // namespace kith::test
