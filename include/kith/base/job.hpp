// Job: heavy crypto as a message. A machine orders Compute{token, job}; the world runs it where it
// likes (a small pool in the daemon, a virtual cost in the simulator) and answers
// Computed{token, result}. A job is a pure function of what it holds.
#pragma once

#include <memory>

#include "kith/base/ids.hpp"

namespace kith {

struct JobResult {
  virtual ~JobResult() = default;
};

struct Job {
  virtual ~Job() = default;
  virtual std::unique_ptr<JobResult> run() const = 0;
};

struct Compute {
  Token token;
  std::shared_ptr<const Job> job;
};

struct Computed {
  Token token;
  std::shared_ptr<const JobResult> result;  // of the type the job documents
};

// More orders than this in flight mean "under load" (protocol.md 2).
inline constexpr std::size_t job_queue_limit = 256;

}  // namespace kith
