// World: N real Membership machines on a virtual clock and a network that can lose, cut and kill.
// Jobs run inline, the disk answers after a millisecond, sessions open on the first message.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <set>

#include "kith/base/visit.hpp"
#include "kith/crypto/hash.hpp"
#include "kith/membership/membership.hpp"

namespace kith::test {

namespace ms = membership;

struct WorldOptions {
  std::uint64_t seed = 1;
  Duration latency_min = microseconds(200), latency_max = microseconds(800);
  std::uint64_t loss_per_mille = 0;  // of datagrams
  Mode mode = Mode::lan;
};

struct Change {
  Instant at;
  std::size_t observer, subject;
  wire::Verdict verdict;
  bool alone;
};

class World {
 public:
  explicit World(WorldOptions options = {});
  std::size_t add();  // starts a node
  void add(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) add();
  }
  void meet(std::size_t a, std::size_t b);  // a knows b's address and dials it
  void meet_all();                          // everyone knows node 0
  void run(Duration time);
  bool settle(std::size_t nodes);  // adds so many; whether they all agree

  void kill(std::size_t node);  // kill -9: its ports refuse
  void restart(std::size_t node, bool wiped = false);
  void silence(std::size_t node, bool on = true);  // its host drops everything
  void pause(std::size_t node, Duration time);     // SIGSTOP: packets wait, ports stay open
  void deafen(std::size_t node, bool on = true) { nodes_[node].deaf = on; }  // sends, hears nothing
  void set_clock(std::size_t node, Duration off) {
    nodes_[node].clock_off = off;
  }  // its wall clock
  void cut(std::size_t a, std::size_t b, bool on = true);
  void step(std::size_t node, const ms::Input& input);
  wire::Suspicion suspicion_of(std::size_t accuser, std::size_t subject, std::size_t to);
  void suspicion_by(std::size_t accuser, std::size_t subject, std::size_t to);  // signed, injected
  // One accusation of a certificate for somebody that is dead already.
  void later_proof_by(std::size_t accuser, std::size_t subject, std::size_t to);
  void inject(std::size_t from, std::size_t to, const wire::Message& message);

  std::size_t size() const { return nodes_.size(); }
  ms::Membership& at(std::size_t node) { return *nodes_[node].machine; }
  const NodeId& id(std::size_t node) const { return nodes_[node].identity->id(); }
  std::shared_ptr<const crypto::Identity> identity(std::size_t node) const {
    return nodes_[node].identity;
  }
  const NetworkId& network() const { return network_; }
  std::size_t sessions(std::size_t node) const { return nodes_[node].sessions.size(); }
  bool running(std::size_t node) const { return nodes_[node].machine && nodes_[node].up; }
  std::optional<wire::Verdict> verdict(std::size_t observer, std::size_t subject);
  wire::RecordHash record_hash(std::size_t observer,
                               std::size_t subject);  // of the record it holds
  bool agreed(std::size_t live);                      // every running node sees `live` live members

  Now now() const { return now_; }
  const std::vector<Change>& changes() const { return changes_; }
  std::vector<Change>& changes() { return changes_; }
  std::uint64_t packets() const { return packets_; }
  std::uint64_t bytes() const { return bytes_; }
  bool disk_full = false;
  std::map<std::size_t, std::vector<bool>> twins;  // TwinSeen per node
  std::map<std::size_t, Instant> left;             // LeaveAnnounced per node
  std::map<DropReason, std::uint64_t> dropped;
  std::uint64_t introduced = 0;

 private:
  struct Node {
    std::shared_ptr<const crypto::Identity> identity;
    std::unique_ptr<ms::Membership> machine;
    bool up = false, silent = false, deaf = false;
    Duration clock_off{};
    Instant paused_until;
    std::uint64_t life = 0;
    std::uint64_t stored = 0;
    std::set<std::size_t> known;  // whose address it has
    std::map<std::size_t, std::pair<std::uint64_t, std::uint64_t>> sessions;  // lives at opening
    std::optional<Instant> timer;
  };
  struct Event {
    Instant at;
    std::uint64_t order;
    std::function<void()> act;
    bool operator<(const Event& other) const {
      return std::tie(at, order) > std::tie(other.at, other.order);
    }
  };
  void later(Duration after, std::function<void()> act);
  void boot(std::size_t node);
  void drain(std::size_t node, ms::Membership::Outbox& out);
  void carry(std::size_t node, ms::Output output);
  void deliver(std::size_t from, std::size_t to, Buffer message, bool stream);
  void arrive(std::size_t from, std::size_t to, std::uint64_t life, Buffer message, bool stream);
  void arm(std::size_t node);
  Now now_of(std::size_t node) const;
  Duration latency() { return rng_.between(options_.latency_min, options_.latency_max); }
  bool reachable(std::size_t a, std::size_t b) const;

  WorldOptions options_;
  Rng rng_;
  NetworkId network_;
  Now now_{Instant(seconds(1000)), UnixMillis{1'800'000'000'000}};
  std::vector<Node> nodes_;
  std::map<NodeId, std::size_t> index_;
  std::set<std::pair<std::size_t, std::size_t>> cuts_;
  std::priority_queue<Event> events_;
  std::uint64_t order_ = 0;
  std::vector<Change> changes_;
  std::uint64_t packets_ = 0, bytes_ = 0;
};

}  // namespace kith::test
