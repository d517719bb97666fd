#include <sys/stat.h>

#include <fstream>

#include "disk.hpp"

using namespace kith;
using kith::test::TempDir;
using storage::FileError;
using storage::read_file;
using storage::write_file;

TEST_CASE("storage/files: a file is replaced whole, with mode 0600 and nothing left beside it") {
  TempDir dir;
  const auto path = dir.path / "identity.key";
  CHECK(write_file(path, as_bytes("one")));
  CHECK(write_file(path, as_bytes("two!")));
  CHECK_EQ(to_text(*read_file(path, 100)), "two!");
  struct stat info{};
  REQUIRE_EQ(::stat(path.c_str(), &info), 0);
  CHECK_EQ(info.st_mode & 0777, 0600);
  CHECK_EQ(std::distance(std::filesystem::directory_iterator(dir.path), {}), 1);
}

TEST_CASE("storage/files: without overwrite an existing file stays as it is") {
  TempDir dir;
  const auto path = dir.path / "home.network";
  CHECK(write_file(path, as_bytes("one"), false));
  const auto again = write_file(path, as_bytes("two"), false);
  REQUIRE_FALSE(again);
  CHECK_EQ(again.error(), FileError::exists);
  CHECK_EQ(to_text(*read_file(path, 100)), "one");
  CHECK_EQ(std::distance(std::filesystem::directory_iterator(dir.path), {}), 1);
}

TEST_CASE("storage/files: what cannot be read or written says why") {
  TempDir dir;
  CHECK_EQ(read_file(dir.path / "none", 10).error(), FileError::missing);
  CHECK_EQ(read_file(dir.path, 10).error(), FileError::not_a_file);
  CHECK_EQ(write_file(dir.path / "none" / "file", as_bytes("x")).error(), FileError::missing);
  CHECK(write_file(dir.path / "long", as_bytes("12345")));
  CHECK_EQ(read_file(dir.path / "long", 4).error(), FileError::too_large);
  CHECK(read_file(dir.path / "long", 5));
  REQUIRE_EQ(::mkfifo((dir.path / "fifo").c_str(), 0600), 0);
  CHECK_EQ(read_file(dir.path / "fifo", 10).error(), FileError::not_a_file);
}

TEST_CASE("storage/files: temporary files that a crash left under our pid are no obstacle") {
  TempDir dir;
  const auto path = dir.path / "file";
  for (int i = 1; i < 100; ++i)
    std::ofstream(path.string() + "." + std::to_string(::getpid()) + "-" + std::to_string(i) +
                  ".tmp");
  REQUIRE(storage::write_file(path, as_bytes("one"), /*overwrite=*/false));
  CHECK_EQ(to_text(storage::read_file(path, 100).value()), "one");
}
