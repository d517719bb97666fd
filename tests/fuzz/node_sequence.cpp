// The whole node under any sequence of what the world and one authenticated peer say: the peer's
// messages go in under a genuine session, so whatever it invents reaches every machine. Each
// operation ends once and in time; no datagram is longer than a datagram.
#include <set>

#include "../wire/samples.hpp"
#include "drive.hpp"
#include "handshake_jobs.hpp"
#include "kith/node/node.hpp"
#include "members.hpp"
#include "target.hpp"

using namespace kith;

namespace {

enum Op : std::uint8_t {
  op_peer_raw,
  op_peer_record,
  op_peer_sample,
  op_advance,
  op_datagram,
  op_put,
  op_get,
  op_lookup,
  op_join,
  op_ping,
  op_forget,
  op_end,
  op_stream,
  op_stream_bytes,
  op_stream_end,
  op_refused,
  op_skip,
  op_disk,
  op_interfaces,
  op_resolved,
  op_count
};

const Endpoint own_place{IpAddress::v4(127, 0, 0, 1), 1001},
    peer_place{IpAddress::v4(127, 0, 0, 1), 1002};
const Bytes root(32, 7);
const Now start{Instant(seconds(1000)), {1'760'000'000'000}};

node::Config config_of(fuzz::Input& in) {
  node::Config config;
  config.mode = in.flip() ? Mode::private_ : Mode::lan;
  config.network_name = "home";
  config.root = config.mode == Mode::lan ? Bytes(16, 7) : root;
  config.boot.bytes.fill(1);
  config.name = "self";
  config.listen = config.advertise = {own_place};
  config.secret_seed[0] = 1;
  config.lan_discovery = config.mode == Mode::lan;
  if (in.flip()) {
    for (const std::string_view name : {"incarnation", "synced", "seen", "counted", "peers"})
      config.stored_meta.emplace_back(fuzz::text(name), Buffer(in.chunk()));
    config.stored_records.push_back(Buffer(in.chunk()));
    if (!wire::decode_record(config.stored_records.back()))
      config.damaged_records.emplace_back(RecordId::size, Byte{3});
  }
  return config;
}

class World {
 public:
  explicit World(fuzz::Input& in) : World(in, config_of(in)) {}

  void step() {
    const std::size_t op = in_.below(op_count);
    switch (op) {
      case op_peer_raw:
        return say(Buffer(in_.long_chunk()));
      case op_peer_record:
        return say(wire::encode(wire::Members{{0}, {fuzz::member_record(in_, 1, network_)}, {}}));
      case op_peer_sample: {
        static const auto samples = test::sample_messages();
        return say(wire::encode(samples[in_.below(samples.size())]));
      }
      case op_advance: {
        const Duration time = in_.pause();
        node_.advance(time);
        peer_.advance(time);
        return settle();
      }
      case op_datagram: {
        const Bytes bytes = fuzz::copy(in_.chunk());
        return give(session::DatagramReceived{{peer_place.ip, in_.u8()}, bytes});
      }
      case op_stream_bytes: {
        const Bytes bytes = fuzz::copy(in_.chunk());
        return give(session::StreamBytes{in_.below(8), bytes});
      }
      case op_disk:
        disk_ = in_.below(3);
        return;
      default:
        give(fact(op));
    }
  }

  void finish() {
    for (int left = 8; left > 0; --left) {
      node_.advance(seconds(2));
      settle();
    }
    KITH_ASSERT(open_.empty());
    node_.machine.snapshot();
  }

 private:
  World(fuzz::Input& in, const node::Config& config)
      : in_(in),
        network_(crypto::network_id(config.root, config.network_name)),
        node_(
            node::Node(config, fuzz::identity(0), start),
            [this](node::Output&& output, std::deque<node::Input>& answers) {
              on(output, answers);
            },
            start),
        peer_(
            make_peer(config),
            [this](session::Output&& output, std::deque<session::Input>& answers) {
              if (const auto* job = std::get_if<Compute>(&output))
                answers.push_back(fuzz::answer_handshake(1, *job));
              if (const auto* sent = std::get_if<session::Transmit>(&output))
                under_way_.push_back({true, sent->bytes});
            },
            start) {
    node_.act([](node::Node& node, Now now, auto& out) { node.start(now, out); });
    const auto key = fuzz::identity(0)->public_key();
    peer_.step(session::SubnetsChanged{{{own_place.ip, 96 + 8}}, {}});
    peer_.step(session::DialRequested{{1}, own_place, key, false});
    settle();
  }
  session::Session make_peer(const node::Config& config) const {
    session::Config made;
    made.mode = config.mode;
    made.network = network_;
    made.incarnation = {1};
    made.boot.bytes.fill(2);
    std::copy_n(config.root.begin(), 16, made.lan.bytes.begin());
    return session::Session(made, fuzz::identity(1), Rng(2), ByteArray<32>{2});
  }

  void say(Buffer message) {
    if (message.empty() || message.size() > wire::datagram_message_limit) return;
    peer_.step(session::SendRequested{fuzz::identity(0)->id(), std::move(message)});
    settle();
  }
  void give(const node::Input& input) {
    node_.step(input);
    settle();
  }
  void settle() {
    for (int left = 200; left > 0 && !under_way_.empty(); --left) {
      const auto [to_node, bytes] = std::move(under_way_.front());
      under_way_.pop_front();
      if (to_node)
        node_.step(session::DatagramReceived{peer_place, bytes.view()});
      else
        peer_.step(session::DatagramReceived{own_place, bytes.view()});
    }
    under_way_.clear();
  }

  Ticket ticket() {
    open_.insert({++last_ticket_});
    return {last_ticket_};
  }
  std::string name() { return "k" + std::to_string(in_.below(3)); }

  node::Input fact(std::size_t op) {
    const std::uint8_t shape = in_.u8();
    const NodeId someone = fuzz::identity(shape % 4)->id();
    switch (op) {
      case op_put: {
        dht::PutRequested put{ticket(), name()};
        put.value = Buffer(in_.chunk());
        return put;
      }
      case op_get:
        return dht::GetRequested{ticket(), name(), std::nullopt};
      case op_lookup:
        return dht::LookupRequested{ticket(), name()};
      case op_join: {
        const std::string_view targets[] = {"127.0.0.1:1002", "127.0.0.1:9", "peer.example", "::"};
        return node::JoinRequested{ticket(), std::string(targets[shape % 4]), (shape & 64) != 0,
                                   (shape & 128) != 0};
      }
      case op_ping:
        return node::PingRequested{ticket(), someone};
      case op_forget:
        return node::ForgetRequested{ticket(), someone};
      case op_end:
        if (shape == 1) return node::LeaveRequested{};
        if (shape == 2) return node::StopRequested{};
        return node::LoadMeasured{milliseconds(shape), 0};
      case op_stream:
        return session::StreamOpened{shape % 8u, peer_place, (shape & 8) != 0};
      case op_stream_end:
        return session::StreamClosed{shape % 8u, static_cast<session::StreamEnd>(shape / 8 % 5)};
      case op_refused:
        return session::DatagramRefused{peer_place};
      case op_interfaces: {
        discovery::Interface one;
        one.index = 1;
        one.name = "eth0";
        one.subnets = {{IpAddress::v4(10, 0, 0, shape), 96 + 24}};
        return discovery::InterfacesChanged{{one}};
      }
      case op_resolved:
        return discovery::Resolved{last_resolve_, {IpAddress::v4(127, 0, 0, shape)}};
      default:
        return node::TimeSkipped{seconds(shape)};
    }
  }

  void on(const node::Output& output, std::deque<node::Input>& answers) {
    if (const auto* job = std::get_if<Compute>(&output))
      answers.push_back(fuzz::answer_handshake(0, *job));
    if (const auto* write = std::get_if<Persist>(&output); write && disk_ != 2) {
      if (disk_ == 1)
        answers.push_back(DiskRefused{write->token, DiskRefusal::full});
      else
        answers.push_back(Persisted{write->token});
      if (disk_ == 0) held_[{write->table, fuzz::copy(write->key.view())}] = write->value;
    }
    if (const auto* read = std::get_if<Load>(&output)) {
      const auto it = held_.find({read->table, fuzz::copy(read->key.view())});
      const bool found = it != held_.end();
      answers.push_back(Loaded{read->token, found, found ? it->second : Buffer()});
    }
    if (const auto* gone = std::get_if<Forget>(&output)) answers.push_back(Persisted{gone->token});
    if (const auto* order = std::get_if<discovery::Resolve>(&output)) last_resolve_ = order->token;
    if (const auto* done = std::get_if<node::Completed>(&output))
      KITH_ASSERT(open_.erase(done->ticket) == 1);
    if (const auto* sent = std::get_if<session::Transmit>(&output)) {
      KITH_ASSERT(sent->bytes.size() <= wire::datagram_limit);
      if (sent->to == peer_place) under_way_.push_back({false, sent->bytes});
    }
  }

  fuzz::Input& in_;
  NetworkId network_;
  std::size_t disk_ = 0;  // answers, is full, is silent
  std::map<std::pair<Table, Bytes>, Buffer> held_;
  std::set<Ticket> open_;
  std::uint64_t last_ticket_ = 0;
  Token last_resolve_;
  std::deque<std::pair<bool, Buffer>> under_way_;
  fuzz::Driver<node::Node> node_;
  fuzz::Driver<session::Session> peer_;
};

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Seeds seeds;
  const fuzz::Script begin =
      fuzz::Script().u8(1).u8(0).u8(op_peer_record).u8(0x22).u8(op_advance).u8(0xd0);
  fuzz::Script life = begin;
  for (std::size_t i = 0; i < 3; ++i)
    life.u8(op_put)
        .u8(0)
        .u8(i)
        .chunk(as_bytes("value"))
        .u8(op_get)
        .u8(0)
        .u8(i)
        .u8(op_ping)
        .u8(1)
        .u8(op_join)
        .u8(i)
        .u8(op_advance)
        .u8(0xe0);
  life.u8(op_end).u8(1).u8(op_advance).u8(0xf0);
  seeds.push_back(life);
  for (std::size_t i = 0; i < 16; ++i)
    seeds.push_back(fuzz::Script(begin).u8(op_peer_sample).u8(i).u8(op_advance).u8(0xc0));
  seeds.push_back(fuzz::Script()
                      .u8(0)
                      .u8(1)
                      .chunk(Bytes(8, 0xff))
                      .chunk(Bytes(8, 0xff))
                      .chunk(Bytes(8, 0x7f))
                      .chunk(Bytes(72))
                      .chunk(Bytes(50, 1))
                      .chunk(Bytes(9)));
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, std::min<std::size_t>(size, 2048));
  World world(in);
  for (int steps = 0; !in.empty() && steps < 100; ++steps) world.step();
  world.finish();
  return 0;
}
