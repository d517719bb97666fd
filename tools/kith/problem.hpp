// Problem: why a command failed, with the exit code it stands for (the contract's list).
#pragma once

#include <string>
#include <string_view>

#include "kith/base/result.hpp"

namespace kith::tool {

enum Exit : int {
  exit_ok = 0,
  exit_failed = 1,
  exit_usage = 2,
  exit_not_found = 3,
  exit_unreachable = 4,
  exit_timeout = 5,
  exit_partial = 6,
  exit_conflict = 7,
  exit_permission = 8,
  exit_not_joined = 9,
  exit_unverified = 10,
  exit_interrupted = 130,
};

struct Problem {
  int exit = exit_failed;
  std::string message, hint;
  std::string answer;  // the daemon's own error object as it came, else empty
};

inline Failure<Problem> problem(int exit, std::string message, std::string hint = {}) {
  return Failure<Problem>(Problem{exit, std::move(message), std::move(hint), {}});
}

std::string_view code_of(int exit);  // "not_found"

// An HTTP answer's exit code: X-Kith-Exit, else what its status says.
int exit_of(std::string_view header, int status);

// Says it on stderr, for people or (one error object) for programs; returns the exit code.
int report(const Problem& problem, bool json);

}  // namespace kith::tool
