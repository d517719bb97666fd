// TempDir: where targets that need a real file keep it; in memory where there is such a place.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "kith/base/bytes.hpp"

namespace kith::fuzz {

struct TempDir {
  TempDir() {
    std::error_code none;
    const std::filesystem::path memory = "/dev/shm";
    const auto base = std::filesystem::is_directory(memory, none)
                          ? memory
                          : std::filesystem::temp_directory_path();
    std::string name = (base / "kith-fuzz-XXXXXX").string();
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

inline void write_file(const std::filesystem::path& path, ByteView bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

}  // namespace kith::fuzz
