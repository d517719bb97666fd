// Power is pulled from processes, disks fill up and syncs fail: what was acknowledged stays.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>

#include "disk.hpp"

using namespace kith;
using kith::test::Disk;
using kith::test::options;
using kith::test::TempDir;

namespace {

std::atomic<bool> sync_fails{false}, meta_full{false}, no_links{false};
constexpr std::size_t meta_size = 120;  // LMDB's last write of a commit
std::vector<std::filesystem::path>* synced_directories = nullptr;

// Runs `body` in a child; what it returns is its exit status.
int in_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

constexpr int skipped = 77;

// Puts an own small tmpfs at `where`; needs root or user namespaces.
bool mount_small_disk(const std::filesystem::path& where, const char* size) {
  const int flags = ::geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER;
  return ::unshare(flags) == 0 &&
         ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("kith-test", where.c_str(), "tmpfs", 0, size) == 0;
}

// Writes until nothing more fits, then gives back `keep` bytes.
void fill_disk(const std::filesystem::path& file, off_t keep) {
  const int fd = ::open(file.c_str(), O_CREAT | O_WRONLY, 0600);
  const std::string block(4096, 'x');
  off_t size = 0;
  for (ssize_t put; (put = ::write(fd, block.data(), block.size())) > 0;) size += put;
  if (::ftruncate(fd, std::max<off_t>(0, size - keep)) != 0) ::_exit(99);
  ::close(fd);
}

// The life of a disk that fills up; the failing line's number is the exit status.
#define EXPECT(condition) \
  if (!(condition)) return (std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), 1)

int live_on_small_disk(const std::filesystem::path& where) {
  if (!mount_small_disk(where, "size=8m")) return skipped;
  const auto value = [](int i) { return std::string(3000, static_cast<char>('a' + i % 26)); };
  int held = 0;
  {
    Disk disk(options(where / "data"));
    EXPECT(!disk.failure);
    while (disk.stored(disk.persist("k" + std::to_string(held), value(held)))) ++held;
    EXPECT(held > 100);
    fill_disk(where / "ballast", 0);
    EXPECT(disk.refused(disk.persist("more", value(0))) == DiskRefusal::full);
    EXPECT(!disk.storage->stats().failed);
    for (int i = 0; i < held; ++i)
      EXPECT(disk.value(disk.load("k" + std::to_string(i))) == value(i));
    EXPECT(storage::write_file(where / "note", as_bytes("x")).error() ==
           storage::FileError::no_space);
  }
  {
    Disk disk(options(where / "data"));  // a full disk opens, reads and refuses
    EXPECT(!disk.failure);
    EXPECT(disk.value(disk.load("k0")) == value(0));
    EXPECT(disk.refused(disk.persist("more", std::string(100'000, 'm'))) == DiskRefusal::full);
    std::filesystem::remove(where / "ballast");
    EXPECT(!disk.storage->stats().failed);
  }
  return 0;
}

int return_after_full(const std::filesystem::path& where) {
  if (!mount_small_disk(where, "size=8m")) return skipped;
  Disk disk(options(where / "data"));
  EXPECT(disk.stored(disk.persist("first", "1")));
  for (int round = 0; round < 20; ++round) {
    fill_disk(where / "ballast", round * 4096);
    int refused = 0;
    for (int i = 0; i < 200 && !refused; ++i)
      refused += !disk.stored(disk.persist("k" + std::to_string(i), std::string(5000, 'v')));
    EXPECT(refused == 1);
    EXPECT(disk.value(disk.load("first")) == "1");
    std::filesystem::remove(where / "ballast");
    EXPECT(disk.stored(disk.persist("after" + std::to_string(round), "back")));
  }
  return 0;
}

int start_on_full_disk(const std::filesystem::path& where) {
  if (!mount_small_disk(where, "size=8m")) return skipped;
  for (off_t keep = 0; keep < 60 * 4096; keep += 4096) {
    fill_disk(where / "ballast", keep);
    {
      const Disk disk(options(where / "data"));
      if (disk.failure) EXPECT(disk.failure->error == storage::OpenError::no_space);
    }
    std::filesystem::remove(where / "ballast");
    const Disk disk(options(where / "data"));
    EXPECT(!disk.failure);
    std::filesystem::remove_all(where / "data");
  }
  return 0;
}

void run_on_small_disk(int (*life)(const std::filesystem::path&)) {
  TempDir dir;
  const int status = in_child([&] { return life(dir.path); });
  if (status == skipped)
    MESSAGE("skipped: no private mount namespace here");
  else
    CHECK_EQ(status, 0);
}

}  // namespace

// These stand before libc's for the whole binary, LMDB included.
extern "C" int fdatasync(int fd) {
  if (sync_fails) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fsync, fd));
}
extern "C" ssize_t write_at(int fd, const void* data, std::size_t size, off_t offset) __asm__(
    "pwrite");  // LMDB's name for it: here the headers say pwrite64
extern "C" ssize_t write_at(int fd, const void* data, std::size_t size, off_t offset) {
  if (meta_full && size == meta_size) {
    errno = ENOSPC;
    return -1;
  }
  return static_cast<ssize_t>(::syscall(SYS_pwrite64, fd, data, size, offset));
}
extern "C" int link(const char* from, const char* to) noexcept {
  if (no_links) {
    errno = EPERM;  // FAT and its like
    return -1;
  }
  return static_cast<int>(::syscall(SYS_link, from, to));
}
extern "C" int fsync(int fd) {
  struct stat info{};
  if (synced_directories && ::fstat(fd, &info) == 0 && S_ISDIR(info.st_mode))
    synced_directories->push_back(
        std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd)));
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

TEST_CASE("storage/durability: kill -9 in the middle of writes loses nothing acknowledged") {
  for (int round = 0; round < 10; ++round) {
    TempDir dir;
    int pipe[2];
    REQUIRE_EQ(::pipe(pipe), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      Disk disk(options(dir.path));
      for (int i = 0;; i += 8) {
        std::vector<Token> tokens;
        for (int j = i; j < i + 8; ++j)
          tokens.push_back(disk.persist("k" + std::to_string(j), std::to_string(j)));
        for (int j = i; j < i + 8; ++j)
          if (disk.stored(tokens[static_cast<std::size_t>(j - i)]) &&
              ::write(pipe[1], &j, sizeof j) != sizeof j)
            ::_exit(1);
      }
    }
    ::close(pipe[1]);
    int acknowledged = -1, number = 0;
    while (acknowledged < 40 + 13 * round &&
           ::read(pipe[0], &number, sizeof number) == sizeof number)
      acknowledged = number;
    ::kill(child, SIGKILL);
    while (::read(pipe[0], &number, sizeof number) == sizeof number) acknowledged = number;
    ::waitpid(child, nullptr, 0);
    ::close(pipe[0]);
    REQUIRE_GE(acknowledged, 40);
    Disk disk(options(dir.path));
    REQUIRE_FALSE(disk.failure);
    for (int i = 0; i <= acknowledged; ++i)
      CHECK_EQ(disk.value(disk.load("k" + std::to_string(i))), std::to_string(i));
  }
}

TEST_CASE("storage/durability: the names a database is reached by are on disk before it is used") {
  TempDir dir;
  const auto names_synced = [&] {
    std::vector<std::filesystem::path> synced;
    synced_directories = &synced;
    const Disk disk(options(dir.path / "new" / "data"));
    synced_directories = nullptr;
    CHECK_FALSE(disk.failure);
    for (const char* below : {"new", "new/data", "new/data/db"})
      CHECK_NE(std::find(synced.begin(), synced.end(), dir.path / below), synced.end());
    return std::find(synced.begin(), synced.end(), dir.path) != synced.end();
  };
  CHECK(names_synced());
  // The start that made them may have been killed before it synced them.
  names_synced();
}

TEST_CASE("storage/durability: what a crash leaves of a first start is not damage") {
  TempDir dir;
  std::filesystem::create_directories(dir.path / "db");
  for (const std::size_t size : {0, 512, 4608, 8192}) {
    REQUIRE(storage::write_file(dir.path / "db" / "data.new", Bytes(size, 0)));
    std::filesystem::remove(dir.path / "db" / "data.mdb");
    Disk disk(options(dir.path));
    REQUIRE_FALSE(disk.failure);
    CHECK(disk.stored(disk.persist("a", "1")));
    CHECK_FALSE(std::filesystem::exists(dir.path / "db" / "data.new"));
  }
}

TEST_CASE("storage/durability: a full disk refuses writes and serves reads, after a restart too") {
  run_on_small_disk(live_on_small_disk);
}

TEST_CASE("storage/durability: writes return when space does") {
  run_on_small_disk(return_after_full);
}

TEST_CASE("storage/durability: a start that found no room leaves the next one a clean slate") {
  run_on_small_disk(start_on_full_disk);
}

TEST_CASE("storage/durability: after a failed sync nothing is acknowledged any more") {
  TempDir dir;
  {
    Disk disk(options(dir.path));
    CHECK(disk.stored(disk.persist("before", "1")));
    sync_fails = true;
    CHECK_EQ(disk.refused(disk.persist("during", "2")), DiskRefusal::full);
    CHECK(disk.storage->stats().failed);
    sync_fails = false;
    CHECK_EQ(disk.refused(disk.persist("after", "3")), DiskRefusal::full);
    CHECK_FALSE(disk.storage->change_network(NetworkId{}, true));
    CHECK_EQ(disk.value(disk.load("before")), "1");
  }
  Disk disk(options(dir.path));
  CHECK_EQ(disk.value(disk.load("before")), "1");
  CHECK_EQ(disk.value(disk.load("after")), std::nullopt);
}

TEST_CASE("storage/durability: a new file needs no hard links") {
  TempDir dir;
  const auto path = dir.path / "identity.key";
  no_links = true;
  CHECK(storage::write_file(path, as_bytes("one"), /*overwrite=*/false));
  const auto again = storage::write_file(path, as_bytes("two"), /*overwrite=*/false);
  no_links = false;
  REQUIRE_FALSE(again);
  CHECK_EQ(again.error(), storage::FileError::exists);
  CHECK_EQ(to_text(storage::read_file(path, 100).value()), "one");
  CHECK_EQ(std::distance(std::filesystem::directory_iterator(dir.path), {}), 1);
}

TEST_CASE("storage/durability: a sync that fails while the network changes is a failed sync too") {
  TempDir dir;
  NetworkId other;
  other.bytes.fill(1);
  Disk disk(options(dir.path));
  CHECK(disk.stored(disk.persist("before", "1")));
  sync_fails = true;
  CHECK_FALSE(disk.storage->change_network(other, true));
  sync_fails = false;
  CHECK(disk.storage->stats().failed);
  CHECK_EQ(disk.refused(disk.persist("after", "3")), DiskRefusal::full);
}

TEST_CASE("storage/durability: no space for the meta page while the network changes stops it") {
  TempDir dir;
  NetworkId other;
  other.bytes.fill(1);
  Disk disk(options(dir.path));
  CHECK(disk.stored(disk.persist("before", std::string(100'000, 'x'))));
  meta_full = true;
  CHECK_FALSE(disk.storage->change_network(other, true));
  meta_full = false;
  CHECK(disk.storage->stats().failed);
}

TEST_CASE("storage/durability: no space for LMDB's meta page stops it like a failed sync") {
  TempDir dir;
  {
    Disk disk(options(dir.path));
    CHECK(disk.stored(disk.persist("before", "1")));
    meta_full = true;
    CHECK_EQ(disk.refused(disk.persist("during", "2")), DiskRefusal::full);
    meta_full = false;
    CHECK(disk.storage->stats().failed);  // not left half alive, with reads refused
  }
  Disk disk(options(dir.path));
  CHECK_EQ(disk.value(disk.load("before")), "1");
  CHECK(disk.stored(disk.persist("after", "3")));
}

TEST_CASE("storage/durability: a directory that may not be written says so") {
  TempDir dir;
  const int status = in_child([&] {
    if (::geteuid() == 0 && ::setuid(65534) != 0) return skipped;
    ::chmod(dir.path.c_str(), 0500);
    const Disk disk(options(dir.path));
    EXPECT(disk.failure && disk.failure->error == storage::OpenError::permission);
    const Disk below(options(dir.path / "a" / "b"));
    EXPECT(below.failure && below.failure->error == storage::OpenError::permission);
    return 0;
  });
  if (status != skipped) CHECK_EQ(status, 0);
}
