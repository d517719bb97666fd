// The switch: which mutant of the catalogue is planted in this process. Generated sources ask it;
// nothing that is installed knows of it.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace kith::mutants {

struct Mutant {
  std::string_view name, what, test;
};
extern const std::span<const Mutant> all;

// Its place in the catalogue, from one; none: zero. At start: what KITH_MUTANT names.
extern std::size_t planted;
inline bool on(std::size_t mutant) { return planted == mutant; }

bool plant(std::string_view name);  // false: there is no such mutant

}  // namespace kith::mutants
