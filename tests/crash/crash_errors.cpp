// crash_errors: a run of writes against the storage room in which the N-th disk call fails, for
// every N. Runs under the recorder, which does the failing.
//
//   LD_PRELOAD=crash-recorder.so CRASH_DIR=WORK crash_errors WORK [--stride S] [--only KIND:HOW:N]
//
// Each run is a child of its own. Held: it does not die by a signal, every order gets an answer,
// reads go on unless writing has stopped for good, nothing is written after that, and a start
// without failures finds everything acknowledged.
#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <condition_variable>
#include <csignal>
#include <iostream>
#include <map>
#include <mutex>

#include "kith/storage/storage.hpp"
#include "recorder.h"

using namespace kith;

namespace {

constexpr std::uint64_t write_count = 200, key_count = 24;

struct Recorder {
  decltype(&crash_arm) arm = load<decltype(&crash_arm)>("crash_arm");
  decltype(&crash_calls) calls = load<decltype(&crash_calls)>("crash_calls");
  decltype(&crash_fired) fired = load<decltype(&crash_fired)>("crash_fired");

  template <class Function>
  static Function load(const char* name) {
    void* found = ::dlsym(RTLD_DEFAULT, name);
    if (!found) throw std::runtime_error("run it under the recorder: see the head of the source");
    return reinterpret_cast<Function>(found);
  }
};

// --- what was promised; in memory that outlives the child
// ------------------------------------------

// Writes are numbered; number and key say what was written.
bool is_forget(std::uint64_t number) { return number % 13 == 0; }
std::string value_of(std::uint64_t key, std::uint64_t number) {
  constexpr std::array<std::size_t, 5> sizes{0, 30, 900, 3000, 9000};
  return std::to_string(key) + " " + std::to_string(number) +
         std::string(sizes[number % sizes.size()], static_cast<char>('a' + number % 26));
}

struct Promise {
  std::uint64_t acknowledged = 0, tried = 0;  // numbers; tried >= acknowledged
  bool allows(std::uint64_t key, const std::optional<std::string>& found, bool later_too) const {
    const std::uint64_t last = later_too ? tried : acknowledged;
    for (std::uint64_t number = acknowledged; number <= last; ++number) {
      const bool absent = number == 0 || is_forget(number);
      if (absent ? !found : found && *found == value_of(key, number)) return true;
    }
    return false;
  }
};

struct Shared {
  std::array<Promise, key_count> keys;
  std::uint64_t note_written = 0, note_tried = 0;
  std::uint64_t acknowledged = 0, refused = 0;
  long calls = 0, fired = 0;
  bool opened = false, failed = false;
  std::array<char, 200> wrong{};
  void complain(const std::string& what) {
    if (!wrong[0]) what.copy(wrong.data(), wrong.size() - 1);
  }
};

// --- a storage whose answers are waited for
// ---------------------------------------------------------

class Disk {
 public:
  explicit Disk(const std::filesystem::path& directory) {
    storage::Options options;
    options.directory = directory;
    options.map_bytes = 64 << 20;
    options.network.bytes.fill(7);
    options.node.bytes.fill(9);
    auto opened = storage::Storage::open(options);
    if (!opened) {
      failure = opened.error().message;
      return;
    }
    storage = std::move(*opened);
    storage->on_ready([this] {
      const std::lock_guard guard(mutex_);
      rung_ = true;
      bell_.notify_all();
    });
  }
  ~Disk() { storage.reset(); }

  Token submit(storage::Order order) {
    const Token token{++last_};
    std::visit([&](auto& o) { o.token = token; }, order);
    storage->submit(std::move(order));
    return token;
  }
  Token write(std::uint64_t key, std::uint64_t number) {
    const Buffer name(as_bytes("key" + std::to_string(key)));
    if (is_forget(number)) return submit(Forget{{}, Table::record, name});
    return submit(Persist{{}, Table::record, name, Buffer(as_bytes(value_of(key, number)))});
  }
  storage::Answer wait(Token token) {
    for (;;) {
      storage->poll([this](const storage::Answer& answer) {
        answers_.emplace(std::visit([](const auto& a) { return a.token; }, answer), answer);
      });
      if (const auto node = answers_.extract(token)) return node.mapped();
      std::unique_lock guard(mutex_);
      if (!bell_.wait_for(guard, std::chrono::seconds(10), [this] { return rung_; }))
        throw std::runtime_error("an order without an answer");
      rung_ = false;
    }
  }
  // Nothing when it was refused; else what was found.
  std::optional<std::optional<std::string>> read(std::uint64_t key) {
    const std::string name = "key" + std::to_string(key);
    const auto answer = wait(submit(Load{{}, Table::record, Buffer(as_bytes(name))}));
    const auto* loaded = std::get_if<Loaded>(&answer);
    if (!loaded) return std::nullopt;
    return loaded->found ? std::optional(to_text(loaded->value.view())) : std::nullopt;
  }

  std::unique_ptr<storage::Storage> storage;
  std::string failure;

 private:
  std::mutex mutex_;
  std::condition_variable bell_;
  bool rung_ = false;
  std::uint64_t last_ = 0;
  std::map<Token, storage::Answer> answers_;
};

// --- one run
// ----------------------------------------------------------------------------------------

struct Failing {
  int kind;
  bool sticky;
  long at;
};

constexpr std::array<std::string_view, 5> kinds{"none", "enospc", "eio", "short", "full"};

std::string name_of(const Failing& failing) {
  return std::string(kinds[static_cast<std::size_t>(failing.kind)]) +
         (failing.sticky ? ":sticky:" : ":once:") + std::to_string(failing.at);
}

class Life {
 public:
  Life(const std::filesystem::path& directory, Shared& shared, const Recorder& recorder)
      : directory_(directory), shared_(shared), recorder_(recorder), disk_(directory) {}

  void run() {
    shared_.opened = disk_.storage != nullptr;
    if (!shared_.opened && disk_.failure.empty()) shared_.complain("it does not say why");
    for (std::uint64_t number = 1; shared_.opened && number <= write_count;) {
      const std::uint64_t together = number % 10 == 0 ? 8 : 1;
      writes(number, together);
      number += together;
      if (number % 3 == 0) read(number * 7 % key_count);
      if (number % 40 == 0) note(number);
    }
    shared_.failed = shared_.opened && disk_.storage->stats().failed;
  }

 private:
  // Numbers first, first + 1, ...: each to a key of its own.
  void writes(std::uint64_t first, std::uint64_t count) {
    const bool stopped = disk_.storage->stats().failed;
    const long before = recorder_.calls();
    std::vector<std::pair<std::uint64_t, Token>> under_way;
    for (std::uint64_t number = first; number < first + count; ++number) {
      const std::uint64_t key = number * 5 % key_count;
      shared_.keys[key].tried = number;
      under_way.emplace_back(number, disk_.write(key, number));
    }
    for (const auto& [number, token] : under_way) {
      const auto answer = disk_.wait(token);
      const bool stored = std::holds_alternative<Persisted>(answer);
      if (stored) shared_.keys[number * 5 % key_count].acknowledged = number;
      ++(stored ? shared_.acknowledged : shared_.refused);
      if (stored && stopped) shared_.complain("acknowledged after it had stopped");
    }
    if (stopped && recorder_.calls() != before) shared_.complain("written after it had stopped");
  }

  void read(std::uint64_t key) {
    const auto found = disk_.read(key);
    if (!found && !disk_.storage->stats().failed) shared_.complain("a read was refused");
    if (found && !shared_.keys[key].allows(key, *found, false))
      shared_.complain("a read is not what was acknowledged");
  }

  void note(std::uint64_t number) {
    shared_.note_tried = number;
    if (storage::write_file(directory_ / "note", as_bytes(std::to_string(number))))
      shared_.note_written = number;
  }

  std::filesystem::path directory_;
  Shared& shared_;
  const Recorder& recorder_;
  Disk disk_;
};

// A start without failures; what does not hold.
std::string broken(const std::filesystem::path& directory, const Shared& shared) {
  Disk disk(directory);
  if (!disk.storage) return "it does not open again: " + disk.failure;
  for (std::uint64_t key = 0; key < key_count; ++key) {
    const auto found = disk.read(key);
    if (!found || !shared.keys[key].allows(key, *found, true))
      return "key" + std::to_string(key) + " is not what was acknowledged";
  }
  const auto note = storage::read_file(directory / "note", 100);
  std::uint64_t number = note ? write_count + 1 : 0;
  if (note) std::from_chars(as_text(*note).begin(), as_text(*note).end(), number);
  if (number < shared.note_written || number > shared.note_tried) return "the small file is wrong";
  const auto answer = disk.wait(disk.write(1, write_count + 1));
  return std::holds_alternative<Persisted>(answer) ? "" : "it takes no writes again";
}

class Runs {
 public:
  explicit Runs(std::filesystem::path work) : work_(std::move(work)) {
    void* memory =
        ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("no shared memory");
    shared_ = static_cast<Shared*>(memory);
  }

  // True when the call that was to fail was reached.
  bool one(const Failing& failing) {
    const auto directory = work_ / "data";
    std::filesystem::remove_all(directory);
    *shared_ = {};
    const pid_t child = ::fork();
    if (child == 0) live(directory, failing);
    int status = 0;
    ::waitpid(child, &status, 0);
    std::string wrong = shared_->wrong.data();
    if (WIFSIGNALED(status)) wrong = "it died by signal " + std::to_string(WTERMSIG(status));
    recorder_.arm(0, fail_none, 0);
    if (wrong.empty()) wrong = broken(directory, *shared_);
    const bool quiet = failing.kind == fail_eio && shared_->fired && shared_->opened;
    if (wrong.empty() && quiet && shared_->refused && !shared_->failed)
      wrong = "a disk that failed was written to again";
    count(failing, wrong);
    return shared_->calls >= failing.at;
  }

  int finish() const {
    std::cout << "runs " << runs_ << " fired " << fired_ << " calls " << most_ << " refused opens "
              << refused_opens_ << " stopped " << stopped_ << " failed " << failures_ << std::endl;
    return failures_ > 0 ? 1 : 0;
  }

 private:
  [[noreturn]] void live(const std::filesystem::path& directory, const Failing& failing) {
    try {
      recorder_.arm(failing.at, failing.kind, failing.sticky);
      // Half of them end without closing, as by kill -9.
      auto* life = new Life(directory, *shared_, recorder_);
      life->run();
      if (failing.at % 2 == 0) delete life;
    } catch (const std::exception& error) {
      shared_->complain(error.what());
    }
    shared_->calls = recorder_.calls();
    shared_->fired = recorder_.fired();
    ::_exit(0);
  }

  void count(const Failing& failing, const std::string& wrong) {
    ++runs_;
    fired_ += shared_->fired > 0;
    refused_opens_ += !shared_->opened;
    stopped_ += shared_->failed;
    most_ = std::max(most_, shared_->calls);
    if (wrong.empty()) return;
    ++failures_;
    std::cout << "failed " << name_of(failing) << " " << wrong << std::endl;
  }

  std::filesystem::path work_;
  Recorder recorder_;
  Shared* shared_;
  long most_ = 0;
  std::size_t runs_ = 0, fired_ = 0, refused_opens_ = 0, stopped_ = 0, failures_ = 0;
};

int run(const std::vector<std::string>& words) {
  if (words.empty()) throw std::runtime_error("usage: see the head of the source");
  Runs runs(words[0]);
  long stride = 1;
  for (std::size_t i = 1; i + 1 < words.size(); i += 2) {
    if (words[i] == "--stride") stride = std::stol(words[i + 1]);
    for (int kind = fail_enospc; words[i] == "--only" && kind <= fail_full; ++kind)
      for (const bool sticky : {false, true}) {
        const std::string begin = name_of({kind, sticky, 0});
        if (words[i + 1].starts_with(begin.substr(0, begin.size() - 1)))
          return runs.one({kind, sticky, std::stol(words[i + 1].substr(begin.size() - 1))}),
                 runs.finish();
      }
  }
  for (int kind = fail_enospc; kind <= fail_full; ++kind)
    for (const bool sticky : {false, true}) {
      if (kind == fail_full && !sticky) continue;
      // The calls of a start are few and all different: every one of them, then each stride-th.
      for (long at = 1; runs.one({kind, sticky, at}); at += at < 40 ? 1 : stride) {
      }
    }
  return runs.finish();
}

}  // namespace

int main(int count, char** words) {
  try {
    return run({words + 1, words + count});
  } catch (const std::exception& error) {
    std::cerr << "crash_errors: " << error.what() << "\n";
    return 2;
  }
}
