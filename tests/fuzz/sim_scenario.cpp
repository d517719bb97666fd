// Scenario files: what is read is sound, and printing it gives what reads the same; memory is
// bounded by the text.
#include "kith/sim/plan.hpp"
#include "kith/sim/scenario.hpp"
#include "target.hpp"

using namespace kith;

kith::fuzz::Seeds fuzz_seeds() {
  return {fuzz::text("kith scenario 1\nsalt 3\nhosts 8\nlength 60\n0 start *\n5 put 2 amount 1\n"
                     "10.25 kill 3,4 for 5\n10.5 newer 5 for 3\n11 loss * amount 50 for 1\n"
                     "12 lie 3 amount 255 for 9\n30 heal 7\n"),
          fuzz::text("kith scenario 1\nlatency 0.001 0.01\ndisk 0 0.5 1\njob 0 0\n# why\n1 "
                     "step_clock 0 amount -5\n"),
          fuzz::text(to_string(sim::plan(5, {.hosts_min = 3, .hosts_max = 4})).substr(0, 2000))};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto scenario = sim::parse_scenario(as_text(ByteView(data, size)));
  if (!scenario) {
    KITH_ASSERT(scenario.error().starts_with("line "));
    return 0;
  }
  KITH_ASSERT(scenario->events.size() <= size / 3);
  for (const sim::Event& event : scenario->events)
    KITH_ASSERT(event.hosts.empty() || event.hosts.back() < scenario->hosts);
  const auto again = sim::parse_scenario(to_string(*scenario));
  KITH_ASSERT(again && *again == *scenario);
  return 0;
}
