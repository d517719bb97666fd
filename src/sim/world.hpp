// World: hosts, their network, one agenda. It plays a scenario; checkers watch.
//   world.cpp    the loop                     process.cpp  a host's one thread
//   carry.cpp    what a node orders           streams.cpp  TCP between hosts
//   script.cpp   the scenario's events
#pragma once

#include "checker.hpp"
#include "host.hpp"
#include "kith/membership/records.hpp"
#include "measure.hpp"
#include "network.hpp"

namespace kith::sim {

class World {
 public:
  World(const Scenario& scenario, const RunOptions& options);
  Outcome run();

  // --- for checkers ---
  const Scenario& scenario() const { return scenario_; }
  Instant now() const { return now_; }
  Duration elapsed() const { return now_ - beginning; }
  Now now_at(const Host& host) const;
  const std::vector<Host>& hosts() const { return hosts_; }
  const Host& host(HostIndex index) const { return hosts_[index]; }
  std::optional<HostIndex> index_of(const NodeId& id) const;
  const std::vector<Operation>& operations() const { return operations_; }
  std::size_t pending() const { return agenda_.size(); }
  // Everybody who starts early has once seen everybody else. Before, fresh hosts that have not met
  // are networks of their own.
  bool formed() const { return formed_; }
  bool healed() const { return healed_.has_value(); }
  std::vector<HostIndex> befallen(const Event& event) const;  // those it names, or all
  bool in_core(HostIndex index) const {
    return index < scenario_.hosts && !hosts_[index].gone && hosts_[index].life > 0;
  }
  // Asks a node something on its own account; the answer comes to on_ended.
  void get(HostIndex at, const std::string& key);
  void find(const Checker& checker, std::string what);
  Tally& tally() { return tally_; }
  const Tally& tally() const { return tally_; }

  static constexpr UnixMillis beginning_wall{1'790'000'000'000};

 private:
  // world.cpp
  void prepare();
  void compromise();
  void happen(Item item);
  void later(Duration after, HostIndex host, Happening what, bool of_process = true);
  std::uint64_t nonce(HostIndex index);
  void trace(std::uint64_t word) { trace_ = mixed(trace_ ^ word); }
  void trace(ByteView bytes);
  void tell(const std::string& line);
  void look_around();
  bool all_have_met() const;
  bool can_lose_one() const;
  static bool keeps_its_place(const Host& host);
  node::Config config_of(const Host& host, HostIndex index);

  // process.cpp
  void boot(HostIndex index);
  void crash(HostIndex index);
  void step(HostIndex index, const node::Input& input);
  void drain(HostIndex index);
  void plan_resume(HostIndex index);
  void arm(HostIndex index);
  bool wait_for_process(Host& host, Item& item);
  void wake(HostIndex index);
  void expire(HostIndex index);
  void resume(HostIndex index);
  bool turn(HostIndex index);

  // carry.cpp
  void carry(HostIndex index, node::Output output);
  void transmit(HostIndex index, const session::Transmit& out);
  void send(HostIndex index, const session::Transmit& out);
  void pass_on(HostIndex index, const Endpoint& to, const Buffer& bytes);
  void write(HostIndex index, Disk::Write write);
  void commit(HostIndex index);
  void load(HostIndex index, const Load& load);
  void completed(HostIndex index, const node::Completed& done);
  void left(HostIndex index);

  // streams.cpp
  void open_stream(HostIndex index, const session::OpenStream& out);
  void write_stream(HostIndex index, session::StreamId id, Buffer bytes);
  void close_stream(HostIndex index, session::StreamId id);
  void send_chunk(HostIndex index, session::StreamId id, StreamEnd& end, StreamEnd::Chunk chunk);
  void retry_held(HostIndex index, session::StreamId id);
  void stream_work(HostIndex index, session::StreamId id);
  void end_streams(HostIndex index);
  void widen_streams(HostIndex index);  // what small credit has left

  // script.cpp
  void begin(const Event& event, std::size_t index);
  void end(const Event& event, std::size_t index);
  void befall(HostIndex index, const Event& event);
  void relieve(HostIndex index, const Event& event);
  bool ends_after_heal(const Event& event) const;
  void client(const Event& event);
  void ask(Operation operation);
  std::optional<NodeId> owner_of(std::string_view key) const;
  void twin(const Event& event, std::size_t index);
  void heal(const Event& event);
  void release(HostIndex index, bool newer);
  bool rarely(HostIndex index, Rare what);
  void pester(HostIndex index);

  const Scenario scenario_;
  const RunOptions& options_;
  Chance chance_;
  Instant now_ = beginning;
  Tally tally_;
  Network network_;
  const std::shared_ptr<membership::Records> records_ = std::make_shared<membership::Records>();
  std::vector<Host> hosts_;
  std::map<Endpoint, HostIndex> places_;
  std::map<NodeId, HostIndex> ids_;
  Agenda agenda_;
  node::Node::Outbox out_;
  std::uint64_t trace_ = 0;
  std::vector<Operation> operations_;
  std::map<std::size_t, HostIndex> twins_;  // by event
  bool formed_ = false;
  std::optional<Instant> healed_, content_;
  std::vector<std::unique_ptr<Checker>> checkers_;
  const Measure* measure_ = nullptr;  // one of them
  std::vector<Finding> findings_;
};

}  // namespace kith::sim
