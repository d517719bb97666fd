// Exchange: one reconciliation of records with one partner.
//   mend   fetch what it has and we lack
//   leave  give it what we have and it lacks
#pragma once

#include <deque>
#include <map>
#include <set>

#include "kith/reconcile/reconcile.hpp"
#include "operation.hpp"
#include "replica.hpp"

namespace kith::dht {

class Exchange final : public Operation {
 public:
  enum class Purpose : std::uint8_t { mend, leave };
  Exchange(Context& context, Requests& requests, OperationId id, Replica& replica,
           const NodeId& partner, Purpose purpose);

  void start() override;
  void on_reply(const NodeId& from, const wire::Message& reply) override;
  void on_silence(const NodeId&) override {}
  void on_unreachable(const NodeId& peer) override;
  void on_taken(const RecordId& id, bool kept) override;
  void on_timer() override;
  void stop() override { end(false); }

  const NodeId& partner() const { return partner_; }
  bool succeeded() const { return succeeded_; }
  std::size_t queued() const { return queue_.size() + moving_.size() + taking_.size(); }

 private:
  const reconcile::RangeSet& mine() const;
  void ask();
  void on_reconciled(const wire::Reconciled& answer);
  void on_fetched(const wire::Fetched& fetched);
  void move_some();
  void progress();
  void resolved(std::size_t differences);
  void end(bool succeeded);

  Replica& replica_;
  NodeId partner_;
  Purpose purpose_;
  reconcile::Reconciler reconciler_;
  std::deque<RecordId> queue_;
  std::map<RequestId, RecordId> moving_;  // fetches and stores under way
  std::set<RecordId> taking_;             // handed to our replica, not on disk yet
  std::size_t questions_ = 0, resolved_ = 0;
  bool asking_ = false, failed_some_ = false, succeeded_ = false;
};

}  // namespace kith::dht
