// The XOR key space [Maymounkov, Mazieres 2002]: distance, rank and the closest of a set.
// Works on any id width; knows no messages and no sockets.
#pragma once

#include <algorithm>
#include <bit>
#include <vector>

#include "kith/base/bytes.hpp"

namespace kith::kad {

template <std::size_t N>
using Place = ByteArray<N>;

// Whether `a` is strictly closer to `target` than `b`. Distances are compared as big-endian
// numbers.
template <std::size_t N>
bool closer(const Place<N>& target, const Place<N>& a, const Place<N>& b) {
  for (std::size_t i = 0; i < N; ++i) {
    const auto da = static_cast<Byte>(a[i] ^ target[i]);
    const auto db = static_cast<Byte>(b[i] ^ target[i]);
    if (da != db) return da < db;
  }
  return false;
}

// Bits of the XOR distance: 0 for equal places, 8 * N for places that differ in their first bit.
template <std::size_t N>
int distance_bits(const Place<N>& a, const Place<N>& b) {
  for (std::size_t i = 0; i < N; ++i) {
    const auto d = static_cast<Byte>(a[i] ^ b[i]);
    if (d != 0) return static_cast<int>(8 * (N - i)) - std::countl_zero(d);
  }
  return 0;
}

// The `count` items closest to `target`, closest first. `place_of` yields an item's Place.
template <std::size_t N, class Item, class PlaceOf>
std::vector<Item> closest(const Place<N>& target, std::vector<Item> items, std::size_t count,
                          PlaceOf place_of) {
  const auto nearer = [&](const Item& a, const Item& b) {
    return closer(target, place_of(a), place_of(b));
  };
  const std::size_t kept = std::min(count, items.size());
  const auto middle = items.begin() + static_cast<std::ptrdiff_t>(kept);
  std::partial_sort(items.begin(), middle, items.end(), nearer);
  items.erase(middle, items.end());
  return items;
}

// Calls `visit` with items of a range sorted by place, closest to `target` first, until it returns
// false. Each bit halves the range, and the half on the target's side is wholly closer: a few steps
// where closest() looks at everything.
template <std::size_t N, class Iterator, class PlaceOf, class Visit>
bool visit_closest(const Place<N>& target, Iterator first, Iterator last, PlaceOf place_of,
                   Visit visit, std::size_t bit = 0) {
  if (first == last) return true;
  if (last - first == 1 || bit == 8 * N) {
    for (; first != last; ++first)
      if (!visit(*first)) return false;
    return true;
  }
  const auto is_set = [bit](const Place<N>& place) {
    return (place[bit / 8] >> (7 - bit % 8) & 1) != 0;
  };
  const Iterator middle =
      std::partition_point(first, last, [&](const auto& item) { return !is_set(place_of(item)); });
  const auto low = [&] { return visit_closest(target, first, middle, place_of, visit, bit + 1); };
  const auto high = [&] { return visit_closest(target, middle, last, place_of, visit, bit + 1); };
  return is_set(target) ? high() && low() : low() && high();
}

}  // namespace kith::kad
