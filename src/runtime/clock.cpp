#include "kith/runtime/clock.hpp"

#include <sys/random.h>
#include <time.h>

#include <cerrno>

#include "kith/base/assert.hpp"

namespace kith::runtime {

Now now() {
  timespec mono{}, wall{};
  ::clock_gettime(CLOCK_BOOTTIME, &mono);
  ::clock_gettime(CLOCK_REALTIME, &wall);
  return {Instant(seconds(mono.tv_sec) + microseconds(mono.tv_nsec / 1000)),
          UnixMillis{wall.tv_sec * 1000 + wall.tv_nsec / 1'000'000}};
}

ByteArray<32> system_entropy() {
  ByteArray<32> seed{};
  ssize_t got;
  do got = ::getrandom(seed.data(), seed.size(), 0);
  while (got < 0 && errno == EINTR);
  KITH_ASSERT(got == static_cast<ssize_t>(seed.size()));  // up to 256 bytes are never cut short
  return seed;
}

}  // namespace kith::runtime
