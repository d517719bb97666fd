// Put: sign a record above every version we know and get it onto a majority of its base.
//
//   waiting for a base -> signing -> storing -> applied | unknown | rejected
//                            ^          | stale: sign again above it
//                            |          | not_base: both learn, ask again (3 times)
#pragma once

#include <set>

#include "operation.hpp"

namespace kith::dht {

class Put final : public Operation {
 public:
  Put(Context& context, Requests& requests, OperationId id, PutRequested request);

  void start() override;
  void on_reply(const NodeId& from, const wire::Message& reply) override;
  void on_silence(const NodeId& peer) override;
  void on_unreachable(const NodeId& peer) override;
  void on_computed(const JobResult& result) override;
  void on_view_changed() override;
  void on_timer() override;
  void stop() override;

 private:
  enum class State : std::uint8_t { waiting, signing, storing };
  void sign();
  void store();
  void on_stored(const NodeId& from, const wire::Stored& reply);
  void retry_in(Duration wait);
  void conclude();
  void conclude_refused();
  void complete(PutOutcome outcome, std::string reason);
  bool in_base(const NodeId& id) const;
  bool newcomers_answered() const;
  bool outbid(Sequence held);
  bool nowhere() const { return stored_.empty() && unheard_.empty() && !stored_before_; }

  PutRequested request_;
  PutReport report_;
  Instant started_, deadline_;
  State state_ = State::waiting;
  std::vector<NodeId> base_;
  std::set<NodeId> waiting_for_, counted_, stored_, refused_;
  // Live holders that do not count yet, here; elsewhere they may already.
  std::set<NodeId> newcomers_;
  std::set<NodeId> unheard_;    // asked, no answer: they may have stored it
  bool stored_before_ = false;  // a version before a `stale` reached some disk
  Buffer raw_;
  Bytes head_;
  Sequence above_;
  int stale_ = 0, base_tries_ = 0;
  bool base_differs_ = false;
  std::optional<Instant> retry_;
  std::string refusal_;
};

}  // namespace kith::dht
