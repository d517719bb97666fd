// Poll: asks members whom they count near us: a fetch of our own id. It asks for the value when we
// are about to publish a stamp: whoever is asked so counts us from then on (View::promise), and no
// base without us has a quorum among those who answered.
#pragma once

#include <set>

#include "operation.hpp"

namespace kith::dht {

class Poll final : public Operation {
 public:
  Poll(Context& context, Requests& requests, OperationId id, std::set<NodeId> whom, wire::Want want)
      : Operation(context, requests, id), whom_(std::move(whom)), want_(want) {}

  static bool is_from(const NodeId& from, const wire::Fetch& request) {
    return request.record.bytes == from.bytes && request.base != wire::BaseDigest{};
  }

  void start() override;
  void on_reply(const NodeId& from, const wire::Message& reply) override;
  void on_silence(const NodeId&) override {}
  void on_unreachable(const NodeId&) override { check(); }
  void stop() override { finish(); }

  const std::set<NodeId>& answered() const { return answered_; }
  // Our place as it is seen where that is not as we see it.
  struct Other {
    std::vector<NodeId> base;      // who count, and have a stamp
    std::vector<NodeId> promised;  // who polled it lately, as we do
  };
  const std::vector<Other>& others() const { return others_; }

 private:
  void check();

  std::set<NodeId> whom_, answered_;
  wire::Want want_;
  std::vector<Other> others_;
};

}  // namespace kith::dht
