// Five daemons under load, and daemons doing nothing.
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "bench.hpp"
#include "daemons.hpp"

namespace kith::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Millis = std::chrono::duration<double, std::milli>;

// `workers` clients, one request outstanding each, `total` requests; milliseconds of every request.
std::vector<double> load(const Daemons& daemons, const std::string& method, std::size_t workers,
                         std::size_t total) {
  std::vector<std::vector<double>> times(workers);
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> threads;
  for (std::size_t worker = 0; worker < workers; ++worker)
    threads.emplace_back([&, worker] {
      for (std::size_t i = next++; i < total; i = next++) {
        const auto start = Clock::now();
        daemons.fetch(i % daemons.size(), method, "/v1/kv/bench-" + std::to_string(i),
                      method == "PUT" ? std::string(100, 'x') : std::string());
        times[worker].push_back(Millis(Clock::now() - start).count());
      }
    });
  for (std::thread& thread : threads) thread.join();
  std::vector<double> all;
  for (const auto& part : times) all.insert(all.end(), part.begin(), part.end());
  std::sort(all.begin(), all.end());
  return all;
}

double at_percent(const std::vector<double>& sorted, double percent) {
  return sorted[std::min(
      sorted.size() - 1,
      static_cast<std::size_t>(static_cast<double>(sorted.size()) * percent / 100))];
}

// One synced 4 KiB write on this disk: the floor of any put.
double fsync_millis(const std::filesystem::path& directory) {
  std::vector<double> times;
  const std::string path = (directory / "fsync").string();
  std::FILE* file = std::fopen(path.c_str(), "w");
  const std::string block(4096, 'x');
  for (int i = 0; i < 50 && file; ++i) {
    const auto start = Clock::now();
    std::fwrite(block.data(), 1, block.size(), file);
    std::fflush(file);
    ::fdatasync(::fileno(file));
    times.push_back(Millis(Clock::now() - start).count());
  }
  if (file) std::fclose(file);
  std::sort(times.begin(), times.end());
  return times.empty() ? 0 : times[times.size() / 2];
}

struct Usage {
  double cpu_seconds = 0, packets = 0, bytes = 0, rss_mib = 0;
};

Usage usage_of(const Daemons& daemons) {
  Usage sum;
  for (std::size_t i = 0; i < daemons.size(); ++i) {
    std::ifstream stat("/proc/" + std::to_string(daemons.pid(i)) + "/stat");
    std::string text((std::istreambuf_iterator<char>(stat)), {});
    std::istringstream fields(text.substr(text.rfind(')') + 2));
    std::string field;
    std::vector<std::string> words;
    while (fields >> field) words.push_back(field);
    sum.cpu_seconds +=
        (std::stod(words[11]) + std::stod(words[12])) / static_cast<double>(::sysconf(_SC_CLK_TCK));
    sum.rss_mib += std::stod(words[21]) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1 << 20);
    sum.packets += daemons.metric(i, "kith_udp_packets_total{dir=\"out\"}");
    sum.bytes += daemons.metric(i, "kith_udp_bytes_total{dir=\"out\"}");
  }
  return sum;
}

// Nanoseconds on a CPU and times on one, of the threads that are the daemons' loops.
std::pair<double, double> loop_time(const Daemons& daemons) {
  std::pair<double, double> sum{};
  for (std::size_t i = 0; i < daemons.size(); ++i) {
    std::ifstream file("/proc/" + std::to_string(daemons.pid(i)) + "/schedstat");
    double running = 0, waiting = 0, times = 0;
    if (!(file >> running >> waiting >> times)) throw std::runtime_error("no schedstat here");
    sum.first += running, sum.second += times;
  }
  return sum;
}

}  // namespace

Row turn_of_a_loop(std::size_t count) {
  constexpr std::size_t puts = 200;
  constexpr int pause_ms = 20;
  Daemons daemons(count);
  daemons.wait_until_all("\"alive\":" + std::to_string(count));
  daemons.wait_until_all("\"synced\":true");
  const auto before = loop_time(daemons);
  for (std::size_t i = 0; i < puts; ++i) {
    daemons.fetch(i % count, "PUT", "/v1/kv/turn-" + std::to_string(i), std::string(100, 'x'));
    ::poll(nullptr, 0, pause_ms);
  }
  const auto after = loop_time(daemons);
  const double us = (after.first - before.first) / (after.second - before.second) / 1000;
  return {"CPU of one turn of a daemon's loop, in puts", us, "us", "", 0, {}};
}

Rows latency() {
  Daemons daemons(5);
  daemons.wait_until_all("\"alive\":5");
  daemons.wait_until_all("\"synced\":true");
  const double sync = fsync_millis(daemons.directory());
  Rows rows;
  for (const std::size_t outstanding : {1u, 64u})
    for (const std::string method : {"PUT", "GET"}) {
      const std::vector<double> times =
          load(daemons, method, outstanding, outstanding == 1 ? 500 : 4000);
      const std::string what = (method == "PUT" ? "put" : "get") + std::string(", ") +
                               std::to_string(outstanding) + " outstanding, ";
      const bool put = method == "PUT";
      rows.push_back({what + "p50", at_percent(times, 50), "ms", put ? "one fdatasync" : "", sync});
      rows.push_back({what + "p99", at_percent(times, 99), "ms", put ? "one fdatasync" : "", sync});
    }
  return rows;
}

Rows idle() {
  constexpr int span = 20;
  Rows rows;
  for (const std::size_t count : {8u, 32u}) {
    Daemons daemons(count);
    daemons.wait_until_all("\"alive\":" + std::to_string(count));
    daemons.wait_until_all("\"synced\":true");
    ::poll(nullptr, 0, 5000);  // the start's burst is over
    const Usage before = usage_of(daemons);
    ::poll(nullptr, 0, span * 1000);
    const Usage after = usage_of(daemons);
    const double each = static_cast<double>(count) * span;
    const std::string of = " a daemon, " + std::to_string(count) + " idle";
    rows.push_back({"packets sent" + of, (after.packets - before.packets) / each, "1/s", "", 0});
    rows.push_back({"bytes sent" + of, (after.bytes - before.bytes) / each, "B/s", "", 0});
    rows.push_back({"CPU" + of, 100 * (after.cpu_seconds - before.cpu_seconds) / each, "%", "", 0});
    rows.push_back(
        {"resident memory" + of, after.rss_mib / static_cast<double>(count), "MiB", "", 0});
  }
  return rows;
}

}  // namespace kith::bench
