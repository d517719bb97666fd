// DeadlineQueue: named timers inside a machine. Setting a key again moves it. Ties fire in key
// order, so the trace is the same everywhere.
//
// The map says when each key is due; the heap only finds the earliest and may hold stale places,
// which are thrown out when they come to its top or when they are the most of it.
#pragma once

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "kith/base/flat_map.hpp"
#include "kith/base/time.hpp"

namespace kith {

template <class Key>
class DeadlineQueue {
 public:
  void set(const Key& key, Instant when) {
    const auto [known, fresh] = when_.try_emplace(key, when);
    if (!fresh && std::exchange(known->second, when) == when) return;
    heap_.emplace_back(when, key);
    std::push_heap(heap_.begin(), heap_.end(), later);
    tidy();
  }

  void cancel(const Key& key) {
    if (when_.erase(key) > 0) tidy();
  }

  std::optional<Instant> when(const Key& key) const {
    const auto it = when_.find(key);
    return it == when_.end() ? std::nullopt : std::optional(it->second);
  }

  std::optional<Instant> next() const {
    return heap_.empty() ? std::nullopt : std::optional(heap_.front().first);
  }

  // Removes and returns the earliest key due at or before `now`.
  std::optional<Key> pop_due(Instant now) {
    if (heap_.empty() || heap_.front().first > now) return std::nullopt;
    Key key = heap_.front().second;
    when_.erase(key);
    tidy();
    return key;
  }

  std::size_t size() const { return when_.size(); }
  void clear() {
    when_ = {};
    heap_.clear();
  }

 private:
  using Place = std::pair<Instant, Key>;
  static bool later(const Place& a, const Place& b) { return b < a; }
  bool stale(const Place& place) const { return when(place.second) != place.first; }

  // Afterwards the top is not stale.
  void tidy() {
    while (!heap_.empty() && stale(heap_.front())) {
      std::pop_heap(heap_.begin(), heap_.end(), later);
      heap_.pop_back();
    }
    if (heap_.size() < 2 * when_.size() + 32) return;
    std::erase_if(heap_, [this](const Place& place) { return stale(place); });
    std::sort(heap_.begin(), heap_.end());  // sorted is a heap too
    heap_.erase(std::unique(heap_.begin(), heap_.end()), heap_.end());
  }

  FlatMap<Key, Instant> when_;
  std::vector<Place> heap_;
};

}  // namespace kith
