// What LMDB would believe, and what a full store still takes.
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <random>

#include "disk.hpp"

using namespace kith;
using kith::test::Disk;
using kith::test::options;
using kith::test::TempDir;
using kith::test::text;
using storage::OpenError;

namespace {

std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void spit(const std::filesystem::path& path, const std::string& contents) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << contents;
}

std::uint64_t u64(const std::string& in, std::size_t at) {
  std::uint64_t v;
  std::memcpy(&v, &in[at], 8);
  return v;
}
std::uint16_t u16(const std::string& in, std::size_t at) {
  std::uint16_t v;
  std::memcpy(&v, &in[at], 2);
  return v;
}
std::uint32_t u32(const std::string& in, std::size_t at) {
  std::uint32_t v;
  std::memcpy(&v, &in[at], 4);
  return v;
}
void put64(std::string& in, std::size_t at, std::uint64_t v) { std::memcpy(&in[at], &v, 8); }

constexpr std::size_t page = 4096;
// Offset of the newer meta page's tables: free list at +0, main at +48.
std::size_t newest_tables(const std::string& data) {
  return u64(data, 144) >= u64(data, page + 144) ? 40 : page + 40;
}
// Offset of a named table's record (48 bytes) in the main tree, which is one leaf here.
std::size_t table_at(const std::string& data, std::string_view name) {
  const std::size_t leaf = u64(data, newest_tables(data) + 48 + 40) * page;
  for (std::size_t at = 16; at < u16(data, leaf + 12); at += 2) {
    const std::size_t node = leaf + u16(data, leaf + at);
    const std::size_t key = u16(data, node + 6);
    if (data.substr(node + 8, key) == name) return node + 8 + key;
  }
  throw std::runtime_error("no such table");
}

std::filesystem::path database_of(const TempDir& dir) { return dir.path / "db" / "data.mdb"; }

}  // namespace

TEST_CASE(
    "storage/limits: at the quota a value still gives way to a smaller one, and facts are kept") {
  TempDir dir;
  auto small = options(dir.path);
  small.map_bytes = 4 << 20;
  Disk disk(small);
  const Buffer value = Buffer(Bytes(64 << 10, 1));
  int held = 0;
  while (disk.stored(disk.persist("k" + std::to_string(held), value))) ++held;
  while (disk.stored(disk.persist("s" + std::to_string(held), Buffer(Bytes(1000, 1))))) ++held;
  CHECK_EQ(disk.refused(disk.persist("new", Buffer(Bytes(1000, 1)))), DiskRefusal::full);
  // A deletion is a tombstone in the place of the value: the one way in which a user makes room.
  CHECK_EQ(disk.refused(disk.persist("k0", "tombstone")), std::nullopt);
  CHECK_EQ(disk.refused(disk.persist("k1", std::string(70 << 10, 'x'))), DiskRefusal::full);
  CHECK_EQ(disk.refused(disk.persist("incarnation", "12345678", Table::meta)), std::nullopt);
}

TEST_CASE("storage/limits: a free list that names pages in use does not open") {
  TempDir dir;
  {
    Disk disk(options(dir.path));
    for (int i = 0; i < 40; ++i)
      CHECK(disk.stored(disk.persist("key" + std::to_string(i), std::string(1500, 'a'))));
    for (int i = 0; i < 40; i += 2) CHECK(disk.stored(disk.forget("key" + std::to_string(i))));
  }
  std::string data = slurp(database_of(dir));
  const std::size_t tables = newest_tables(data);
  const std::size_t record = table_at(data, "record");
  // A leaf of the record table
  std::size_t root = u64(data, record + 40);
  REQUIRE_EQ(u16(data, record + 6), 2);
  const std::size_t first = root * page + u16(data, root * page + 16);
  const std::uint64_t leaf = u32(data, first);
  // The first entry of the free list.
  REQUIRE_EQ(u16(data, tables + 6), 1);
  const std::size_t list = u64(data, tables + 40) * page;
  int changed = 0;
  for (std::size_t at = 16; at < u16(data, list + 12); at += 2) {
    const std::size_t node = list + u16(data, list + at);
    const std::size_t body = node + 8 + u16(data, node + 6);
    const std::uint64_t count = u64(data, body);
    if (count >= 1 && !changed) {
      put64(data, body + 8, leaf);
      ++changed;
    }
  }
  REQUIRE_EQ(changed, 1);
  spit(database_of(dir), data);
  {
    Disk disk(options(dir.path));
    if (disk.failure) {
      CHECK_EQ(disk.failure->error, OpenError::damaged);
      return;
    }
    CHECK(false);  // it opened
    for (int i = 0; i < 10; ++i)
      CHECK(disk.stored(disk.persist("new" + std::to_string(i), std::string(1500, 'b'))));
  }
  Disk disk(options(dir.path));
  if (disk.failure) MESSAGE(disk.failure->message);
  REQUIRE_FALSE(disk.failure);
  int lost = 0;
  for (int i = 1; i < 40; i += 2)
    lost += disk.value(disk.load("key" + std::to_string(i))) != std::string(1500, 'a');
  CHECK_EQ(lost, 0);
}

TEST_CASE("storage/limits: a table whose sizes are wrong does not open") {
  TempDir dir;
  {
    Disk disk(options(dir.path));
    for (int i = 0; i < 40; ++i)
      CHECK(disk.stored(disk.persist("key" + std::to_string(i), std::string(1500, 'a'))));
  }
  std::string data = slurp(database_of(dir));
  const std::string whole = data;
  const std::size_t record = table_at(data, "record");
  put64(data, record + 24,
        u64(data, record + 24) ^ (1ull << 40));  // overflow pages: one flipped bit
  spit(database_of(dir), data);
  {
    Disk disk(options(dir.path));
    if (disk.failure) {
      CHECK_EQ(disk.failure->error, OpenError::damaged);
    } else
      CHECK_EQ(disk.refused(disk.persist("new", "x")), std::nullopt);
  }
  spit(database_of(dir), whole);
  CHECK_FALSE(Disk(options(dir.path)).failure);
}

TEST_CASE("storage/limits: an overflow page that claims its neighbours does not open") {
  TempDir dir;
  {
    Disk disk(options(dir.path));
    for (int i = 0; i < 10; ++i)
      CHECK(disk.stored(disk.persist("key" + std::to_string(i), std::string(6000, 'a'))));
  }
  std::string data = slurp(database_of(dir));
  const std::size_t root = u64(data, table_at(data, "record") + 40) * page;
  REQUIRE_EQ(u16(data, table_at(data, "record") + 6), 1);
  const std::size_t node = root + u16(data, root + 16);  // key0
  const std::size_t overflow = u64(data, node + 8 + u16(data, node + 6)) * page;
  REQUIRE_EQ(u16(data, overflow + 12), 2);
  data[overflow + 12] ^= 4;  // one bit: 2 pages, it says 6
  spit(database_of(dir), data);
  {
    Disk disk(options(dir.path));
    if (disk.failure) {
      CHECK_EQ(disk.failure->error, OpenError::damaged);
      return;
    }
    CHECK(false);                             // it opened
    CHECK(disk.stored(disk.forget("key0")));  // gives four pages of others away
    for (int i = 0; i < 10; ++i)
      CHECK(disk.stored(disk.persist("new" + std::to_string(i), std::string(6000, 'b'))));
  }
  Disk disk(options(dir.path));
  if (disk.failure) MESSAGE(disk.failure->message);
  REQUIRE_FALSE(disk.failure);
  int lost = 0;
  for (int i = 1; i < 10; ++i)
    lost += disk.value(disk.load("key" + std::to_string(i))) != std::string(6000, 'a');
  CHECK_EQ(lost, 0);
}

TEST_CASE("storage/limits: a link in the place of the lock empties nobody's file") {
  TempDir dir;
  spit(dir.path / "precious", "do not lose me");
  std::filesystem::create_directory(dir.path / "data");
  std::filesystem::create_symlink(dir.path / "precious", dir.path / "data" / "lock");
  const Disk disk(options(dir.path / "data"));
  CHECK_EQ(slurp(dir.path / "precious"), "do not lose me");
}

TEST_CASE("storage/limits: an adopted network without its records counts none") {
  TempDir dir;
  Disk disk(options(dir.path));
  for (int i = 0; i < 20; ++i)
    CHECK(disk.stored(disk.persist("key" + std::to_string(i), Buffer(Bytes(64 << 10, 1)))));
  NetworkId other;
  other.bytes.fill(1);
  REQUIRE(disk.storage->change_network(other, true));
  CHECK_EQ(disk.storage->stats().entries, 0);
  CHECK_LT(disk.storage->stats().used_bytes, 100 << 10);
}
