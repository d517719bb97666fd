// kith-bench: what things cost here, each beside the machine's own limit in the same run. Absolute
// times are noise on a shared machine; the ratio is the figure.
#pragma once

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace kith::bench {

struct Row {
  std::string what;
  double value = 0;
  std::string unit;
  std::string limit_what;  // empty: a plain figure without a limit
  double limit = 0;
  std::vector<double> quantiles = {};  // evenly spaced in probability, least first; or none
  // How close to the limit: 1 is the limit itself. For times limit / value, for rates value /
  // limit.
  double ratio() const { return unit.ends_with("/s") ? value / limit : limit / value; }
};

using Rows = std::vector<Row>;

struct Bench {
  std::string name, what;
  std::function<Rows()> run;
};

// Microseconds of one call: the median of `repeats` batches of at least 60 ms each.
template <class F>
double microseconds_of(F&& call, int repeats = 5) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  std::size_t batch = 1;
  while (static_cast<int>(times.size()) < repeats) {
    const auto start = Clock::now();
    for (std::size_t i = 0; i < batch; ++i) call();
    const std::chrono::duration<double, std::micro> took = Clock::now() - start;
    if (took.count() < 60'000) {
      batch *= 2;
      continue;
    }
    times.push_back(took.count() / static_cast<double>(batch));
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

// Keeps the compiler from throwing a result away.
template <class T>
void keep(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

struct MachineOptions {
  std::vector<std::string> peers;   // the network namespaces of the others; none: loopback
  std::filesystem::path directory;  // whose disk is measured; empty: the temporary one's
  std::size_t daemons = 8;          // that do the same at once
};

Row turn_of_a_loop(std::size_t daemons);
Rows machine(const MachineOptions& options);
Rows seal_and_open();
Rows codec();
Rows handshake();
Rows machines();
Rows answers();
Rows latency();
Rows idle();

}  // namespace kith::bench
