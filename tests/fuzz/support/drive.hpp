// Driver: one machine under the laws, fed by a fuzzer. After every step and every expiry it checks
// that the outputs are few (law 5) and that deadlines move on (law 3); outputs go to a sink, and
// what the sink queues comes back in as inputs.
#pragma once

#include <deque>
#include <functional>
#include <utility>

#include "kith/base/assert.hpp"
#include "kith/base/machine.hpp"

namespace kith::fuzz {

inline constexpr std::size_t outputs_limit = 4096;      // of one step
inline constexpr int expiries_at_once = 64;             // as in tests/support/laws.hpp
inline constexpr std::int64_t expiries_limit = 20'000;  // of one pause
inline constexpr std::int64_t expiries_a_second = 10;   // and so many more when it is long
inline constexpr int answers_limit = 4096;              // to one input

template <Machine M>
class Driver {
 public:
  using In = typename M::Input;
  using Out = typename M::Output;
  using Sink = std::function<void(Out&& output, std::deque<In>& answers)>;

  Driver(M made, Sink sink, Now start = {Instant(seconds(1000)), {1'760'000'000'000}})
      : machine(std::move(made)), now(start), sink_(std::move(sink)) {}

  void step(const In& input) {
    machine.step(input, now, out_);
    settle();
  }

  // For calls that are not inputs, such as start().
  template <class Act>
  void act(Act call) {
    call(machine, now, out_);
    settle();
  }

  void advance(Duration time) {
    const Instant until = now.mono + time;
    const std::int64_t limit = expiries_limit + expiries_a_second * (time / seconds(1));
    int at_once = 0;
    std::int64_t total = 0;
    while (const auto deadline = machine.next_deadline()) {
      if (*deadline > until) break;
      const Instant at = std::max(*deadline, now.mono);
      at_once = at == now.mono ? at_once + 1 : 0;
      KITH_ASSERT(at_once <= expiries_at_once);
      KITH_ASSERT(++total <= limit);
      move_to(at);
      machine.expire(now, out_);
      settle();
    }
    move_to(until);
  }

  M machine;
  Now now;

 private:
  void move_to(Instant at) {
    now.wall.value += to_millis(at - now.mono);
    now.mono = at;
  }
  void settle() {
    collect();
    for (int answered = 0; !answers_.empty(); ++answered) {
      KITH_ASSERT(answered < answers_limit);
      const In input = std::move(answers_.front());
      answers_.pop_front();
      machine.step(input, now, out_);
      collect();
    }
  }
  void collect() {
    KITH_ASSERT(out_.size() <= outputs_limit);
    for (Out& output : out_.take()) sink_(std::move(output), answers_);
  }

  Sink sink_;
  Outbox<Out> out_;
  std::deque<In> answers_;
};

}  // namespace kith::fuzz
