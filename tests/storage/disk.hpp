// Disk: a temporary directory, a Storage in it, and answers waited for with a deadline.
#pragma once

#include <doctest/doctest.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>

#include "kith/storage/storage.hpp"
#include "temp_dir.hpp"

namespace kith::test {

inline Buffer text(std::string_view from) { return Buffer(as_bytes(from)); }

inline storage::Options options(const std::filesystem::path& directory) {
  storage::Options made;
  made.directory = directory;
  made.map_bytes = 64 << 20;
  made.network.bytes.fill(7);
  made.node.bytes.fill(9);
  return made;
}

inline std::filesystem::path data_file(const TempDir& dir) { return dir.path / "db" / "data.mdb"; }
inline std::string read_all(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
inline void write_all(const std::filesystem::path& path, const std::string& contents) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << contents;
}

class Disk {
 public:
  explicit Disk(const storage::Options& with) {
    auto opened = storage::Storage::open(with);
    if (!opened) {
      failure = opened.error();
      return;
    }
    storage = std::move(*opened);
    storage->on_ready([this] {
      const std::lock_guard guard(mutex_);
      rung_ = true;
      bell_.notify_all();
    });
  }
  ~Disk() { storage.reset(); }  // its threads may still ring the bell

  Token persist(std::string_view key, Buffer value, Table table = Table::record) {
    const Token token{++last_};
    storage->submit(Persist{token, table, text(key), std::move(value)});
    return token;
  }
  Token persist(std::string_view key, std::string_view value, Table table = Table::record) {
    return persist(key, text(value), table);
  }
  Token load(std::string_view key, Table table = Table::record) {
    const Token token{++last_};
    storage->submit(Load{token, table, text(key)});
    return token;
  }
  Token forget(std::string_view key, Table table = Table::record) {
    const Token token{++last_};
    storage->submit(Forget{token, table, text(key)});
    return token;
  }

  // Values of 64 KiB under k0, k1, ... until the quota is reached; how many were taken.
  int fill_up() {
    int held = 0;
    while (stored(persist("k" + std::to_string(held), Buffer(Bytes(64 << 10, 1))))) ++held;
    return held;
  }
  // The answer to one order; fails the test after ten seconds.
  storage::Answer wait(Token token) {
    for (;;) {
      collect();
      if (const auto it = answers.find(token); it != answers.end()) return it->second;
      std::unique_lock guard(mutex_);
      if (!bell_.wait_for(guard, std::chrono::seconds(10), [this] { return rung_; }))
        throw std::runtime_error("no answer from storage");
      rung_ = false;
    }
  }
  void collect() {
    storage->poll([this](const storage::Answer& answer) {
      const Token token = std::visit([](const auto& a) { return a.token; }, answer);
      CHECK(answers.emplace(token, answer).second);  // exactly one answer an order
    });
  }

  bool stored(Token token) { return std::holds_alternative<Persisted>(wait(token)); }
  std::optional<DiskRefusal> refused(Token token) {
    const auto answer = wait(token);
    const auto* refusal = std::get_if<DiskRefused>(&answer);
    return refusal ? std::optional(refusal->reason) : std::nullopt;
  }
  std::optional<std::string> value(Token token) {
    const auto answer = wait(token);
    const auto* loaded = std::get_if<Loaded>(&answer);
    return loaded && loaded->found ? std::optional(to_text(loaded->value.view())) : std::nullopt;
  }

  std::unique_ptr<storage::Storage> storage;
  std::optional<storage::OpenFailure> failure;
  std::map<Token, storage::Answer> answers;

 private:
  std::uint64_t last_ = 0;
  std::mutex mutex_;
  std::condition_variable bell_;
  bool rung_ = false;
};

}  // namespace kith::test
