// What a start finds after one that was cut short.
#include "opening.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "../storage/disk.hpp"

using namespace kith;
using kith::test::TempDir;

namespace {

app::Settings settings_for(const std::filesystem::path& directory) {
  app::Settings settings;
  settings.data_dir = directory.string();
  settings.socket = (directory / "sock").string();
  settings.listen = {{IpAddress::v4(127, 0, 0, 1), 0}};
  settings.no_lan = true;
  return settings;
}

const ByteArray<16> other_lan{1, 2, 3};

// LMDB's meta page, its last write of a commit, reaches the disk and is reported as failed.
bool meta_fails = false, meta_written = false;
constexpr std::size_t meta_size = 120;

// A first start, then a lan.id as an adoption leaves it before it moves the database.
ByteArray<16> half_adopted(const app::Settings& settings, bool with_record) {
  auto opened = app::open_everything(settings);
  REQUIRE(opened);
  if (with_record)
    opened->storage->submit(Persist{{1}, Table::record, test::text("key"), test::text("value")});
  CHECK(app::save_lan(settings.data_dir, {other_lan, opened->lan.current}));
  return opened->lan.current;
}

}  // namespace

// Stands before libc's, LMDB's calls included.
extern "C" ssize_t write_at(int fd, const void* data, std::size_t size,
                            off_t offset) __asm__("pwrite");
extern "C" ssize_t write_at(int fd, const void* data, std::size_t size, off_t offset) {
  const bool fails = meta_fails && size == meta_size;
  if (fails && std::exchange(meta_written, true)) return errno = EIO, -1;
  const long put = ::syscall(SYS_pwrite64, fd, data, size, offset);
  return fails ? (errno = EIO, -1) : static_cast<ssize_t>(put);
}

TEST_CASE("app/opening: the lan id is on disk before a database is made for it") {
  TempDir dir;
  const auto first = app::load_lan(dir.path);
  REQUIRE(first);
  const auto again = app::load_lan(dir.path);
  REQUIRE(again);
  CHECK(first->current == again->current);
}

TEST_CASE("app/opening: an adoption cut short is finished where no record is held") {
  TempDir dir;
  const app::Settings settings = settings_for(dir.path);
  half_adopted(settings, false);
  for (int start = 0; start < 2; ++start) {
    const auto opened = app::open_everything(settings);
    REQUIRE(opened);
    CHECK(opened->lan.current == other_lan);
  }
}

TEST_CASE("app/opening: an adoption cut short never drops records") {
  TempDir dir;
  const app::Settings settings = settings_for(dir.path);
  const ByteArray<16> own = half_adopted(settings, true);
  for (int start = 0; start < 2; ++start) {
    const auto opened = app::open_everything(settings);
    REQUIRE(opened);
    CHECK(opened->lan.current == own);
    CHECK(opened->node.root == Bytes(own.begin(), own.end()));
    CHECK_EQ(opened->storage->stats().entries, 1);
  }
}

TEST_CASE("app/opening: an adoption that the disk fails while it is finished locks nobody out") {
  TempDir dir;
  const app::Settings settings = settings_for(dir.path);
  half_adopted(settings, false);
  meta_fails = true;
  CHECK_FALSE(app::open_everything(settings));
  meta_fails = false;
  REQUIRE(meta_written);
  const auto opened = app::open_everything(settings);
  if (!opened) MESSAGE(opened.error().message);
  REQUIRE(opened);
  CHECK(opened->lan.current == other_lan);
}
