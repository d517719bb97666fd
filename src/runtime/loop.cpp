#include <sys/timerfd.h>

#include <cerrno>
#include <csignal>
#include <system_error>

#include "asio.hpp"
#include "kith/runtime/clock.hpp"
#include "watch.hpp"

namespace kith::runtime {
namespace {

constexpr int handlers_per_turn = 64;

timespec to_timespec(Instant when) {
  const auto since = when.time_since_epoch();
  const auto whole = std::chrono::floor<seconds>(since);
  timespec spec{};
  spec.tv_sec = static_cast<time_t>(whole.count());
  spec.tv_nsec = static_cast<long>((since - whole).count()) * 1000;
  return spec;
}

}  // namespace

struct Loop::Impl {
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  asio::signal_set signals{context};
  std::optional<Watch> timer;  // CLOCK_BOOTTIME, which Asio's own timers do not know
  std::function<void()> on_deadline, on_turn;
  bool stopped = false;

  // One wake-up: waits for the first handler, then takes what else is ready.
  void turn() {
    if (context.run_one() == 0) return;
    for (int i = 1; i < handlers_per_turn && !stopped && context.poll_one() != 0; ++i) {
    }
    if (on_turn) on_turn();
  }

  void await_signal(std::function<void(int)> handler) {
    signals.async_wait([this, handler](const boost::system::error_code& error, int signal) {
      if (error) return;
      handler(signal);
      await_signal(handler);
    });
  }
};

Loop::Loop() : impl_(std::make_unique<Impl>()) {
  const int fd = ::timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "timerfd_create");
  impl_->timer.emplace(*this, Fd(fd));
  impl_->timer->on_readable([this, fd] {
    std::uint64_t fired = 0;
    if (::read(fd, &fired, sizeof fired) == sizeof fired && impl_->on_deadline)
      impl_->on_deadline();
  });
}

Loop::~Loop() = default;

void Loop::set_deadline(std::optional<Instant> when) {
  itimerspec spec{};
  // Zero would disarm: the epoch's first nanosecond is as much in the past.
  if (when) spec.it_value = *when > Instant{} ? to_timespec(*when) : timespec{0, 1};
  ::timerfd_settime(impl_->timer->fd(), TFD_TIMER_ABSTIME, &spec, nullptr);
}

void Loop::on_deadline(std::function<void()> handler) { impl_->on_deadline = std::move(handler); }
void Loop::on_turn(std::function<void()> handler) { impl_->on_turn = std::move(handler); }

void Loop::on_signal(std::function<void(int)> handler) {
  impl_->signals.add(SIGTERM);
  impl_->signals.add(SIGINT);
  impl_->await_signal(std::move(handler));
}

void Loop::post(std::function<void()> task) { asio::post(impl_->context, std::move(task)); }

void Loop::run() {
  impl_->stopped = false;
  while (!impl_->stopped) impl_->turn();
}

void Loop::run_until(const std::function<bool()>& done, Duration limit) {
  const Instant end = runtime::now().mono + limit;
  Timer wake(*this);
  wake.set(limit, [] {});
  impl_->stopped = false;
  while (!done() && !impl_->stopped && runtime::now().mono < end) impl_->turn();
}

void Loop::stop() {
  post([this] { impl_->stopped = true; });
}

asio::io_context& context(Loop& loop) { return loop.impl().context; }

// --- Watch --------------------------------------------------------------------------------------

struct Watch::State : std::enable_shared_from_this<State> {
  State(Loop& loop, int fd) : descriptor(context(loop), fd) {}

  void await_readable() {
    if (waiting || paused || !readable) return;
    waiting = true;
    descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                          [weak = weak_from_this()](const boost::system::error_code& error) {
                            const auto self = weak.lock();
                            if (!self || !self->alive) return;
                            self->waiting = false;
                            if (!error && !self->paused) self->readable();
                            if (self->alive) self->await_readable();
                          });
  }

  asio::posix::stream_descriptor descriptor;
  std::function<void()> readable;
  bool waiting = false, paused = false;
  bool alive = true;  // false once the Watch is gone, while a handler still holds the state
};

Watch::Watch(Loop& loop, Fd fd) : state_(std::make_shared<State>(loop, fd.release())) {}

Watch::~Watch() {
  if (!state_) return;
  state_->alive = false;
  boost::system::error_code ignored;
  state_->descriptor.close(ignored);
}

Watch::Watch(Watch&&) noexcept = default;

Watch& Watch::operator=(Watch&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

int Watch::fd() const { return state_->descriptor.native_handle(); }

void Watch::on_readable(std::function<void()> ready) {
  state_->readable = std::move(ready);
  state_->await_readable();
}

void Watch::pause_reading() { state_->paused = true; }

void Watch::resume_reading() {
  state_->paused = false;
  state_->await_readable();
}

void Watch::once_writable(std::function<void()> ready) {
  state_->descriptor.async_wait(
      asio::posix::stream_descriptor::wait_write,
      [weak = std::weak_ptr(state_), ready](const boost::system::error_code& error) {
        const auto self = weak.lock();
        if (self && self->alive && !error) ready();
      });
}

// --- Timer --------------------------------------------------------------------------------------

struct Timer::State {
  explicit State(Loop& loop) : timer(context(loop)) {}
  asio::steady_timer timer;
  std::uint64_t round = 0;  // a handler of an earlier round came too late to be cancelled
};

Timer::Timer(Loop& loop) : state_(std::make_shared<State>(loop)) {}
Timer::~Timer() { cancel(); }

void Timer::set(Duration after, std::function<void()> fired) {
  const std::uint64_t round = ++state_->round;
  state_->timer.expires_after(after);
  state_->timer.async_wait(
      [weak = std::weak_ptr(state_), round, fired](const boost::system::error_code& error) {
        const auto self = weak.lock();
        if (self && !error && self->round == round) fired();
      });
}

void Timer::cancel() {
  ++state_->round;
  state_->timer.cancel();
}

}  // namespace kith::runtime
