// Machine and Outbox: the one shape every protocol part has. Facts and the time go in; orders,
// news and one deadline come out. It owns no socket, clock, thread, file, logger or random device.
//
// Run loop: step or expire once, drain the outbox to the end, only then touch the machine again.
// The nine laws stand in src/ARCHITECTURE.md and are checked by tests/support/laws.hpp.
#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "kith/base/time.hpp"

namespace kith {

template <class Output>
class Outbox {
 public:
  template <class T>
  void push(T&& output) {
    items_.emplace_back(std::forward<T>(output));
  }

  bool empty() const { return items_.empty(); }
  std::size_t size() const { return items_.size(); }
  const std::vector<Output>& items() const { return items_; }

  // Hands every output to `sink` in order; what the sink pushes here is handed over too.
  template <class Sink>
  void drain(Sink&& sink) {
    for (std::size_t i = 0; i < items_.size(); ++i) {
      Output output = std::move(items_[i]);
      sink(std::move(output));
    }
    items_.clear();
  }

  std::vector<Output> take() { return std::exchange(items_, {}); }
  void clear() { items_.clear(); }

 private:
  std::vector<Output> items_;
};

template <class M>
concept Machine = requires(M machine, const M constant, const typename M::Input& input, Now now,
                           Outbox<typename M::Output>& out) {
  machine.step(input, now, out);
  machine.expire(now, out);
  { constant.next_deadline() } -> std::same_as<std::optional<Instant>>;
};

// The earlier of two optional deadlines.
inline std::optional<Instant> earlier(std::optional<Instant> a, std::optional<Instant> b) {
  if (!a) return b;
  if (!b) return a;
  return *a < *b ? a : b;
}

}  // namespace kith
