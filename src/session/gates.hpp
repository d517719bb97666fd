// Gates: the small questions asked before anything expensive. Who has proven its address (cookies
// under load), who holds too many half-open streams. Who is local: kith/base/locality.hpp.
#pragma once

#include <map>

#include "frames.hpp"

namespace kith::session {

// Stateless proof of address [WireGuard 5.3]: a cookie is a MAC over the address under a secret
// that changes every 120 s; the previous secret still counts, so no cookie dies young.
class CookieGate {
 public:
  Mac cookie(const Endpoint& from, Now now, crypto::SecretRng& rng);
  bool proven(const InitFrame& frame, const Endpoint& from, Now now, crypto::SecretRng& rng);

 private:
  void rotate(Now now, crypto::SecretRng& rng);
  std::optional<Instant> rotated_;
  crypto::Secret<32> current_, previous_;
};

class LoadGate {
 public:
  void report(const LoadReported& load, Now now);
  bool under_load(std::size_t own_jobs, Now now);

 private:
  std::optional<Instant> until_;
};

// At most so many unauthenticated inbound streams, and so many from one place.
class HalfOpenGate {
 public:
  bool enter(const Endpoint& from);
  void leave(const Endpoint& from);
  std::size_t size() const { return total_; }

 private:
  std::size_t total_ = 0;
  std::map<ByteArray<16>, std::size_t> by_prefix_;
};

}  // namespace kith::session
