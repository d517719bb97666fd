// What a simulation of this machine has to be told: how long a datagram is on its way from one
// process to another, and how long a verification and a commit take until the loop that ordered
// them knows. Each alone, and as one put has it: with all replicas of this one machine at once.
#include <fcntl.h>
#include <ifaddrs.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include <barrier>
#include <optional>
#include <thread>

#include "bench.hpp"
#include "kith/crypto/identity.hpp"
#include "kith/runtime/clock.hpp"
#include "kith/runtime/jobs.hpp"
#include "kith/storage/storage.hpp"
#include "socket.hpp"

namespace kith::bench {
namespace {

using Clock = std::chrono::steady_clock;  // one axis for all processes of a machine
using Micros = std::chrono::duration<double, std::micro>;

constexpr int rounds = 300;
constexpr int pause_ms = 20;                 // between two rounds: everybody has gone to sleep
constexpr std::size_t datagram_bytes = 300;  // about a store of 100 B
constexpr std::size_t quantile_intervals = 50;

std::vector<double> joined(const std::vector<std::vector<double>>& parts) {
  std::vector<double> all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// --- the network --------------------------------------------------------------------------------

// A process elsewhere, that answers each datagram with the moment it read it.
class Echo {
 public:
  explicit Echo(const std::string& network_namespace) {
    int fds[2];
    if (::pipe(fds) != 0) throw std::runtime_error("cannot make a pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(fds[0]);
      serve(network_namespace, fds[1]);
      ::_exit(1);
    }
    ::close(fds[1]);
    const bool told = ::read(fds[0], &at_, sizeof at_) == sizeof at_;
    ::close(fds[0]);
    if (told) return;
    end();
    throw std::runtime_error("no echo in the network namespace \"" + network_namespace + "\"");
  }
  ~Echo() { end(); }
  Echo(const Echo&) = delete;
  Echo& operator=(const Echo&) = delete;

  const Endpoint& at() const { return at_; }

 private:
  void end() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  static void serve(const std::string& network_namespace, int tell) {
    if (!network_namespace.empty()) {
      const int fd = ::open(("/run/netns/" + network_namespace).c_str(), O_RDONLY);
      if (fd < 0 || ::setns(fd, CLONE_NEWNET) != 0) return;
    }
    Socket socket(own_address());
    if (::write(tell, &socket.endpoint, sizeof socket.endpoint) < 0) return;
    for (;;) {
      socket.receive(1000, [&](const Endpoint& from, ByteView) {
        const auto now = Clock::now();
        Bytes reply(datagram_bytes);
        std::memcpy(reply.data(), &now, sizeof now);
        socket.queue(from, Buffer(reply));
      });
      socket.flush();
    }
  }

  // The first that is not loopback, else loopback.
  static IpAddress own_address() {
    IpAddress own = IpAddress::v4(127, 0, 0, 1);
    ifaddrs* all = nullptr;
    if (::getifaddrs(&all) != 0) return own;
    for (const ifaddrs* one = all; one; one = one->ifa_next) {
      if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET) continue;
      IpAddress ip = own;
      std::memcpy(ip.bytes.data() + 12, &reinterpret_cast<sockaddr_in*>(one->ifa_addr)->sin_addr,
                  4);
      if (!ip.is_loopback()) own = ip;
    }
    ::freeifaddrs(all);
    return own;
  }

  pid_t pid_ = 0;
  Endpoint at_;
};

// Of datagrams sent to `peers` processes at the same moment, again and again.
std::vector<double> delays(const std::vector<std::string>& namespaces, std::size_t peers) {
  std::vector<std::unique_ptr<Echo>> echoes;
  for (std::size_t i = 0; i < peers; ++i)
    echoes.push_back(
        std::make_unique<Echo>(namespaces.empty() ? "" : namespaces[i % namespaces.size()]));
  const IpAddress ip = echoes[0]->at().ip;
  Socket socket(ip.is_loopback() ? ip : IpAddress::v4(0, 0, 0, 0));
  const Buffer question{Bytes(datagram_bytes, 1)};
  std::vector<double> micros;
  for (int i = 0; i < rounds; ++i) {
    const auto sent = Clock::now();
    for (const auto& echo : echoes) socket.queue(echo->at(), question);
    socket.flush();
    for (std::size_t back = 0, fresh = 1; back < peers && fresh > 0; back += fresh)
      fresh = socket.receive(1000, [&](const Endpoint&, ByteView reply) {
        Clock::time_point read;
        std::memcpy(&read, reply.data(), sizeof read);
        micros.push_back(Micros(read - sent).count());
      });
    ::poll(nullptr, 0, pause_ms);
  }
  return micros;
}

// --- crypto jobs --------------------------------------------------------------------------------

// Verifications by `loops` daemons' loops and workers at the same moment, again and again.
std::vector<double> job_times(std::size_t loops) {
  const auto signer = crypto::Identity::from_seed(runtime::system_entropy());
  const Buffer message(Bytes(200, 3));
  const auto job = std::make_shared<crypto::VerifyJob>(
      std::vector<crypto::Claim>{{signer.public_key(), message, signer.sign(message.view())}});
  std::vector<std::vector<double>> times(loops);
  std::barrier together(static_cast<std::ptrdiff_t>(loops));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < loops; ++i)
    threads.emplace_back([&, i] {
      runtime::Loop loop;
      Clock::time_point start;
      std::function<void()> ask;
      runtime::Jobs jobs(loop, 1, [&](const Computed&) {
        times[i].push_back(Micros(Clock::now() - start).count());
        times[i].size() < rounds ? ask() : loop.stop();
      });
      ask = [&] {
        if (i == 0) ::poll(nullptr, 0, pause_ms);
        together.arrive_and_wait();
        start = Clock::now();
        jobs.submit({{1}, job});
      };
      loop.post(ask);
      loop.run();
    });
  for (std::thread& thread : threads) thread.join();
  return joined(times);
}

// --- the disk -----------------------------------------------------------------------------------

// A database of its own and a thread that waits for it, like a daemon's loop does.
class Writer {
 public:
  explicit Writer(const std::filesystem::path& directory) : ready_(::eventfd(0, 0)) {
    auto opened = storage::Storage::open({directory, std::size_t{1} << 26, {}, {}});
    if (!opened) throw std::runtime_error(opened.error().message);
    storage_ = std::move(*opened);
    storage_->on_ready([this] { ::eventfd_write(ready_, 1); });
  }
  ~Writer() {
    storage_.reset();
    ::close(ready_);
  }

  double commit(std::uint64_t number) {
    Bytes key(32);
    store_le(key.data(), number * 0x9e3779b97f4a7c15ull);
    const auto start = Clock::now();
    storage_->submit(Persist{{number}, Table::record, Buffer(key), Buffer(Bytes(400, 5))});
    for (bool answered = false; !answered;) {
      eventfd_t ignored;
      ::eventfd_read(ready_, &ignored);
      storage_->poll([&](const storage::Answer& answer) {
        if (!std::holds_alternative<Persisted>(answer)) throw std::runtime_error("no room on disk");
        answered = true;
      });
    }
    return Micros(Clock::now() - start).count();
  }

 private:
  int ready_;
  std::unique_ptr<storage::Storage> storage_;
};

// `writers` databases that commit at the same moment, again and again.
std::vector<double> commit_times(const std::filesystem::path& directory, std::size_t writers) {
  std::vector<std::vector<double>> times(writers);
  std::barrier together(static_cast<std::ptrdiff_t>(writers));
  std::vector<std::unique_ptr<Writer>> all;
  for (std::size_t w = 0; w < writers; ++w)
    all.push_back(std::make_unique<Writer>(directory / std::to_string(w)));
  std::vector<std::thread> threads;
  for (std::size_t w = 0; w < writers; ++w)
    threads.emplace_back([&, w] {
      for (std::uint64_t i = 1; i <= rounds; ++i) {
        if (w == 0) ::poll(nullptr, 0, pause_ms);
        together.arrive_and_wait();
        times[w].push_back(all[w]->commit(i));
      }
    });
  for (std::thread& thread : threads) thread.join();
  return joined(times);
}

Row row_of(std::string what, std::vector<double> micros) {
  if (micros.size() < quantile_intervals) throw std::runtime_error(what + ": too few came back");
  std::sort(micros.begin(), micros.end());
  Row row{std::move(what), micros[micros.size() / 2], "us", "", 0, {}};
  for (std::size_t i = 0; i <= quantile_intervals; ++i)
    row.quantiles.push_back(micros[(micros.size() - 1) * i / quantile_intervals]);
  return row;
}

}  // namespace

Rows machine(const MachineOptions& options) {
  std::filesystem::path directory = options.directory;
  if (directory.empty()) directory = std::filesystem::temp_directory_path();
  directory /= "kith-bench-machine-" + std::to_string(::getpid());
  struct Remove {
    std::filesystem::path path;
    ~Remove() {
      std::error_code ignored;
      std::filesystem::remove_all(path, ignored);
    }
  } const remove{directory};
  const std::size_t many = options.daemons;
  Rows rows;
  rows.push_back(row_of("delay of a datagram", delays(options.peers, 1)));
  rows.push_back(row_of("delay of a datagram, to all others", delays(options.peers, many - 1)));
  rows.push_back(row_of("a verification", job_times(1)));
  rows.push_back(row_of("a verification, at all", job_times(many)));
  rows.push_back(row_of("a commit", commit_times(directory / "alone", 1)));
  rows.push_back(row_of("a commit, at all", commit_times(directory / "together", many)));
  rows.push_back(turn_of_a_loop(many));
  return rows;
}

}  // namespace kith::bench
