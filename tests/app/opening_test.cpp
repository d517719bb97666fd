// What a start finds after one that was cut short.
#include "opening.hpp"

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
