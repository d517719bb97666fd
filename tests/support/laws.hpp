// check_laws: the nine laws of ARCHITECTURE.md, checked on any Machine from outside.
//
// Feed it a way to make a machine and a list of (time, input); it steps two copies side by side:
// the same inputs must give the same number of outputs and the same deadlines (laws 4 and 9), no
// step may exceed the output budget (5), an expired machine must move its deadline on (3), and
// nothing may throw or abort (1). Laws 2, 6 and 8 are structural: tools/tidy checks them.
#pragma once

#include <doctest/doctest.h>

#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "kith/base/machine.hpp"

namespace kith::test {

template <class Input>
struct Timed {
  Duration after;  // since the previous input
  Input input;
};

struct LawLimits {
  std::size_t outputs_per_step = 4096;
  int expiries_per_instant = 64;
};

// `describe` renders an output for the replay comparison; equal renderings mean equal outputs.
template <Machine M, class Make, class Describe>
void check_laws(std::string_view name, Make make,
                const std::vector<Timed<typename M::Input>>& inputs, Describe describe,
                LawLimits limits = {}) {
  const auto run = [&] {
    std::string trace;
    M machine = make();
    Now now{Instant(seconds(1000)), UnixMillis{1'700'000'000'000}};
    Outbox<typename M::Output> out;
    const auto record = [&] {
      CHECK_LE(out.size(), limits.outputs_per_step);
      out.drain([&](typename M::Output output) { trace += describe(output) + "\n"; });
    };
    const auto expire_until = [&](Instant until) {
      int at_same_instant = 0;
      while (const auto deadline = machine.next_deadline()) {
        if (*deadline > until) break;
        const Instant at = std::max(*deadline, now.mono);
        at_same_instant = at == now.mono ? at_same_instant + 1 : 0;
        REQUIRE_LE(at_same_instant, limits.expiries_per_instant);
        now.wall.value += to_millis(at - now.mono);
        now.mono = at;
        machine.expire(now, out);
        record();
      }
    };
    for (const auto& [after, input] : inputs) {
      const Instant at = now.mono + after;
      expire_until(at);
      now.wall.value += to_millis(at - now.mono);
      now.mono = at;
      machine.step(input, now, out);
      record();
      if (const auto deadline = machine.next_deadline())
        trace += std::to_string(deadline->time_since_epoch().count()) + "\n";
    }
    expire_until(now.mono + seconds(30));
    return trace;
  };
  const std::string first = run();
  const std::string second = run();
  CHECK_EQ(first, second);
  std::printf("laws: %.*s x %zu inputs\n", static_cast<int>(name.size()), name.data(),
              inputs.size());
}

}  // namespace kith::test
