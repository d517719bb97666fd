#include "world.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>

#include "kith/base/visit.hpp"
#include "kith/crypto/hash.hpp"
#include "kith/wire/constants.hpp"

namespace kith::test {
namespace {

constexpr std::size_t credit = 64 * 1024;

Endpoint endpoint_of(const std::string& text) {
  const auto endpoint = parse_endpoint(text.find(':') == std::string::npos ? text + ":4747" : text);
  REQUIRE(endpoint.has_value());
  return *endpoint;
}

std::string shown(const Buffer& message) {
  if (message.size() <= 40) return "\"" + to_text(message.view()) + "\"";
  return std::to_string(message.size()) + " bytes";
}

}  // namespace

std::string frame_name(ByteView bytes) {
  static const char* const names[] = {
      "?", "who_are_you", "i_am", "handshake_init", "handshake_reply", "cookie", "sealed"};
  return bytes.empty() || bytes[0] > 6 ? "?" : names[bytes[0]];
}

std::string outcome_name(s::Undelivered reason) {
  switch (reason) {
    case s::Undelivered::no_route:
      return "no_route";
    case s::Undelivered::no_answer:
      return "no_answer";
    case s::Undelivered::refused:
      return "refused";
    case s::Undelivered::unreachable:
      return "unreachable";
    case s::Undelivered::overflow:
      return "overflow";
  }
  return "?";
}

World::Node& World::add(const std::string& name, const std::string& address,
                        const std::function<void(s::Config&)>& change) {
  Node& node = nodes_[name];
  node.name = name;
  node.at = endpoint_of(address);
  ByteArray<32> seed{};
  std::copy(name.begin(), name.end(), seed.begin());
  node.identity = std::make_shared<const crypto::Identity>(crypto::Identity::from_seed(seed));
  node.config.network = crypto::network_id(as_bytes("root"), "home");
  if (change) change(node.config);
  start(node);
  return node;
}

void World::start(Node& node, std::optional<Incarnation> incarnation) {
  ++starts_;
  node.config.incarnation = incarnation.value_or(Incarnation{starts_});
  store_le(node.config.boot.bytes.data(), starts_);
  ByteArray<32> secret{};
  store_le(secret.data(), seed_);
  store_le(secret.data() + 8, starts_);
  node.session =
      std::make_unique<s::Session>(node.config, node.identity, Rng(seed_ + starts_), secret);
  node.alive = true;
  s::SubnetsChanged subnets;
  subnets.subnets.push_back({IpAddress::v4(10, 0, 0, 0), 96 + 24});
  subnets.gateways.push_back(IpAddress::v4(10, 0, 0, 254));
  input(node.name, subnets);
}

void World::restart(const std::string& name) { start(node(name)); }

void World::roll_back(const std::string& name, Incarnation to) { start(node(name), to); }

void World::kill(const std::string& name) {
  Node& dead = node(name);
  dead.alive = false;
  std::vector<s::StreamId> open;
  for (const auto& [key, pipe] : pipes_)
    if (key.first == name) open.push_back(key.second);
  for (const s::StreamId id : open) close_pipe(dead, id, s::StreamEnd::reset);
}

void World::lose_streams(const std::string& name) {
  std::vector<s::StreamId> open;
  for (const auto& [key, pipe] : pipes_)
    if (key.first == name) open.push_back(key.second);
  for (const s::StreamId id : open) {
    const auto pipe = pipes_.extract({name, id});
    lost_.insert({pipe.mapped().other, pipe.mapped().other_id});
    input(name, s::StreamClosed{id, s::StreamEnd::timed_out});
  }
}

void World::move(const std::string& name, const std::string& address) {
  node(name).at = endpoint_of(address);
}

void World::introduce(const std::string& to, const std::string& who) {
  input(to, s::PeerIntroduced{node(who).identity->public_key(), {node(who).at}});
}

void World::send(const std::string& from, const std::string& to, ByteView message, bool stream,
                 Lane lane) {
  input(from, s::SendRequested{id(to), Buffer(message), lane, stream});
}

void World::dial(const std::string& from, const std::string& address, const std::string& pin,
                 bool trust_first) {
  s::DialRequested request{{++ticket_}, endpoint_of(address), std::nullopt, trust_first};
  if (!pin.empty()) request.pin = node(pin).identity->public_key();
  input(from, request);
}

void World::input(const std::string& to, const s::Input& in) {
  Node& target = node(to);
  if (!target.alive) return;
  target.session->step(in, now, out_);
  drain(target);
}

void World::inject(const std::string& to, const Endpoint& from, ByteView bytes) {
  input(to, s::DatagramReceived{from, bytes});
}

void World::drain(Node& node) {
  std::vector<s::Output> outputs = out_.take();
  for (s::Output& output : outputs) on(node, std::move(output));
}

void World::run(Duration time) {
  const Instant until = now.mono + time;
  for (;;) {
    std::optional<Instant> next;
    Node* due = nullptr;
    for (auto& [name, node] : nodes_) {
      if (!node.alive) continue;
      const auto deadline = node.session->next_deadline();
      if (deadline && (!next || *deadline < *next)) {
        next = deadline;
        due = &node;
      }
    }
    const bool event_first = !events_.empty() && (!next || events_.begin()->first.first <= *next);
    if (event_first) next = events_.begin()->first.first;
    if (!next || *next > until) break;
    if (*next > now.mono) {
      now.wall.value += to_millis(*next - now.mono);
      now.mono = *next;
    }
    if (event_first) {
      const auto act = std::move(events_.begin()->second);
      events_.erase(events_.begin());
      act();
    } else {
      due->session->expire(now, out_);
      const auto after = due->session->next_deadline();
      CHECK((!after || *after > now.mono));
      drain(*due);
    }
  }
  now.wall.value += to_millis(until - now.mono);
  now.mono = until;
}

void World::later(Duration delay, std::function<void()> act) {
  events_.emplace(std::pair(now.mono + delay, ++event_), std::move(act));
}

void World::note(const std::string& line) {
  char time[32];
  std::snprintf(time, sizeof time, "%.3f ",
                static_cast<double>((now.mono - Instant(seconds(1000))).count()) / 1e6);
  trace.push_back(time + line);
}

std::string World::name_of(const NodeId& id) const {
  for (const auto& [name, node] : nodes_)
    if (node.identity->id() == id) return name;
  return "nobody";
}

World::Node* World::at(const Endpoint& endpoint) {
  for (auto& [name, node] : nodes_)
    if (node.at == endpoint) return &node;
  return nullptr;
}

void World::on(Node& node, s::Output output) {
  match(
      output, [&](const s::Transmit& out) { transmit(node, out); },
      [&](const s::OpenStream& out) { open_stream(node, out); },
      [&](const s::WriteStream& out) { write_stream(node, out); },
      [&](const s::CloseStream& out) {
        note(node.name + " closes stream");
        close_pipe(node, out.stream, s::StreamEnd::closed);
      },
      [&](const s::Received& out) {
        note(node.name + " received from " + name_of(out.from) + ": " + shown(out.message) +
             (out.stream ? " by stream" : ""));
        delivered.push_back({node.name, name_of(out.from),
                             Bytes(out.message.view().begin(), out.message.view().end()),
                             out.stream});
      },
      [&](const s::Established& out) { note(node.name + " established " + name_of(out.peer)); },
      [&](const s::EndpointMoved& out) {
        note(node.name + " finds " + name_of(out.peer) + " at " + to_string(out.endpoint));
      },
      [&](const s::DeliveryFailed& out) {
        note(node.name + " cannot deliver to " + name_of(out.peer) + ": " +
             outcome_name(out.reason));
      },
      [&](const s::DialFinished& out) {
        note(node.name + " dial " + std::to_string(out.ticket.value) + ": " +
             std::string(s::to_string(out.outcome)) +
             (out.outcome == s::DialOutcome::ok ? " " + name_of(out.peer) : ""));
      },
      [&](const s::LanSeen& out) {
        note(node.name + " sees lan " + to_hex(ByteView(out.lan.bytes).first(2)) + " at " +
             to_string(out.from));
      },
      [&](const Compute& out) {
        if (!run_jobs) return;
        node.session->step(Computed{out.token, out.job->run()}, now, out_);
        drain(node);
      },
      [&](const Dropped& out) {
        ++drops[out.reason];
        note(node.name + " dropped: " + std::string(to_string(out.reason)));
      });
}

void World::transmit(Node& node, const s::Transmit& out) {
  Node* target = at(out.to);
  const std::string to = target ? target->name : to_string(out.to);
  const ByteView bytes = out.bytes.view();
  captured.push_back({node.name, to, node.at, out.to, Bytes(bytes.begin(), bytes.end())});
  const bool lost = cut.contains({node.name, to}) || rng_.below(100) < lose_percent;
  if (show_frames)
    note(node.name + " -> " + to + " " + frame_name(bytes) + " " + std::to_string(bytes.size()) +
         (lost ? " (lost)" : ""));
  if (lost) return;
  const int copies = rng_.below(100) < duplicate_percent ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    const Duration delay = latency + rng_.between(Duration(0), jitter);
    const Endpoint from = node.at, target_at = out.to;
    const Buffer payload = out.bytes;
    const std::string sender = node.name;
    later(delay, [this, from, target_at, payload, sender] {
      Node* receiver = at(target_at);
      if (receiver && receiver->alive) return inject(receiver->name, from, payload.view());
      if (receiver) input(sender, s::DatagramRefused{target_at});
    });
  }
}

void World::open_stream(Node& node, const s::OpenStream& out) {
  note(node.name + " opens stream to " + to_string(out.to));
  const std::string name = node.name;
  later(latency, [this, name, out] {
    Node* target = at(out.to);
    Node& opener = this->node(name);
    if (!target) return;  // silence
    if (!target->alive || refuse_streams) {
      input(name, s::StreamClosed{out.stream, s::StreamEnd::refused});
      return;
    }
    const s::StreamId inbound = next_inbound_;
    next_inbound_ += 2;
    pipes_[{name, out.stream}] = {name, target->name, inbound, out.to};
    pipes_[{target->name, inbound}] = {target->name, name, out.stream, opener.at};
    const std::string accepting = target->name;
    input(accepting, s::StreamOpened{inbound, Endpoint{opener.at.ip, 50000}, true});
    input(accepting, s::StreamCredit{inbound, credit});
    input(name, s::StreamOpened{out.stream, out.to, false});
    input(name, s::StreamCredit{out.stream, credit});
  });
}

void World::write_stream(Node& node, const s::WriteStream& out) {
  const auto it = pipes_.find({node.name, out.stream});
  if (it == pipes_.end() && lost_.contains({node.name, out.stream})) return;  // it was not told
  REQUIRE(it != pipes_.end());
  const Pipe pipe = it->second;
  const std::string name = node.name;
  later(latency, [this, pipe, out, name] {
    if (stall || !pipes_.contains({pipe.other, pipe.other_id})) return;
    input(pipe.other, s::StreamBytes{pipe.other_id, out.bytes.view()});
    if (pipes_.contains({name, out.stream}))
      input(name, s::StreamCredit{out.stream, out.bytes.size()});
  });
}

void World::close_pipe(Node& node, s::StreamId id, s::StreamEnd reason) {
  const auto it = pipes_.find({node.name, id});
  if (it == pipes_.end()) return;
  const Pipe pipe = it->second;
  pipes_.erase(it);
  later(latency, [this, pipe, reason] {
    if (pipes_.erase({pipe.other, pipe.other_id}))
      input(pipe.other, s::StreamClosed{pipe.other_id, reason});
  });
}

std::size_t count(const World& world, const std::string& part) {
  return static_cast<std::size_t>(
      std::count_if(world.trace.begin(), world.trace.end(),
                    [&](const std::string& line) { return line.find(part) != std::string::npos; }));
}

void meet(World& world) {
  world.add("a", "10.0.0.1");
  world.add("b", "10.0.0.2");
  world.introduce("a", "b");
  world.send("a", "b", as_bytes("hello"));
  world.run(seconds(1));
  REQUIRE_EQ(count(world, "b received from a"), 1);
}

}  // namespace kith::test
