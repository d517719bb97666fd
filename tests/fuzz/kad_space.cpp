// XOR space: closest() against a naive sort by distance, and distance_bits against counting.
#include "kith/kad/space.hpp"
#include "target.hpp"

using namespace kith;

namespace {

using Place = kad::Place<4>;

std::uint32_t distance(const Place& a, const Place& b) {
  std::uint32_t all = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    all = all << 8 | static_cast<std::uint32_t>(a[i] ^ b[i]);
  return all;
}

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  return {fuzz::Script().u8(3).raw(Bytes{1, 2, 3, 4}).raw(Bytes(40, 5)).raw(Bytes(8, 0xff)),
          Bytes(64, 0x80), Bytes(5)};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  const std::size_t wanted = in.below(20);
  const Place target = in.array<4>();
  std::vector<Place> items;
  while (!in.empty()) items.push_back(in.array<4>());

  std::vector<Place> sorted = items;
  std::sort(sorted.begin(), sorted.end(), [&](const Place& a, const Place& b) {
    return distance(target, a) < distance(target, b);
  });
  sorted.resize(std::min(wanted, sorted.size()));
  KITH_ASSERT(kad::closest(target, items, wanted, [](const Place& p) { return p; }) == sorted);

  for (const Place& place : sorted) {
    const std::uint32_t apart = distance(target, place);
    KITH_ASSERT(kad::distance_bits(target, place) == static_cast<int>(std::bit_width(apart)));
    KITH_ASSERT(!kad::closer(target, place, place));
  }
  return 0;
}
