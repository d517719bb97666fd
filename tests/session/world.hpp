// World: some Sessions, a virtual clock and a small network in memory, with loss, duplication and
// reordering on demand. Jobs run inline. What happens is written down as lines of text.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "kith/session/session.hpp"

namespace kith::test {

namespace s = kith::session;

struct Captured {  // a datagram that was sent
  std::string from, to;
  Endpoint source, target;
  Bytes bytes;
};

class World {
 public:
  struct Node {
    std::string name;
    s::Config config;
    std::shared_ptr<const crypto::Identity> identity;
    Endpoint at;
    std::unique_ptr<s::Session> session;
    bool alive = true;
  };

  explicit World(std::uint64_t seed = 1) : rng_(seed), seed_(seed) {}

  Node& add(const std::string& name, const std::string& address,
            const std::function<void(s::Config&)>& change = {});
  void restart(const std::string& name);
  void roll_back(const std::string& name, Incarnation to);  // restart on an older disk
  void kill(const std::string& name);
  void lose_streams(const std::string& name);  // its end notices, the other end does not
  void move(const std::string& name, const std::string& address);
  Node& node(const std::string& name) { return nodes_.at(name); }
  const NodeId& id(const std::string& name) { return node(name).identity->id(); }

  void introduce(const std::string& to, const std::string& who);
  void send(const std::string& from, const std::string& to, ByteView message, bool stream = false,
            Lane lane = Lane::data);
  void dial(const std::string& from, const std::string& address, const std::string& pin = {},
            bool trust_first = false);
  void input(const std::string& to, const s::Input& in);
  void inject(const std::string& to, const Endpoint& from, ByteView bytes);
  void run(Duration time);

  // What the network does.
  std::set<std::pair<std::string, std::string>> cut;  // from, to: datagrams vanish
  std::uint64_t lose_percent = 0, duplicate_percent = 0;
  Duration latency = milliseconds(1), jitter{0};
  bool show_frames = true, run_jobs = true;
  bool refuse_streams = false;
  bool stall = false;  // streams take nothing any more

  // What happened.
  std::vector<std::string> trace;
  std::vector<Captured> captured;
  struct Delivery {
    std::string to, from;
    Bytes message;
    bool stream;
  };
  std::vector<Delivery> delivered;
  std::map<DropReason, int> drops;
  Now now{Instant(seconds(1000)), UnixMillis{1'700'000'000'000}};

 private:
  struct Pipe {  // a TCP connection seen from one end
    std::string owner;
    std::string other;
    s::StreamId other_id;
    Endpoint remote;
  };
  struct Event {
    std::string to;
    std::function<void()> act;
  };
  void start(Node& node, std::optional<Incarnation> incarnation = {});
  void drain(Node& node);
  void on(Node& node, s::Output output);
  void transmit(Node& node, const s::Transmit& out);
  void open_stream(Node& node, const s::OpenStream& out);
  void write_stream(Node& node, const s::WriteStream& out);
  void close_pipe(Node& node, s::StreamId id, s::StreamEnd reason);
  void later(Duration delay, std::function<void()> act);
  void note(const std::string& line);
  std::string name_of(const NodeId& id) const;
  Node* at(const Endpoint& endpoint);

  std::map<std::string, Node> nodes_;
  std::map<std::pair<Instant, std::uint64_t>, std::function<void()>> events_;
  std::map<std::pair<std::string, s::StreamId>, Pipe> pipes_;
  std::set<std::pair<std::string, s::StreamId>> lost_;  // ends whose other end is gone
  std::uint64_t event_ = 0;
  std::uint64_t ticket_ = 0, starts_ = 0;
  s::StreamId next_inbound_ = 1;
  kith::Outbox<s::Output> out_;
  Rng rng_;
  std::uint64_t seed_;
};

// Lines of the trace that have this in them.
std::size_t count(const World& world, const std::string& part);
// a at 10.0.0.1 and b at 10.0.0.2; a has a session with b.
void meet(World& world);

std::string frame_name(ByteView bytes);
std::string outcome_name(s::Undelivered reason);

}  // namespace kith::test
