// KITH_ASSERT: our own bugs stop the process, in release builds too.
#pragma once

namespace kith {
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line) noexcept;
}

#define KITH_ASSERT(expression) \
  ((expression) ? void(0) : ::kith::assertion_failed(#expression, __FILE__, __LINE__))
