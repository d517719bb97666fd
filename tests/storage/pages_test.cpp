// Damage that LMDB would believe: one wrong number or bit in a page, found before it is opened.
#include <algorithm>

#include "disk.hpp"

using namespace kith;
using kith::test::data_file;
using kith::test::Disk;
using kith::test::options;
using kith::test::read_all;
using kith::test::TempDir;
using kith::test::write_all;
using storage::OpenError;

namespace {

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

std::optional<OpenError> opening_error(const TempDir& dir) {
  const Disk disk(options(dir.path));
  return disk.failure ? std::optional(disk.failure->error) : std::nullopt;
}

}  // namespace

TEST_CASE("storage/pages: a free list that names pages in use, or out of order, does not open") {
  TempDir dir;
  {
    Disk disk(options(dir.path));
    for (int i = 0; i < 40; ++i)
      CHECK(disk.stored(disk.persist("key" + std::to_string(i), std::string(1500, 'a'))));
    for (int i = 0; i < 40; i += 2) CHECK(disk.stored(disk.forget("key" + std::to_string(i))));
  }
  std::string data = read_all(data_file(dir));
  const std::size_t tables = newest_tables(data);
  const std::size_t record = table_at(data, "record");
  const std::size_t root = u64(data, record + 40);
  REQUIRE_EQ(u16(data, record + 6), 2);
  const std::uint64_t leaf = u32(data, root * page + u16(data, root * page + 16));
  // The longest entry of the free list: a count, then page numbers downwards.
  REQUIRE_EQ(u16(data, tables + 6), 1);
  const std::size_t list = u64(data, tables + 40) * page;
  std::size_t body = 0;
  for (std::size_t at = 16; at < u16(data, list + 12); at += 2) {
    const std::size_t node = list + u16(data, list + at);
    const std::size_t entry = node + 8 + u16(data, node + 6);
    if (body == 0 || u64(data, entry) > u64(data, body)) body = entry;
  }
  const std::uint64_t count = u64(data, body);
  REQUIRE_GT(count, 1);
  const std::string whole = data;

  std::vector<std::uint64_t> pages{leaf};
  for (std::uint64_t i = 1; i < count; ++i) pages.push_back(u64(data, body + 8 * (i + 1)));
  std::sort(pages.rbegin(), pages.rend());
  for (std::uint64_t i = 0; i < count; ++i) put64(data, body + 8 * (i + 1), pages[i]);
  write_all(data_file(dir), data);
  CHECK_EQ(opening_error(dir), OpenError::damaged);  // in order, and one of them is in use

  data = whole;
  put64(data, body + 8, u64(whole, body + 16));
  put64(data, body + 16, u64(whole, body + 8));
  write_all(data_file(dir), data);
  CHECK_EQ(opening_error(dir), OpenError::damaged);  // all free, and out of order

  write_all(data_file(dir), whole);
  CHECK_EQ(opening_error(dir), std::nullopt);
}

TEST_CASE("storage/pages: a table whose sizes are wrong does not open") {
  TempDir dir;
  {
    Disk disk(options(dir.path));
    for (int i = 0; i < 40; ++i)
      CHECK(disk.stored(disk.persist("key" + std::to_string(i), std::string(1500, 'a'))));
  }
  std::string data = read_all(data_file(dir));
  const std::string whole = data;
  const std::size_t record = table_at(data, "record");
  put64(data, record + 24,
        u64(data, record + 24) ^ (1ull << 40));  // overflow pages: one flipped bit
  write_all(data_file(dir), data);
  CHECK_EQ(opening_error(dir), OpenError::damaged);
  write_all(data_file(dir), whole);
  CHECK_EQ(opening_error(dir), std::nullopt);
}

TEST_CASE("storage/pages: an overflow page that claims its neighbours does not open") {
  TempDir dir;
  {
    Disk disk(options(dir.path));
    for (int i = 0; i < 10; ++i)
      CHECK(disk.stored(disk.persist("key" + std::to_string(i), std::string(6000, 'a'))));
  }
  std::string data = read_all(data_file(dir));
  const std::size_t record = table_at(data, "record");
  const std::size_t root = u64(data, record + 40) * page;
  REQUIRE_EQ(u16(data, record + 6), 1);
  const std::size_t node = root + u16(data, root + 16);  // key0
  const std::size_t overflow = u64(data, node + 8 + u16(data, node + 6)) * page;
  REQUIRE_EQ(u16(data, overflow + 12), 2);
  data[overflow + 12] ^= 4;                              // one bit: 2 pages, it says 6
  put64(data, record + 24, u64(data, record + 24) + 4);  // and the table's sum goes with it
  write_all(data_file(dir), data);
  CHECK_EQ(opening_error(dir), OpenError::damaged);
}
