#include <algorithm>
#include <random>

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

void fill(const TempDir& dir, int entries) {
  Disk disk(options(dir.path));
  Token last;
  for (int i = 0; i < entries; ++i) {
    last =
        disk.persist("key" + std::to_string(i), std::string(std::size_t(100 + 97 * (i % 60)), 'a'));
    if (i % 100 == 99) CHECK(disk.stored(last));
  }
}

}  // namespace

TEST_CASE("storage/damage: a value with a flipped bit is quarantined and never served") {
  TempDir dir;
  {
    Disk disk(options(dir.path));
    CHECK(disk.stored(disk.persist("good", "a value that stays")));
    CHECK(disk.stored(disk.persist("bad", "a value that rots")));
    CHECK(disk.stored(disk.persist("worse", "a value that rots too")));
  }
  std::string data = read_all(data_file(dir));
  for (std::size_t at = 0; (at = data.find("value that rots", at)) != std::string::npos; ++at)
    data[at] ^= 4;
  write_all(data_file(dir), data);

  Disk disk(options(dir.path));
  REQUIRE_FALSE(disk.failure);
  CHECK_EQ(disk.refused(disk.load("bad")), DiskRefusal::damaged);
  CHECK_EQ(disk.storage->stats().quarantined, 1);
  CHECK_EQ(disk.storage->stats().entries, 2);
  CHECK_EQ(disk.value(disk.load("bad")), std::nullopt);
  CHECK_FALSE(disk.refused(disk.load("bad")));
  CHECK_EQ(disk.value(disk.load("good")), "a value that stays");

  std::string seen;
  const std::vector<Bytes> bad =
      disk.storage->scan(Table::record, [&](ByteView key, ByteView) { seen += to_text(key); });
  CHECK_EQ(seen, "good");
  REQUIRE_EQ(bad.size(), 1);
  CHECK_EQ(to_text(bad[0]), "worse");
  CHECK_EQ(disk.storage->stats().quarantined, 2);
  CHECK(disk.stored(disk.persist("bad", "fetched again")));
  CHECK_EQ(disk.value(disk.load("bad")), "fetched again");
}

TEST_CASE("storage/damage: a value lies on disk as FORMAT.md says") {
  TempDir dir;
  {
    Disk disk(options(dir.path));
    CHECK(disk.stored(disk.persist("a", "hi", Table::meta)));
  }
  const Bytes stored = *from_hex("84b71a410e8f4f8ebb748c5982b80f4e6869");
  CHECK_NE(read_all(data_file(dir)).find(to_text(stored)), std::string::npos);
}

TEST_CASE("storage/damage: a file cut short at any page does not open") {
  TempDir dir;
  fill(dir, 600);
  const std::string data = read_all(data_file(dir));
  int damaged = 0, opened = 0;
  for (std::size_t size = 1; size < data.size(); size += data.size() / 23) {
    write_all(data_file(dir), data.substr(0, size));
    const Disk disk(options(dir.path));
    if (disk.failure) CHECK_EQ(disk.failure->error, OpenError::damaged);
    disk.failure ? ++damaged : ++opened;
  }
  CHECK_GE(damaged, 20);
  CHECK_LE(opened, 3);  // only free pages were lost
  write_all(data_file(dir), data);
  CHECK_FALSE(Disk(options(dir.path)).failure);
}

TEST_CASE("storage/damage: a file of something else does not open, an empty one is a fresh start") {
  TempDir dir;
  fill(dir, 3);
  std::mt19937 chance(1);
  std::string noise(1 << 16, 0);
  for (char& c : noise) c = static_cast<char>(chance());
  for (const std::string& other : {noise, std::string(1 << 16, 0), std::string("hello")}) {
    write_all(data_file(dir), other);
    const Disk disk(options(dir.path));
    REQUIRE(disk.failure);
    CHECK_EQ(disk.failure->error, OpenError::damaged);
  }
  write_all(data_file(dir), "");
  CHECK_FALSE(Disk(options(dir.path)).failure);
}

TEST_CASE("storage/damage: random flips are found at open or by a checksum, never a crash") {
  TempDir dir;
  fill(dir, 300);
  const std::string data = read_all(data_file(dir));
  std::mt19937 chance(7);
  int found = 0;
  for (int round = 0; round < 150; ++round) {
    std::string bad = data;
    const int flips = 1 + static_cast<int>(chance() % 40);
    // Half of the rounds hit page headers, where a plain LMDB crashes.
    for (int i = 0; i < flips; ++i) {
      std::size_t at = chance() % bad.size();
      if (round % 2 == 0) at = at / 4096 * 4096 + at % 24;
      bad[at] = static_cast<char>(chance());
    }
    write_all(data_file(dir), bad);
    Disk disk(options(dir.path));
    if (disk.failure) {
      ++found;
      continue;
    }
    disk.storage->scan(Table::record, [&](ByteView, ByteView value) {
      CHECK(std::ranges::all_of(value, [](Byte byte) { return byte == 'a'; }));
    });
    disk.stored(disk.persist("key7", "new"));
    found += disk.storage->stats().quarantined > 0;
  }
  CHECK_GT(found, 50);
}
