// Get: ask a read quorum of the base, pick the winner by the one precedence rule, verify it, write
// it back to a write quorum, answer. Majority write + write-back read: reads and writes of one key
// are linearizable while its base changes one member at a time.
//
//   waiting for a base -> asking -> fetching the winning value -> verifying -> writing back -> done
#pragma once

#include <deque>
#include <map>
#include <set>

#include "operation.hpp"

namespace kith::dht {

class Get final : public Operation {
 public:
  Get(Context& context, Requests& requests, OperationId id, GetRequested request);
  // For repair: a record that strayed. Nobody is told; reading it writes it back where it belongs.
  Get(Context& context, Requests& requests, OperationId id, const RecordId& stray);

  bool of_client() const { return lane_ == Lane::data; }
  bool succeeded() const { return report_.complete; }
  const std::vector<NodeId>& base() const { return base_; }
  Version winner() const { return verified_ ? winner_ : Version{}; }  // of all; none: the lowest

  void start() override;
  void on_reply(const NodeId& from, const wire::Message& reply) override;
  void on_silence(const NodeId& peer) override;
  void on_unreachable(const NodeId& peer) override;
  void on_computed(const JobResult& result) override;
  void on_view_changed() override;
  void on_timer() override;
  void stop() override;

 private:
  enum class State : std::uint8_t { waiting, asking, fetching, verifying, writing_back };
  void begin();
  void plan_wake();
  void ask_next(std::size_t count, bool value_first);
  void on_fetched(const NodeId& from, const wire::Fetched& reply);
  void note_record(const NodeId& from, const Buffer& raw);
  void decide();
  void fetch_winner();
  void on_not_shown();
  void verify_winner();
  void write_back();
  void complete(bool complete, std::string reason);
  void on_deadline();
  void disown(Version version);
  void discard(Version version);
  void disbelieve();
  const Buffer& raw() const { return shown_.at(winner_).front().raw; }  // of the winner, verified
  bool enough() const;
  bool exhausted() const;

  GetRequested request_;
  Lane lane_ = Lane::data;
  GetReport report_;
  Instant started_, deadline_;
  State state_ = State::waiting;
  std::vector<NodeId> base_,
      order_;  // order_: whom to ask, best first: us, live base, other holders
  std::size_t next_ = 0;
  std::set<NodeId> value_asked_, counted_, failed_;
  std::map<Version, std::set<NodeId>> versions_;
  struct Shown {
    NodeId by;
    Buffer raw;
  };
  // A version says nothing of expiry and signature: of what is shown under one name each stands or
  // falls by itself, the first one first.
  std::map<Version, std::deque<Shown>> shown_;
  std::set<RequestId> showing_;        // a value to be shown: no vote on who is asked
  std::map<NodeId, Instant> show_by_;  // who was asked to show what it claims, and until when
  std::map<NodeId, bool> late_;        // who let that pass, and whether it had a vote
  Version winner_;
  bool verified_ = false, base_differs_ = false;
  int base_tries_ = 0;
  std::optional<Instant> retry_;
};

}  // namespace kith::dht
