// The one place that includes libsodium and makes sure it is ready (it then picks the fastest
// implementation for this CPU; without that the portable ones run).
#pragma once

#include <sodium.h>

#include "kith/base/assert.hpp"

namespace kith::crypto {

inline void ready_sodium() {
  static const bool ready = sodium_init() >= 0;
  KITH_ASSERT(ready);
}

}  // namespace kith::crypto
