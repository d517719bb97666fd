#include "kith/runtime/jobs.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace kith::runtime {

struct Jobs::Impl : std::enable_shared_from_this<Impl> {
  Impl(Loop& l, std::function<void(Computed)> d) : loop(l), done(std::move(d)) {}

  void work() {
    std::unique_lock guard(mutex);
    for (;;) {
      waiting.wait(guard, [this] { return stopping || !orders.empty(); });
      if (stopping) return;
      const Compute order = std::move(orders.front());
      orders.pop_front();
      guard.unlock();
      std::shared_ptr<const JobResult> result = order.job->run();
      guard.lock();
      results.push_back({order.token, std::move(result)});
      if (results.size() == 1)  // one task brings all that is there when it runs
        loop.post([weak = weak_from_this()] {
          if (const auto self = weak.lock()) self->deliver();
        });
    }
  }

  void deliver() {
    std::deque<Computed> ready;
    {
      const std::lock_guard guard(mutex);
      ready.swap(results);
      pending -= ready.size();
    }
    for (Computed& result : ready) done(std::move(result));
  }

  Loop& loop;
  std::function<void(Computed)> done;
  mutable std::mutex mutex;
  std::condition_variable waiting;
  std::deque<Compute> orders;
  std::deque<Computed> results;
  std::size_t pending = 0;
  bool stopping = false;
  std::vector<std::thread> threads;
};

Jobs::Jobs(Loop& loop, int workers, std::function<void(Computed)> done)
    : impl_(std::make_shared<Impl>(loop, std::move(done))) {
  for (int i = 0; i < workers; ++i)
    impl_->threads.emplace_back([impl = impl_.get()] { impl->work(); });
}

Jobs::~Jobs() {
  {
    const std::lock_guard guard(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->waiting.notify_all();
  for (std::thread& thread : impl_->threads) thread.join();
}

void Jobs::submit(Compute order) {
  {
    const std::lock_guard guard(impl_->mutex);
    impl_->orders.push_back(std::move(order));
    ++impl_->pending;
  }
  impl_->waiting.notify_one();
}

std::size_t Jobs::queued() const {
  const std::lock_guard guard(impl_->mutex);
  return impl_->pending;
}

}  // namespace kith::runtime
