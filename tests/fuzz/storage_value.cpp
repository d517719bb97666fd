// Values as LMDB holds them: whatever the stored bytes are, only what carries the checksum of this
// table, key and value is served; a bad one can be moved aside.
#include "environment.hpp"
#include "target.hpp"
#include "temp_dir.hpp"

using namespace kith;
using namespace kith::storage;

namespace {

constexpr std::size_t checksum_size = 16;

const Environment& environment() {
  static const test::TempDir dir(true);
  static const std::unique_ptr<Environment> opened = [] {
    Options options;
    options.directory = dir.path;
    options.map_bytes = 16 << 20;
    auto made = Environment::open(options);
    KITH_ASSERT(made.has_value());
    return std::move(*made);
  }();
  return *opened;
}

void put_raw(const Transaction& txn, Table table, ByteView key, ByteView stored) {
  MDB_dbi dbi = 0;
  KITH_ASSERT(mdb_dbi_open(txn.get(), table == Table::record ? "record" : "meta", 0, &dbi) == 0);
  MDB_val name{key.size(), const_cast<Byte*>(key.data())};
  MDB_val data{stored.size(), const_cast<Byte*>(stored.data())};
  KITH_ASSERT(mdb_put(txn.get(), dbi, &name, &data, 0) == 0);
}

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  const Bytes written = *from_hex("84b71a410e8f4f8ebb748c5982b80f4e6869");  // FORMAT.md's example
  return {fuzz::Script().u8(1).chunk(as_bytes("a")).long_chunk(written),
          fuzz::Script().u8(0).chunk(as_bytes("a")).long_chunk(written),
          fuzz::Script().u8(0).chunk(as_bytes("k")).long_chunk(Bytes(15))};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  const Table table = in.flip() ? Table::meta : Table::record;
  Bytes key = fuzz::copy(in.take(in.u8() % 65));
  if (key.empty()) key.push_back(0);
  const ByteView stored = in.long_chunk();

  const Environment& env = environment();
  const Transaction txn(env.env(), 0);  // aborted: the next input starts from nothing
  KITH_ASSERT(txn.status() == 0);
  put_raw(txn, table, key, stored);
  ByteView value;
  const auto found = env.get(txn, table, key, value);
  KITH_ASSERT(found != Environment::Found::no);
  const Bytes held = fuzz::copy(found == Environment::Found::yes ? value : stored);
  if (found == Environment::Found::yes)
    KITH_ASSERT(equal(value, stored.subspan(checksum_size)));
  else
    KITH_ASSERT(env.quarantine(txn, table, key) == 0);

  std::size_t entries = 0;
  env.each(txn, table, [&](ByteView, ByteView, bool good) { entries += good; });
  KITH_ASSERT(entries == (found == Environment::Found::yes ? 1 : 0));

  KITH_ASSERT(env.put(txn, table, key, held) == 0);
  KITH_ASSERT(env.get(txn, table, key, value) == Environment::Found::yes && equal(value, held));
  KITH_ASSERT(env.remove(txn, table, key) == 0);
  KITH_ASSERT(env.get(txn, table, key, value) == Environment::Found::no);
  return 0;
}
