#include "disk.hpp"

using namespace kith;
using kith::test::Disk;
using kith::test::options;
using kith::test::TempDir;
using kith::test::text;
using storage::OpenError;

TEST_CASE("storage: what was persisted is loaded, and after a restart too") {
  TempDir dir;
  {
    Disk disk(options(dir.path / "new" / "data"));
    REQUIRE_FALSE(disk.failure);
    CHECK(disk.stored(disk.persist("a", "one")));
    CHECK(disk.stored(disk.persist("a", "two")));
    CHECK(disk.stored(disk.persist("a", "meta", Table::meta)));
    CHECK(disk.stored(disk.persist("empty", "")));
    CHECK_EQ(disk.value(disk.load("a")), "two");
    CHECK_EQ(disk.value(disk.load("a", Table::meta)), "meta");
    CHECK_EQ(disk.value(disk.load("empty")), "");
    CHECK_EQ(disk.storage->stats().entries, 2);
  }
  Disk disk(options(dir.path / "new" / "data"));
  CHECK_EQ(disk.value(disk.load("a")), "two");
  CHECK_EQ(disk.value(disk.load("empty")), "");
  CHECK_EQ(disk.value(disk.load("b")), std::nullopt);
  CHECK(disk.stored(disk.forget("a")));
  CHECK(disk.stored(disk.forget("never there")));
  CHECK_EQ(disk.value(disk.load("a")), std::nullopt);
  CHECK_EQ(disk.storage->stats().entries, 1);
}

TEST_CASE("storage: closing commits what was accepted") {
  TempDir dir;
  {
    Disk disk(options(dir.path));
    for (int i = 0; i < 500; ++i) disk.persist("key" + std::to_string(i), "value");
  }
  Disk disk(options(dir.path));
  CHECK_EQ(disk.storage->stats().entries, 500);
}

TEST_CASE("storage: settling waits for all that was submitted") {
  TempDir dir;
  Disk disk(options(dir.path));
  for (int i = 0; i < 500; ++i) disk.persist("key" + std::to_string(i), "value");
  disk.storage->settle();
  std::size_t answered = 0;
  disk.storage->poll([&](const storage::Answer& answer) {
    answered += std::holds_alternative<Persisted>(answer);
  });
  CHECK_EQ(answered, 500);
}

TEST_CASE("storage: queued writes share a transaction") {
  TempDir dir;
  Disk disk(options(dir.path));
  Token last;
  for (int i = 0; i < 640; ++i) last = disk.persist("key" + std::to_string(i), "value");
  CHECK(disk.stored(last));
  const auto stats = disk.storage->stats();
  CHECK_EQ(stats.writes, 640);
  CHECK_GE(stats.commits, 10);  // at most 64 each
  CHECK_LT(stats.commits, 320);
}

TEST_CASE("storage: scan gives a table's entries in key order") {
  TempDir dir;
  Disk disk(options(dir.path));
  for (const char* key : {"b", "c", "a"}) CHECK(disk.stored(disk.persist(key, "v")));
  CHECK(disk.stored(disk.persist("other", "v", Table::meta)));
  std::string seen;
  disk.storage->scan(Table::record, [&](ByteView key, ByteView value) {
    seen += to_text(key) + "=" + to_text(value) + " ";
  });
  CHECK_EQ(seen, "a=v b=v c=v ");
}

TEST_CASE("storage: a queue over its bound refuses, and answers every order once") {
  TempDir dir;
  Disk disk(options(dir.path));
  const Buffer large = Buffer(Bytes(1 << 20, 1));
  std::vector<Token> tokens;
  for (int i = 0; i < 40; ++i) tokens.push_back(disk.persist("k" + std::to_string(i % 4), large));
  int busy = 0;
  for (const Token token : tokens) {
    const auto refusal = disk.refused(token);
    if (refusal) CHECK_EQ(*refusal, DiskRefusal::busy);
    busy += refusal.has_value();
  }
  CHECK_GT(busy, 0);
  CHECK_LT(busy, 40);
  CHECK(disk.stored(disk.persist("after", "all")));
}

TEST_CASE("storage: over the quota writes are refused, forgetting makes room again") {
  TempDir dir;
  auto small = options(dir.path);
  small.map_bytes = 4 << 20;
  Disk disk(small);
  const Buffer value = Buffer(Bytes(64 << 10, 1));
  const int held = disk.fill_up();
  CHECK_GT(held, 40);
  CHECK_EQ(disk.refused(disk.persist("more", value)), DiskRefusal::full);
  CHECK_EQ(disk.value(disk.load("k0"))->size(), 64 << 10);
  CHECK_FALSE(disk.storage->stats().failed);
  for (int i = 0; i < held; ++i) CHECK(disk.stored(disk.forget("k" + std::to_string(i))));
  CHECK(disk.stored(disk.persist("more", value)));
}

TEST_CASE("storage: at the quota a value still gives way to a smaller one, and facts are kept") {
  TempDir dir;
  auto small = options(dir.path);
  small.map_bytes = 4 << 20;
  Disk disk(small);
  int held = disk.fill_up();
  while (disk.stored(disk.persist("s" + std::to_string(held), Buffer(Bytes(1000, 1))))) ++held;
  CHECK_EQ(disk.refused(disk.persist("new", Buffer(Bytes(1000, 1)))), DiskRefusal::full);
  // A deletion is a tombstone in the place of the value: the one way in which a user makes room.
  CHECK_EQ(disk.refused(disk.persist("k0", "tombstone")), std::nullopt);
  CHECK_EQ(disk.refused(disk.persist("k1", std::string(70 << 10, 'x'))), DiskRefusal::full);
  CHECK_EQ(disk.refused(disk.persist("incarnation", "12345678", Table::meta)), std::nullopt);
}

TEST_CASE("storage: a link in the place of the lock empties nobody's file") {
  TempDir dir;
  write_all(dir.path / "precious", "do not lose me");
  std::filesystem::create_directory(dir.path / "data");
  std::filesystem::create_symlink(dir.path / "precious", dir.path / "data" / "lock");
  const Disk disk(options(dir.path / "data"));
  CHECK_EQ(read_all(dir.path / "precious"), "do not lose me");
}

TEST_CASE("storage: an adopted network without its records counts none") {
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

TEST_CASE("storage: a locked, foreign or newer directory says so") {
  TempDir dir;
  {
    Disk disk(options(dir.path));
    Disk second(options(dir.path));
    REQUIRE(second.failure);
    CHECK_EQ(second.failure->error, OpenError::locked);
    CHECK_NE(second.failure->message.find("process " + std::to_string(::getpid())),
             std::string::npos);
  }
  auto foreign = options(dir.path);
  foreign.network.bytes[0] = 1;
  CHECK_EQ(Disk(foreign).failure.value().error, OpenError::foreign_network);
  foreign = options(dir.path);
  foreign.node.bytes[0] = 1;
  CHECK_EQ(Disk(foreign).failure.value().error, OpenError::foreign_node);
  CHECK_FALSE(Disk(options(dir.path)).failure);
}

TEST_CASE("storage: the network changes only while no record is held, or by force") {
  TempDir dir;
  NetworkId other;
  other.bytes.fill(1);
  auto adopted = options(dir.path);
  adopted.network = other;
  {
    Disk disk(options(dir.path));
    CHECK(disk.stored(disk.persist("fact", "x", Table::meta)));
    CHECK(disk.storage->change_network(other, false));
  }
  {
    Disk disk(adopted);
    REQUIRE_FALSE(disk.failure);
    disk.persist("record", "x");
    CHECK_FALSE(disk.storage->change_network(options(dir.path).network, false));
    CHECK(disk.storage->change_network(options(dir.path).network, true));
  }
  CHECK_FALSE(Disk(options(dir.path)).failure);
}

TEST_CASE("storage: a changed network comes after what was submitted and forgets the old one's") {
  TempDir dir;
  NetworkId other;
  other.bytes.fill(1);
  auto adopted = options(dir.path);
  adopted.network = other;
  {
    Disk disk(options(dir.path));
    for (int i = 0; i < 300; ++i) disk.persist("synced", std::to_string(i), Table::meta);
    disk.persist("kept", "x", Table::meta);
    CHECK(disk.storage->change_network(other, false, "synced"));
    CHECK_EQ(disk.value(disk.load("synced", Table::meta)), std::nullopt);
  }
  Disk disk(adopted);
  REQUIRE_FALSE(disk.failure);
  CHECK_EQ(disk.value(disk.load("synced", Table::meta)), std::nullopt);
  CHECK_EQ(disk.value(disk.load("kept", Table::meta)), "x");
}
