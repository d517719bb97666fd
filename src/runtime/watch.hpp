// Watch and Timer: readiness of a descriptor and the passing of time, as callbacks on the loop.
// After destruction no callback runs, also not one that was already due.
#pragma once

#include <functional>
#include <memory>

#include "kith/runtime/fd.hpp"
#include "kith/runtime/loop.hpp"

namespace kith::runtime {

class Watch {
 public:
  Watch(Loop& loop, Fd fd);  // the descriptor is non-blocking
  ~Watch();                  // closes it
  Watch(Watch&&) noexcept;
  Watch& operator=(Watch&&) noexcept;

  int fd() const;
  // Whenever there is something to read or an error to fetch, until paused or destroyed. It comes
  // again while unread bytes remain.
  void on_readable(std::function<void()> ready);
  void pause_reading();
  void resume_reading();
  // Once, when a write would be taken or a connect is decided.
  void once_writable(std::function<void()> ready);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

class Timer {
 public:
  explicit Timer(Loop& loop);
  ~Timer();
  void set(Duration after, std::function<void()> fired);  // replaces what was set
  void cancel();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace kith::runtime
