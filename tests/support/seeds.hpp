// How many seeds a property is tried with: the usual number, or what KITH_SEEDS asks for. Under a
// sanitizer, where each costs ten times as much, the suite asks for few.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace kith::test {

inline std::uint64_t seeds(std::uint64_t usual) {
  const char* asked = std::getenv("KITH_SEEDS");
  return asked ? std::strtoull(asked, nullptr, 10) : usual;
}

}  // namespace kith::test
