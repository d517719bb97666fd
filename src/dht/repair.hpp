// Repair: keeps this node's promise to hold every record that is its, and says when it does.
//
// Every node pulls what it lacks; nobody pushes except who leaves. A round reconciles with each
// counting partner; when a majority of them was reached, and of those that they count where their
// view is another, the node has everything that was ever acknowledged, and publishes `synced`. That
// one stamp lets newcomers count and lets the dead retire. It is on disk before anybody is told,
// and so is its end: a node that counts after a restart and not before answers for what it has
// missed.
#pragma once

#include <functional>
#include <memory>
#include <set>

#include "exchange.hpp"

namespace kith::dht {

class Repair {
 public:
  // `launch` starts an exchange as an operation and returns its id.
  using Launch = std::function<OperationId(const NodeId& partner, Exchange::Purpose purpose)>;
  Repair(Context& context, Launch launch) : context_(context), launch_(std::move(launch)) {}

  void start();
  void on_change(const NodeId& who, View::Change change);
  void on_doubted();
  bool on_disk(Token token, bool written);  // false: not the stamp's
  void on_ended(const Exchange& exchange);
  void on_sync_timer();
  void on_lone_timer();
  void on_anti_entropy_timer();
  void drain();
  void set_stop() { stopping_ = true; }

  bool synced() const;  // counts, nothing to do, every death it knows is retired

 private:
  void schedule(Duration delay);
  void begin_round();
  void next_partner();
  void finish_round();
  void publish();
  void write(UnixMillis stamp);
  bool enough_reached() const;
  bool reaches_quorum(const std::vector<NodeId>& base) const;
  bool handed_over() const;

  Context& context_;
  Launch launch_;
  bool running_ = false, dirty_ = true, publish_due_ = true;
  bool draining_ = false, stopping_ = false;
  std::vector<NodeId> to_visit_;
  std::set<NodeId> reached_;
  std::vector<std::vector<NodeId>> other_bases_;  // of our place, as those reached see it
  Instant started_;
  OperationId exchange_ = 0, anti_entropy_ = 0;
  std::optional<Token> writing_;
  UnixMillis stamp_;  // being written
  Duration retry_{sync_retry};
};

}  // namespace kith::dht
