// Operation: one put, get, lookup or repair in flight. Owned by Dht, which feeds it what happened
// and removes it once it is finished; it never removes itself.
#pragma once

#include "requests.hpp"

namespace kith::dht {

class Operation {
 public:
  Operation(Context& context, Requests& requests, OperationId id)
      : context_(context), requests_(requests), id_(id) {}
  virtual ~Operation() = default;
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  virtual void start() = 0;
  virtual void on_reply(const NodeId& from, const wire::Message& reply) = 0;
  virtual void on_silence(const NodeId& peer) = 0;      // its RTO passed; the request is resent
  virtual void on_unreachable(const NodeId& peer) = 0;  // given up
  virtual void on_computed(const JobResult&) {}
  virtual void on_taken(const RecordId&, bool) {}  // a record handed to our replica is on disk
  virtual void on_view_changed() {}
  virtual void on_timer() {}
  virtual void stop() = 0;  // a definite answer, now

  bool finished() const { return finished_; }
  OperationId id() const { return id_; }

 protected:
  void wake_at(Instant when) { context_.timers.set({Timer::Kind::operation, id_}, when); }
  void finish() {
    finished_ = true;
    context_.timers.cancel({Timer::Kind::operation, id_});
    requests_.cancel(id_);
  }

  Context& context_;
  Requests& requests_;

 private:
  OperationId id_;
  bool finished_ = false;
};

}  // namespace kith::dht
