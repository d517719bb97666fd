// Find: who holds a name, and how one gets there. The kad lookup driven over the wire.
#pragma once

#include "kith/kad/lookup.hpp"
#include "operation.hpp"

namespace kith::dht {

class Find final : public Operation {
 public:
  Find(Context& context, Requests& requests, OperationId id, LookupRequested request);

  void start() override;
  void on_reply(const NodeId& from, const wire::Message& reply) override;
  void on_silence(const NodeId&) override { advance(); }
  void on_unreachable(const NodeId& peer) override;
  void on_timer() override { complete(); }
  void stop() override { complete(); }

 private:
  void advance();
  void complete();

  LookupRequested request_;
  LookupReport report_;
  Instant started_, deadline_;
  kad::Lookup lookup_;
};

}  // namespace kith::dht
