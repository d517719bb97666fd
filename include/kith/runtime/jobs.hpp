// Jobs: heavy crypto off the loop. Jobs start in order; with one worker they also finish in order.
#pragma once

#include <functional>
#include <memory>

#include "kith/base/job.hpp"
#include "kith/runtime/loop.hpp"

namespace kith::runtime {

class Jobs {
 public:
  // `done` runs on the loop.
  Jobs(Loop& loop, int workers, std::function<void(Computed)> done);
  ~Jobs();  // finishes the jobs that run, drops those that wait

  // Takes any number: each machine bounds what it has in flight (job_queue_limit).
  void submit(Compute order);
  std::size_t queued() const;  // waiting or running: the measure of "under load"

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace kith::runtime
