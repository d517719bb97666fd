// Clock: the only place that asks the machine what time it is, and for randomness.
#pragma once

#include "kith/base/bytes.hpp"
#include "kith/base/time.hpp"

namespace kith::runtime {

Now now();  // mono is CLOCK_BOOTTIME: it goes on while the machine sleeps

// From getrandom: seeds crypto::SecretRng and Rng, makes the boot id.
ByteArray<32> system_entropy();

}  // namespace kith::runtime
