// Requests: questions to other replicas in flight, each resent by its peer's own RTO until it is
// answered or its deadline passes. An answer is matched by request id and sender.
//
// All resends draw on one budget. While it is spent no request is sent a second time: each goes on
// waiting for its answer and fails no earlier. A replica asked in place of a silent one, a record
// signed again above a greater one, another base asked: those are first sends.
#pragma once

#include <map>

#include "context.hpp"
#include "retry_budget.hpp"

namespace kith::dht {

class Requests {
 public:
  explicit Requests(Context& context) : context_(context), budget_(context.config.tuning) {}

  // Fills in the envelope. To ourselves it goes round the corner, through the same code.
  template <class M>
  RequestId send(OperationId operation, const NodeId& to, M message, Instant deadline,
                 Lane lane = Lane::data) {
    const RequestId id{context_.rng.next()};
    const auto left = std::max<std::int64_t>(to_millis(deadline - context_.now.mono), 0);
    message.envelope = {id, static_cast<std::uint32_t>(std::min<std::int64_t>(left, 3'600'000)),
                        lane, 0};
    add(operation, to, std::move(message), id, deadline, lane);
    return id;
  }

  // Whose request this answers; 0: nobody's, or the wrong sender.
  OperationId take(const NodeId& from, RequestId id);

  // The timer of a request: resends it. `silent` the first time (RTO passed), `expired` at the end.
  struct Overdue {
    OperationId operation = 0;
    NodeId peer;
    bool silent = false, expired = false;
  };
  std::optional<Overdue> on_timer(std::uint64_t id);

  // Every operation that waits for this peer; its requests are given up.
  std::vector<OperationId> give_up(const NodeId& peer);
  void cancel(OperationId operation);
  Duration rto(const NodeId& peer) const;
  std::size_t in_flight(OperationId operation) const;

 private:
  struct Pending {
    OperationId operation;
    NodeId to;
    Buffer message;
    Lane lane;
    Instant sent, deadline;
    int timeouts = 0;
    bool timed = true;  // its answer will tell the round trip
  };
  struct Rtt {
    Duration smoothed{}, variation{};
  };
  void add(OperationId operation, const NodeId& to, wire::Message message, RequestId id,
           Instant deadline, Lane lane);
  void observe(const NodeId& peer, Duration rtt);
  void erase(std::map<RequestId, Pending>::iterator it);

  Context& context_;
  RetryBudget budget_;
  std::map<RequestId, Pending> pending_;
  std::map<OperationId, std::size_t> count_;
  LruMap<NodeId, Rtt> rtt_{members_limit};
};

}  // namespace kith::dht
