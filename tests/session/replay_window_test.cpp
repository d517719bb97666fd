#include "replay_window.hpp"

#include <set>

#include "kith/base/rng.hpp"

using namespace kith;
using session::ReplayWindow;

TEST_CASE("session/replay_window: a counter is accepted once") {
  ReplayWindow window;
  CHECK(window.accept(0));
  CHECK_FALSE(window.accept(0));
  CHECK(window.accept(5));
  CHECK(window.accept(3));
  CHECK_FALSE(window.accept(3));
}

TEST_CASE("session/replay_window: what fell out of the window is refused") {
  ReplayWindow window;
  CHECK(window.accept(100'000));
  CHECK_FALSE(window.accept(100'000 - ReplayWindow::usable));
  CHECK(window.accept(100'001 - ReplayWindow::usable));
  CHECK(window.accept(std::uint64_t{1} << 47));
  CHECK_FALSE(window.accept(100'001));
}

TEST_CASE("session/replay_window: it agrees with a set of everything seen") {
  Rng rng(5);
  ReplayWindow window;
  std::set<std::uint64_t> seen;
  std::uint64_t greatest = 0, base = 0;
  for (int i = 0; i < 200'000; ++i) {
    if (rng.chance(1, 200)) base += rng.below(3 * ReplayWindow::bits);
    const std::uint64_t spread = rng.chance(1, 2) ? 100 : 2 * ReplayWindow::bits;
    const std::uint64_t counter = base + rng.below(spread);
    const bool in_window = seen.empty() || counter + ReplayWindow::usable > greatest;
    const bool expected = in_window && !seen.contains(counter);
    REQUIRE_EQ(window.accept(counter), expected);
    if (expected) seen.insert(counter);
    if (expected) greatest = std::max(greatest, counter);
    if (seen.size() > 40'000) seen.erase(seen.begin(), seen.lower_bound(greatest - 20'000));
  }
}
