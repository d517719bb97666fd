// DeadlineQueue: named timers inside a machine. Setting a key again moves it; there are no stale
// tokens. Ties fire in key order, so the trace is the same everywhere.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "kith/base/time.hpp"

namespace kith {

template <class Key>
class DeadlineQueue {
 public:
  void set(const Key& key, Instant when) {
    cancel(key);
    when_.emplace(key, when);
    queue_.emplace(when, key);
  }

  void cancel(const Key& key) {
    if (const auto it = when_.find(key); it != when_.end()) {
      queue_.erase({it->second, key});
      when_.erase(it);
    }
  }

  std::optional<Instant> when(const Key& key) const {
    const auto it = when_.find(key);
    return it == when_.end() ? std::nullopt : std::optional(it->second);
  }

  std::optional<Instant> next() const {
    return queue_.empty() ? std::nullopt : std::optional(queue_.begin()->first);
  }

  // Removes and returns the earliest key due at or before `now`.
  std::optional<Key> pop_due(Instant now) {
    if (queue_.empty() || queue_.begin()->first > now) return std::nullopt;
    Key key = queue_.begin()->second;
    when_.erase(key);
    queue_.erase(queue_.begin());
    return key;
  }

  std::size_t size() const { return when_.size(); }
  void clear() {
    when_.clear();
    queue_.clear();
  }

 private:
  std::map<Key, Instant> when_;
  std::set<std::pair<Instant, Key>> queue_;
};

}  // namespace kith
