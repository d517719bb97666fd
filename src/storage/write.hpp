// Write: what waits for the writer thread, and what each kind counts for.
#pragma once

#include <variant>

#include "kith/base/disk.hpp"
#include "kith/base/visit.hpp"

namespace kith::storage {

// The read thread saw a bad checksum; the writer looks again inside its transaction.
struct Recheck {
  Load load;
};
using Write = std::variant<Persist, Forget, Recheck>;

inline std::size_t cost(const Persist& order) { return order.key.size() + order.value.size(); }
inline std::size_t cost(const Load& order) { return order.key.size(); }
inline std::size_t cost(const Forget& order) { return order.key.size(); }
inline std::size_t cost(const Recheck& order) { return order.load.key.size(); }
inline std::size_t cost(const Write& write) {
  return match(write, [](const auto& order) { return cost(order); });
}

inline Token token(const Write& write) {
  return match(
      write, [](const Recheck& order) { return order.load.token; },
      [](const auto& order) { return order.token; });
}

}  // namespace kith::storage
