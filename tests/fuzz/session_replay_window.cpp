// The replay window against the plainest model of it: a set of counters and the greatest one.
#include <set>

#include "replay_window.hpp"
#include "target.hpp"

using namespace kith;

namespace {

class Model {
 public:
  bool accept(std::uint64_t counter) {
    if (any_ && counter < greatest_ && greatest_ + 1 - counter > session::ReplayWindow::usable)
      return false;
    if (!seen_.insert(counter).second) return false;
    greatest_ = any_ ? std::max(greatest_, counter) : counter;
    any_ = true;
    return true;
  }
  std::uint64_t greatest() const { return greatest_; }

 private:
  std::set<std::uint64_t> seen_;
  std::uint64_t greatest_ = 0;
  bool any_ = false;
};

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Script near, far;
  for (std::size_t i = 0; i < 20; ++i) near.u8(0).u16(i * 37).u8(1).u16(i * 91);
  for (const std::size_t jump : {64u, 8127u, 8128u, 8129u, 8191u, 8192u, 8193u})
    far.u8(0).u16(jump).u8(1).u16(jump).u8(1).u16(8127).u8(1).u16(8128);
  return {near, far, fuzz::Script().u8(2).u64(1ull << 47).u8(1).u16(8127).u8(1).u16(8128)};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  session::ReplayWindow window;
  Model model;
  constexpr std::uint64_t counter_mask = (1ull << 48) - 1;  // Keypair refuses the rest
  while (!in.empty()) {
    const std::size_t how = in.below(3);
    std::uint64_t counter = 0;
    if (how == 2) {
      counter = in.u64();
    } else {
      const std::uint64_t step = in.u16();
      counter = how == 0 ? model.greatest() + step : model.greatest() - step;
    }
    counter &= counter_mask;
    KITH_ASSERT(window.accept(counter) == model.accept(counter));
  }
  return 0;
}
