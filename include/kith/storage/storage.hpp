// Storage: the disk behind Persist, Load and Forget, on LMDB in its default sync mode.
//
// Group commit on a writer thread: at once when idle, then whatever queued meanwhile; an order is
// answered after its transaction is synced. Every stored value carries a 16-byte BLAKE2b that is
// checked on every read; a bad one is quarantined, counted and never served.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <variant>
#include <vector>

#include "kith/base/disk.hpp"
#include "kith/base/result.hpp"

namespace kith::storage {

struct Options {
  std::filesystem::path directory;               // created 0700 when missing; locked while open
  std::size_t map_bytes = std::size_t{1} << 30;  // address space, not disk; 90 % is the quota
  NetworkId network;                             // a database of another network refuses to open
  NodeId node;
};

enum class OpenError : std::uint8_t {
  permission,       // the directory or a file in it may not be written
  locked,           // another kithd uses it
  foreign_network,  // made by another network: choose another directory or instance
  foreign_node,     // made by another identity
  format,           // by a newer kithd
  damaged,          // not a database, or it does not open
  no_space,         // less than storage needs to start (8 MiB)
  io,               // the disk said no
};
struct OpenFailure {
  OpenError error;
  std::string message;  // what, where, what to do; one line
};

using Answer = std::variant<Persisted, Loaded, DiskRefused>;
using Order = std::variant<Persist, Load, Forget>;

struct Stats {
  std::uint64_t commits = 0, writes = 0, quarantined = 0, refused = 0;
  std::size_t entries = 0;  // of the record table
  std::size_t used_bytes = 0, quota_bytes = 0;
  bool failed = false;  // a sync failed: nothing is written any more, stop with exit 1
};

class Storage {
 public:
  static std::expected<std::unique_ptr<Storage>, OpenFailure> open(const Options& options);
  virtual ~Storage() = default;  // commits what was accepted, then closes

  // Never blocks; every order gets exactly one answer, some of them at once. A Load answers with
  // what is committed: a Persist in flight does not count yet. Keys are 1 to 64 bytes.
  virtual void submit(Order order) = 0;
  // Calls `sink` for every answer that is ready. `notify` (given to on_ready, once, before the
  // first submit) was called when the first of them became ready: from any thread, also from
  // inside submit, and once more when a failed sync sets Stats::failed.
  virtual void poll(const std::function<void(Answer)>& sink) = 0;
  virtual void on_ready(std::function<void()> notify) = 0;
  // Blocks until everything submitted so far is committed or refused; `notify` may ring meanwhile.
  virtual void settle() = 0;
  // At start only: every readable entry of a table, in key order. Bad ones are quarantined; returns
  // their keys, as they are on disk.
  virtual std::vector<Bytes> scan(
      Table table, const std::function<void(ByteView key, ByteView value)>& sink) = 0;
  // A lan network without records was adopted by another: rewrites meta's network id, after all
  // that was submitted before, and forgets the meta entry `forget` with it (what was true of the
  // old one only). Refused (false) when any record is held, except with `force` (join --adopt).
  // Blocks.
  virtual bool change_network(const NetworkId& network, bool force,
                              std::string_view forget = {}) = 0;
  virtual Stats stats() const = 0;
};

// mkdir -p with mode 0700 for what it makes; the directory's name is on disk when it returns.
std::error_code make_directories(const std::filesystem::path& directory);

// Small files beside the database: write-temp, fsync, rename, fsync directory; mode 0600.
enum class FileError : std::uint8_t {
  missing,
  permission,
  no_space,
  io,
  too_large,
  not_a_file,
  exists,  // only without `overwrite`
};
Result<Bytes, FileError> read_file(const std::filesystem::path& path, std::size_t limit);
// Without `overwrite` an existing file stays as it is.
Result<void, FileError> write_file(const std::filesystem::path& path, ByteView contents,
                                   bool overwrite = true);

}  // namespace kith::storage
