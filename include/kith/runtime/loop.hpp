// Loop: the one thread everything runs on. Sockets, signals, posted tasks and one deadline wake it;
// after each wake-up, when all that was ready has been handled (at most 64 handlers), on_turn runs.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "kith/base/time.hpp"

namespace kith::runtime {

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // The deadline is on the CLOCK_BOOTTIME axis of runtime::now(); one in the past fires at once.
  void set_deadline(std::optional<Instant> when);
  void on_deadline(std::function<void()> handler);
  void on_turn(std::function<void()> handler);
  // SIGTERM and SIGINT from now on; the handler runs on the loop, not as a signal handler.
  void on_signal(std::function<void(int signal)> handler);

  void post(std::function<void()> task);  // from any thread
  void run();                             // until stop(); may be called again
  void run_until(const std::function<bool()>& done, Duration limit);  // for tests: a bounded run
  void stop();                                                        // from any thread

  struct Impl;
  Impl& impl() { return *impl_; }  // for this room

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith::runtime
