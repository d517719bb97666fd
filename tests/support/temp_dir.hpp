// TempDir: a directory of a test's own that goes with it; in memory where `memory` asks and there
// is such a place.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

namespace kith::test {

struct TempDir {
  explicit TempDir(bool memory = false) {
    std::error_code none;
    const std::filesystem::path shared = "/dev/shm";
    const bool in_memory = memory && std::filesystem::is_directory(shared, none);
    const auto base = in_memory ? shared : std::filesystem::temp_directory_path();
    std::string name = (base / "kith-test-XXXXXX").string();  // mkdtemp's pattern
    path = ::mkdtemp(name.data());
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  std::filesystem::path path;
};

}  // namespace kith::test
