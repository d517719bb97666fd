#include "switch.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace kith::mutants {
namespace {

std::size_t named_by_environment() {
  const char* name = std::getenv("KITH_MUTANT");
  if (!name) return 0;
  if (!plant(name)) {
    std::fprintf(stderr, "KITH_MUTANT: no mutant is called %s\n", name);
    std::exit(2);
  }
  return planted;
}

}  // namespace

std::size_t planted = named_by_environment();

bool plant(std::string_view name) {
  const auto found = std::ranges::find(all, name, &Mutant::name);
  if (found == all.end()) return false;
  planted = static_cast<std::size_t>(found - all.begin()) + 1;
  return true;
}

}  // namespace kith::mutants
