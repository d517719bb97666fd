// The page check over a damaged database: it never reads astray itself, and what it lets through
// LMDB can open, walk, write and commit without harm.
#include <lmdb.h>
#include <sys/mman.h>

#include <fstream>

#include "environment.hpp"
#include "page_check.hpp"
#include "target.hpp"
#include "temp_dir.hpp"

using namespace kith;
using namespace kith::storage;

namespace {

constexpr std::size_t page = 4096;

// Small and large values, deletions, so that every kind of page is there.
const Bytes& image() {
  static const Bytes made = [] {
    const test::TempDir dir(true);
    Options options;
    options.directory = dir.path;
    options.map_bytes = 4 << 20;
    {
      const auto env = Environment::open(options);
      for (int round = 0; round < 3; ++round) {
        Transaction txn((*env)->env(), 0);
        for (std::uint8_t i = 0; i < 60; ++i) {
          const Bytes key{i, 1}, value(i % 7 == 0 ? 9000 : 100u + i, i);
          if (i % 5 == round) (*env)->remove(txn, Table::record, key);
          if (i % 5 != round) (*env)->put(txn, Table::record, key, value);
        }
        KITH_ASSERT(txn.commit() == 0);
      }
    }
    std::ifstream file(dir.path / "db" / "data.mdb", std::ios::binary);
    return fuzz::text(std::string(std::istreambuf_iterator<char>(file), {}));
  }();
  return made;
}

Bytes damaged(fuzz::Input& in) {
  Bytes bytes = image();
  if (const std::uint8_t cut = in.u8(); cut < 16) bytes.resize(bytes.size() * cut / 16);
  while (!in.empty() && !bytes.empty()) {
    const std::size_t first = in.u8() * page, at = first + in.u16() % page;
    const ByteView patch = in.take(1 + in.below(8));
    if (at % bytes.size() + patch.size() > bytes.size()) continue;
    std::copy(patch.begin(), patch.end(),
              bytes.begin() + static_cast<std::ptrdiff_t>(at % bytes.size()));
  }
  return bytes;
}

void walk(MDB_txn* txn, const char* table) {
  MDB_dbi dbi = 0;
  MDB_cursor* cursor = nullptr;
  if (mdb_dbi_open(txn, table, 0, &dbi) != 0 || mdb_cursor_open(txn, dbi, &cursor) != 0) return;
  MDB_val key{}, value{};
  std::size_t sum = 0;
  for (int left = 10'000; left > 0 && mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0; --left) {
    const ByteView name(static_cast<const Byte*>(key.mv_data), key.mv_size);
    const ByteView bytes(static_cast<const Byte*>(value.mv_data), value.mv_size);
    for (const Byte byte : name) sum += byte;
    if (!bytes.empty()) sum += bytes.front() + bytes.back();
  }
  mdb_cursor_close(cursor);
  KITH_ASSERT(sum < (1ull << 40));
}

void use(const char* path) {
  MDB_env* env = nullptr;
  KITH_ASSERT(mdb_env_create(&env) == 0);
  mdb_env_set_mapsize(env, 4 << 20);
  mdb_env_set_maxdbs(env, 4);
  const unsigned flags = MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOSYNC;
  if (mdb_env_open(env, path, flags, 0600) == 0) {
    const Transaction read(env, MDB_RDONLY);
    if (!read.status())
      for (const char* table : {"record", "meta", "about", "quarantine"}) walk(read.get(), table);
  }
  mdb_env_close(env);
}

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Script headers;
  headers.u8(255);
  for (std::size_t i = 0; i < 20; ++i) headers.u8(i).u16(10).u8(1).u8(0x10);
  return {fuzz::Script().u8(255), fuzz::Script().u8(9), headers,
          fuzz::Script().u8(255).u8(5).u16(16).u8(2).u8(0xff).u8(0x0f),
          fuzz::Script().u8(255).u8(1).u16(128).u8(8).raw(Bytes(8, 0xff))};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int fd = ::memfd_create("kith-fuzz", 0);
  static const std::string path = "/proc/self/fd/" + std::to_string(fd);
  fuzz::Input in(data, std::min<std::size_t>(size, 512));
  const Bytes bytes = damaged(in);
  KITH_ASSERT(::ftruncate(fd, 0) == 0);
  KITH_ASSERT(::pwrite(fd, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  const auto damage = find_page_damage(path);
  if (damage) {
    KITH_ASSERT(!damage->empty());
  } else if (!bytes.empty()) {
    use(path.c_str());
  }
  return 0;
}
