// Environment: one opened LMDB database with its tables, and transactions on it. Blocking.
//
// Differs from plain LMDB: pages are checked before the file is mapped, the lock file is allocated
// in full (its pages are written through a mapping: on a full tmpfs that is SIGBUS), every value
// carries a checksum, and a bad one moves to the quarantine table. On-disk format: FORMAT.md.
#pragma once

#include <lmdb.h>

#include "directory.hpp"

namespace kith::storage {

// A transaction: aborted unless committed. Begin and end it on the same thread.
class Transaction {
 public:
  Transaction(MDB_env* env, unsigned flags) : status_(mdb_txn_begin(env, nullptr, flags, &txn_)) {}
  ~Transaction() {
    if (txn_) mdb_txn_abort(txn_);
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  int status() const { return status_; }  // of the begin: 0, errno or MDB_*
  MDB_txn* get() const { return txn_; }
  int commit() { return mdb_txn_commit(std::exchange(txn_, nullptr)); }

 private:
  MDB_txn* txn_ = nullptr;
  int status_;
};

// What a failed write means. nullopt: a sync failed or the database is broken, stop writing.
std::optional<DiskRefusal> classify(int status, const std::filesystem::path& directory,
                                    std::size_t batch_bytes);

class Environment {
 public:
  static std::expected<std::unique_ptr<Environment>, OpenFailure> open(const Options& options);
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  MDB_env* env() const { return env_; }
  const std::filesystem::path& directory() const { return directory_; }

  // LMDB gives up for good, reads too, when the last write of a commit fails.
  bool usable() const { return Transaction(env_, MDB_RDONLY).status() != MDB_PANIC; }

  enum class Found : std::uint8_t { no, yes, bad };
  // `value` points into the map and lives as long as the transaction.
  Found get(const Transaction& txn, Table table, ByteView key, ByteView& value) const;
  // Of what a key holds, good or bad; 0 when it holds nothing.
  std::size_t value_size(const Transaction& txn, Table table, ByteView key) const;
  // 0, errno or MDB_*. Removing what is not there is 0.
  int put(const Transaction& txn, Table table, ByteView key, ByteView value) const;
  int remove(const Transaction& txn, Table table, ByteView key) const;
  // Moves an entry whose checksum is wrong aside; 0 also when the quarantine is full (then the
  // entry is only removed).
  int quarantine(const Transaction& txn, Table table, ByteView key) const;
  int set_network(const Transaction& txn, const NetworkId& network) const;
  int clear(const Transaction& txn, Table table) const;

  // Every entry of a table in key order, with whether its checksum holds.
  int each(const Transaction& txn, Table table,
           const std::function<void(ByteView key, ByteView value, bool good)>& sink) const;

  std::size_t entries(const Transaction& txn, Table table) const;
  std::size_t used_bytes(const Transaction& txn) const;  // pages of all tables, without free ones

 private:
  Environment() = default;
  int create(const Options& options) const;
  int create_env(std::size_t map_bytes);
  int open_tables();
  int create_tables(const Options& options);
  std::optional<OpenFailure> check_about(const Options& options) const;
  MDB_dbi dbi(Table table) const { return table == Table::record ? record_ : meta_; }

  std::filesystem::path directory_;
  MDB_env* env_ = nullptr;
  MDB_dbi record_ = 0, meta_ = 0, quarantine_ = 0, about_ = 0;
};

}  // namespace kith::storage
