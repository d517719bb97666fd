#include "environment.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>

#include "kith/crypto/hash.hpp"
#include "page_check.hpp"

namespace kith::storage {
namespace {

constexpr std::uint32_t format_version = 1;  // FORMAT.md
constexpr std::size_t checksum_size = 16;
constexpr std::size_t quarantine_limit = 256;  // entries: evidence for a person, not a store
constexpr unsigned reader_limit = 16;          // ours: the read thread, the caller's scan
// LMDB wants 8 KiB for 126 readers; more is allowed and costs nothing.
constexpr off_t lock_file_size = 16384;
constexpr std::string_view checksum_key = "kith stored value";

MDB_val to_val(ByteView bytes) { return {bytes.size(), const_cast<Byte*>(bytes.data())}; }
MDB_val to_val(std::string_view text) { return to_val(as_bytes(text)); }
ByteView to_view(const MDB_val& val) {
  return {static_cast<const Byte*>(val.mv_data), val.mv_size};
}

ByteArray<checksum_size> checksum(Table table, ByteView key, ByteView value) {
  // The key's length keeps (key, value) pairs with equal concatenations apart.
  const ByteArray<2> head{static_cast<Byte>(table), static_cast<Byte>(key.size())};
  return crypto::keyed_hash128(as_bytes(checksum_key), {head, key, value});
}

// The stored form is checksum || value.
bool verify(Table table, ByteView key, ByteView stored, ByteView& value) {
  if (stored.size() < checksum_size) return false;
  value = stored.subspan(checksum_size);
  return equal(stored.first(checksum_size), checksum(table, key, value));
}

// Before LMDB opens it: closing any descriptor of the lock file later would drop LMDB's own lock.
int allocate_lock_file(const std::filesystem::path& path) {
  const Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return errno;
  return ::posix_fallocate(fd.get(), 0, lock_file_size);
}

// Whether so much more may be written beside the database, and to it. What the file system has free
// is not all: a quota of ours, or a limit on the size of files, ends sooner and is told to nobody
// but the call that meets it.
bool has_room(const std::filesystem::path& directory, std::uint64_t bytes) {
  if (free_bytes(directory) < bytes) return false;
  rlimit limit{};
  struct stat info{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
      ::stat((directory / "data.mdb").c_str(), &info) == 0 &&
      static_cast<std::uint64_t>(info.st_size) + bytes > limit.rlim_cur)
    return false;
  const Fd probe(::open(directory.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  if (!probe) return true;
  const int status = ::posix_fallocate(probe.get(), 0, static_cast<off_t>(bytes));
  return status != ENOSPC && status != EDQUOT && status != EFBIG;
}

OpenFailure damaged(const std::filesystem::path& path, const std::string& why) {
  return {OpenError::damaged, path.string() + " is damaged: " + why +
                                  "; move it away to start empty and fetch from the others"};
}

OpenFailure open_failure(int status, const std::filesystem::path& path) {
  // LMDB calls a short write EIO.
  if (status == EIO && free_bytes(path.parent_path()) < (1u << 20)) status = ENOSPC;
  if (status == MDB_MAP_FULL) status = ENOSPC;
  if (status == MDB_VERSION_MISMATCH)
    return {OpenError::format, path.string() + " was written by a newer kithd; update this one"};
  if (status < 0) return damaged(path, mdb_strerror(status));
  return system_failure(status, "cannot open", path);
}

}  // namespace

std::optional<DiskRefusal> classify(int status, const std::filesystem::path& directory,
                                    std::size_t batch_bytes) {
  switch (status) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case MDB_MAP_FULL:
      return DiskRefusal::full;
    case MDB_TXN_FULL:
    case ENOMEM:
      return DiskRefusal::busy;
    case EIO:  // a short write, if there is no room; else the disk itself
      if (!has_room(directory, batch_bytes + (1u << 20))) return DiskRefusal::full;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

std::expected<std::unique_ptr<Environment>, OpenFailure> Environment::open(const Options& options) {
  std::unique_ptr<Environment> self(new Environment);
  self->directory_ = options.directory / "db";
  if (::mkdir(self->directory_.c_str(), 0700) != 0 && errno != EEXIST)
    return std::unexpected(system_failure(errno, "cannot make", self->directory_));
  const auto data = self->directory_ / "data.mdb";
  if (const auto damage = find_page_damage(data)) return std::unexpected(damaged(data, *damage));

  struct stat info{};
  const bool fresh = ::stat(data.c_str(), &info) != 0 || info.st_size == 0;
  int status = fresh ? self->create(options) : 0;
  if (!status) status = allocate_lock_file(self->directory_ / "lock.mdb");
  if (!status) status = self->create_env(options.map_bytes);
  if (!status) status = mdb_env_open(self->env_, self->directory_.c_str(), MDB_NOTLS, 0600);
  if (!status) status = self->open_tables();
  // At every start: who made these names may have been killed before they were on disk.
  if (!status) status = sync_directory(self->directory_);
  if (!status) status = sync_directory(options.directory);
  if (status) return std::unexpected(open_failure(status, data));
  if (const auto failure = self->check_about(options)) return std::unexpected(*failure);
  return self;
}

int Environment::create_env(std::size_t map_bytes) {
  int status = mdb_env_create(&env_);
  if (!status) status = mdb_env_set_mapsize(env_, map_bytes);
  if (!status) status = mdb_env_set_maxdbs(env_, 4);
  if (!status) status = mdb_env_set_maxreaders(env_, reader_limit);
  return status;
}

// A database is made under another name and gets its own once it is whole: what a crash leaves of
// a first start is not a damaged database.
int Environment::create(const Options& options) const {
  const auto aside = directory_ / "data.new", data = directory_ / "data.mdb";
  ::unlink(aside.c_str());
  int status;
  {
    Environment made;
    status = made.create_env(options.map_bytes);
    // Without its lock file: the directory is locked.
    if (!status) status = mdb_env_open(made.env_, aside.c_str(), MDB_NOSUBDIR | MDB_NOLOCK, 0600);
    if (!status) status = made.create_tables(options);
  }
  if (!status && ::rename(aside.c_str(), data.c_str()) != 0) status = errno;
  if (status) ::unlink(aside.c_str());
  return status;
}

Environment::~Environment() {
  if (env_) mdb_env_close(env_);
}

// An existing database opens without a write: it must on a full disk.
int Environment::open_tables() {
  Transaction txn(env_, MDB_RDONLY);
  if (txn.status()) return txn.status();
  int status = mdb_dbi_open(txn.get(), "about", 0, &about_);
  if (!status) status = mdb_dbi_open(txn.get(), "record", 0, &record_);
  if (!status) status = mdb_dbi_open(txn.get(), "meta", 0, &meta_);
  if (!status) status = mdb_dbi_open(txn.get(), "quarantine", 0, &quarantine_);
  return status ? status : txn.commit();
}

int Environment::create_tables(const Options& options) {
  Transaction txn(env_, 0);
  if (txn.status()) return txn.status();
  int status = mdb_dbi_open(txn.get(), "about", MDB_CREATE, &about_);
  if (!status) status = mdb_dbi_open(txn.get(), "record", MDB_CREATE, &record_);
  if (!status) status = mdb_dbi_open(txn.get(), "meta", MDB_CREATE, &meta_);
  if (!status) status = mdb_dbi_open(txn.get(), "quarantine", MDB_CREATE, &quarantine_);
  ByteArray<4> version;
  store_le(version.data(), format_version);
  const auto about = [&](std::string_view name, ByteView value) {
    MDB_val key = to_val(name), data = to_val(value);
    if (!status) status = mdb_put(txn.get(), about_, &key, &data, 0);
  };
  about("format", version);
  about("network", options.network.view());
  about("node", options.node.view());
  return status ? status : txn.commit();
}

std::optional<OpenFailure> Environment::check_about(const Options& options) const {
  Transaction txn(env_, MDB_RDONLY);
  if (txn.status()) return open_failure(txn.status(), directory_ / "data.mdb");
  const auto about = [&](std::string_view name) -> ByteView {
    MDB_val key = to_val(name), data{};
    return mdb_get(txn.get(), about_, &key, &data) == 0 ? to_view(data) : ByteView{};
  };
  const std::string where = options.directory.string();
  const ByteView version = about("format");
  if (version.size() != 4) return damaged(directory_ / "data.mdb", "it does not say what it is");
  if (load_le<std::uint32_t>(version.data()) != format_version)
    return OpenFailure{OpenError::format, where + " was written by a newer kithd; update this one"};
  // Neither id is shown: in private mode the network id is a secret.
  if (!equal(about("network"), options.network.view()))
    return OpenFailure{OpenError::foreign_network,
                       where + " belongs to another network; choose another --instance or move it"};
  if (!equal(about("node"), options.node.view()))
    return OpenFailure{
        OpenError::foreign_node,
        where + " belongs to another identity; restore its identity.key or move db/"};
  return std::nullopt;
}

Environment::Found Environment::get(const Transaction& txn, Table table, ByteView key,
                                    ByteView& value) const {
  MDB_val name = to_val(key), data{};
  const int status = mdb_get(txn.get(), dbi(table), &name, &data);
  if (status == MDB_NOTFOUND) return Found::no;
  return !status && verify(table, key, to_view(data), value) ? Found::yes : Found::bad;
}

std::size_t Environment::value_size(const Transaction& txn, Table table, ByteView key) const {
  MDB_val name = to_val(key), data{};
  const int status = mdb_get(txn.get(), dbi(table), &name, &data);
  return status || data.mv_size < checksum_size ? 0 : data.mv_size - checksum_size;
}

int Environment::put(const Transaction& txn, Table table, ByteView key, ByteView value) const {
  MDB_val name = to_val(key), data{checksum_size + value.size(), nullptr};
  if (const int status = mdb_put(txn.get(), dbi(table), &name, &data, MDB_RESERVE)) return status;
  const auto sum = checksum(table, key, value);
  Byte* to = static_cast<Byte*>(data.mv_data);
  std::memcpy(to, sum.data(), sum.size());
  if (!value.empty()) std::memcpy(to + checksum_size, value.data(), value.size());
  return 0;
}

int Environment::remove(const Transaction& txn, Table table, ByteView key) const {
  MDB_val name = to_val(key);
  const int status = mdb_del(txn.get(), dbi(table), &name, nullptr);
  return status == MDB_NOTFOUND ? 0 : status;
}

int Environment::quarantine(const Transaction& txn, Table table, ByteView key) const {
  MDB_val name = to_val(key), data{};
  int status = mdb_get(txn.get(), dbi(table), &name, &data);
  MDB_stat held{};
  if (!status) status = mdb_stat(txn.get(), quarantine_, &held);
  if (!status && held.ms_entries < quarantine_limit) {
    // Copied: LMDB's own memory may move while it makes room.
    const Bytes stored(to_view(data).begin(), to_view(data).end());
    Bytes aside{static_cast<Byte>(table)};
    append(aside, key);
    MDB_val to = to_val(aside), copy = to_val(stored);
    status = mdb_put(txn.get(), quarantine_, &to, &copy, 0);
  }
  return status == 0 || status == MDB_NOTFOUND ? remove(txn, table, key) : status;
}

int Environment::set_network(const Transaction& txn, const NetworkId& network) const {
  MDB_val name = to_val("network"), data = to_val(network.view());
  return mdb_put(txn.get(), about_, &name, &data, 0);
}

int Environment::clear(const Transaction& txn, Table table) const {
  return mdb_drop(txn.get(), dbi(table), 0);
}

int Environment::each(const Transaction& txn, Table table,
                      const std::function<void(ByteView, ByteView, bool)>& sink) const {
  MDB_cursor* cursor = nullptr;
  if (const int status = mdb_cursor_open(txn.get(), dbi(table), &cursor)) return status;
  MDB_val name{}, data{};
  int status;
  while ((status = mdb_cursor_get(cursor, &name, &data, MDB_NEXT)) == 0) {
    ByteView value;
    const bool good = verify(table, to_view(name), to_view(data), value);
    sink(to_view(name), value, good);
  }
  mdb_cursor_close(cursor);
  return status == MDB_NOTFOUND ? 0 : status;
}

std::size_t Environment::entries(const Transaction& txn, Table table) const {
  MDB_stat stat{};
  return mdb_stat(txn.get(), dbi(table), &stat) == 0 ? stat.ms_entries : 0;
}

std::size_t Environment::used_bytes(const Transaction& txn) const {
  std::size_t pages = 2;  // the meta pages
  MDB_stat stat{};
  for (const MDB_dbi table : {record_, meta_, quarantine_, about_})
    if (mdb_stat(txn.get(), table, &stat) == 0)
      pages += stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
  return pages * stat.ms_psize;
}

}  // namespace kith::storage
