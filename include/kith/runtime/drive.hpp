// Drive: the whole shell around a machine on one page. Facts come in with the time, orders go out
// to the world, one timer stands at the machine's deadline.
//
// Before timers fire, sockets are drained (4 batches or 5 ms at most): a peer's answer that waits
// in our own receive buffer must not look like silence. When the timer comes more than a second
// late the machine slept (suspend, SIGSTOP, a frozen VM) and is told before anything else.
#pragma once

#include <algorithm>

#include "kith/base/assert.hpp"
#include "kith/base/machine.hpp"
#include "kith/runtime/clock.hpp"
#include "kith/runtime/loop.hpp"

namespace kith::runtime {

template <class Output>
struct World {
  std::function<void(Output&&, Now)> carry_out;  // an order or news; must not step the machine
  std::function<bool()> drain_sockets;      // one batch, fed through step(); true: there was one
  std::function<void(Duration gap)> slept;  // feed TimeSkipped, through step()
  std::function<void()> flush;              // end of turn: sendmmsg what was queued
};

template <Machine M>
class Drive {
 public:
  static constexpr int drain_batches = 4;
  static constexpr Duration drain_time = milliseconds(5);
  static constexpr Duration sleep_threshold = seconds(1);

  Drive(Loop& loop, M& machine, World<typename M::Output> world)
      : loop_(loop), machine_(machine), world_(std::move(world)) {
    loop_.on_deadline([this] { fire(); });
    loop_.on_turn([this] { end_turn(); });
    arm();
  }

  // The machine's own beginning, for machines that have one; again after it was replaced in place.
  void start()
    requires requires(M& m, Now now, Outbox<typename M::Output>& out) { m.start(now, out); }
  {
    const Now now = runtime::now();
    deadline_.reset();
    turn([&] { machine_.start(now, out_); }, now);
    arm();
  }

  // One fact. `now` is stamped once a batch by whoever brings it.
  void step(const typename M::Input& input, Now now) {
    observe(now);
    turn([&] { machine_.step(input, now, out_); }, now);
  }

  // How late the last timer was, in this turn or the one before: "under load" above 20 ms.
  Duration lag() const { return lag_; }

 private:
  void fire() {
    const Instant start = runtime::now().mono;
    for (int i = 0; i < drain_batches && world_.drain_sockets(); ++i)
      if (runtime::now().mono - start > drain_time) break;
    const Now now = runtime::now();
    observe(now);
    lag_ = deadline_ && now.mono > *deadline_ ? now.mono - *deadline_ : Duration{};
    armed_.reset();  // the timer is spent
    deadline_.reset();
    turn([&] { machine_.expire(now, out_); }, now);
  }

  void end_turn() {
    if (world_.flush) world_.flush();
    arm();
  }

  void observe(Now now) {
    if (!deadline_ || now.mono - *deadline_ <= sleep_threshold) return;
    const Duration gap = now.mono - *deadline_;
    deadline_ = now.mono;  // told once
    world_.slept(gap);
  }

  template <class Act>
  void turn(Act&& act, Now now) {
    KITH_ASSERT(out_.empty());  // law 7: drained before the next input
    act();
    out_.drain([&](typename M::Output&& output) { world_.carry_out(std::move(output), now); });
  }

  void arm() {
    const auto deadline = machine_.next_deadline();
    if (deadline == armed_) return;
    armed_ = deadline;
    if (deadline) deadline_ = std::max(*deadline, runtime::now().mono);
    loop_.set_deadline(deadline);
  }

  Loop& loop_;
  M& machine_;
  World<typename M::Output> world_;
  Outbox<typename M::Output> out_;
  std::optional<Instant> deadline_;  // what observe() measures against
  std::optional<Instant> armed_;     // what the timer was set to
  Duration lag_{};
};

}  // namespace kith::runtime
