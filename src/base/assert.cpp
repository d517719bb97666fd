#include "kith/base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace kith {

void assertion_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "kith: internal error: assertion failed: %s (%s:%d)\n", expression, file,
               line);
  std::abort();
}

}  // namespace kith
