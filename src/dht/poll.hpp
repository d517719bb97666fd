// Poll: asks members about our place among those who count: a fetch of our own id.
//   look     whom do you count near us?
//   promise  the same, and count us from now on, for we are about to publish a stamp
//            (View::promise): no base without us has a quorum among those who answered
//   leave    may we stop counting? Not while you do (Repair::on_leaver)
#pragma once

#include <set>

#include "operation.hpp"

namespace kith::dht {

class Poll final : public Operation {
 public:
  enum class Ask : std::uint8_t { look, promise, leave };
  Poll(Context& context, Requests& requests, OperationId id, std::set<NodeId> whom, Ask ask)
      : Operation(context, requests, id), whom_(std::move(whom)), ask_(ask) {}

  // What a fetch asks that is a poll: who leaves names no base of its own, who publishes wants the
  // value.
  static std::optional<Ask> asked(const NodeId& from, const wire::Fetch& request);

  void start() override;
  void on_reply(const NodeId& from, const wire::Message& reply) override;
  void on_silence(const NodeId&) override {}
  void on_unreachable(const NodeId&) override { check(); }
  void stop() override { finish(); }

  const std::set<NodeId>& answered() const { return answered_; }
  bool refused() const { return refused_; }  // by one that counts here still
  // Our place as it is seen where that is not as we see it.
  struct Other {
    std::vector<NodeId> base;      // who count, and have a stamp
    std::vector<NodeId> promised;  // who polled it lately, as we do
  };
  const std::vector<Other>& others() const { return others_; }

 private:
  void check();

  std::set<NodeId> whom_, answered_;
  Ask ask_;
  bool refused_ = false;
  std::vector<Other> others_;
};

}  // namespace kith::dht
