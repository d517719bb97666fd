// Repair: keeps this node's promise to hold every record that is its, and says when it does.
//
// Every node pulls what it lacks; nobody pushes except who leaves. A round reconciles with each
// counting partner and polls them: a majority is to be reached, of those too that they count where
// their view is another. Whom they do not count yet polls again, and they do from then on; a second
// pass fetches what they acknowledged before. Then the node has everything that was acknowledged,
// and publishes `synced`. That one stamp lets newcomers count and lets the dead retire. It is on
// disk before anybody is told, and so is its end: a node that counts after a restart and not before
// answers for what it has missed.
#pragma once

#include <functional>
#include <memory>
#include <set>

#include "exchange.hpp"
#include "kith/base/bounded.hpp"
#include "poll.hpp"
#include "strays.hpp"

namespace kith::dht {

class Repair {
 public:
  struct Launch {  // start an operation and return its id
    std::function<OperationId(const NodeId& partner, Exchange::Purpose purpose)> exchange;
    std::function<OperationId(const std::set<NodeId>& whom, Poll::Ask ask)> poll;
    Strays::Orders strays;
    std::function<void()> keep_counting;  // on disk, before what is ordered next
  };
  Repair(Context& context, Launch launch)
      : context_(context), launch_(std::move(launch)), strays_(context, launch_.strays) {}

  void start();
  void on_change(const NodeId& who, View::Change change);
  void on_doubted();
  void on_left_out();
  void on_damaged();
  void on_other_base(const NodeId& asker);
  void on_leaver(const NodeId& leaver, RequestId request);
  bool on_disk(Token token, bool written);  // false: not the stamp's
  void on_ended(const Exchange& exchange);
  void on_polled(const Poll& poll);
  void on_brought(const Get& get) { strays_.on_brought(get); }
  void on_sync_timer();
  void on_lone_timer();
  void on_anti_entropy_timer();
  void drain();
  void set_stop();

  bool synced() const;  // counts, nothing to do, every death it knows is retired

 private:
  void schedule(Duration delay);
  Duration delay_after(const NodeId& id, const View::Member& dead);
  bool may_hurry();
  void begin_round();
  void next_partner();
  void poll();
  void forget_answers();
  void ask_to_leave();
  void leave_or_wait(const Poll& asked);
  void wait_to_leave();
  void ask_to_found();
  void found(const Poll& asked);
  void fail_round();
  void conclude();
  void publish();
  void write(UnixMillis stamp);
  bool enough_reached() const;
  std::vector<NodeId> strangers() const;
  bool counted_by_all() const;
  bool reaches_quorum(const Poll::Other& other) const;
  bool handed_over() const;

  Context& context_;
  Launch launch_;
  Strays strays_;
  bool running_ = false, dirty_ = true, publish_due_ = true;
  bool draining_ = false, stopping_ = false;
  bool overtaken_ = false;         // this round: by another who leaves
  bool leaves_ = false;            // nothing keeps us any more
  std::uint64_t given_epoch_ = 0;  // of the index, when this round began
  std::vector<NodeId> to_visit_;
  // Of a round. Look for who counts; ask to be counted; fetch what was acknowledged before. Or, for
  // one who leaves: hand over.
  enum class Step : std::uint8_t { look, promise, fetch, hand_over } step_ = Step::look;
  std::set<NodeId> visited_, refused_;  // exchanges that succeeded, and that did not
  std::set<NodeId> asked_, answered_;   // polls of this step
  std::vector<Poll::Other> others_;     // our place, as those polled see it
  Instant started_;
  OperationId exchange_ = 0, anti_entropy_ = 0, poll_ = 0, founding_ = 0;
  Instant promised_at_;    // when we asked to be counted
  Instant hurries_paid_;   // until then, for those that died before they counted
  Instant left_out_paid_;  // and for those that leave us out
  std::optional<Token> writing_;
  UnixMillis stamp_;                      // being written
  std::vector<wire::IdPrefix> releases_;  // of it
  Duration retry_{sync_retry};
  LruMap<NodeId, Instant> asked_back_{neighbourhood};
};

}  // namespace kith::dht
