// Resolver: names to addresses without blocking the loop or the exit.
//
// getaddrinfo cannot be cancelled and may take half a minute, so each lookup has a thread of its
// own that nobody waits for (Asio's resolver joins its thread at exit: SIGTERM would hang).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kith/base/address.hpp"
#include "kith/runtime/loop.hpp"

namespace kith::runtime {

struct Resolved {
  std::vector<Endpoint> endpoints;  // in the system's order of preference; empty: see error
  std::string error;                // "Name or service not known", "timed out", "too many lookups"
};

class Resolver {
 public:
  static constexpr int running_limit = 8;  // threads, the abandoned ones too

  explicit Resolver(Loop& loop);
  ~Resolver();  // pending lookups are forgotten
  // `done` runs on the loop, once. An IP literal needs no thread.
  void resolve(std::string name, std::uint16_t port, Duration timeout,
               std::function<void(Resolved)> done);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith::runtime
