// Seeds on disk: DIRECTORY/seed-N.
#pragma once

#include <filesystem>
#include <fstream>

#include "target.hpp"

namespace kith::fuzz {

inline void write_seeds(const Seeds& seeds, const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    std::ofstream file(directory / ("seed-" + std::to_string(i)), std::ios::binary);
    file.write(reinterpret_cast<const char*>(seeds[i].data()),
               static_cast<std::streamsize>(seeds[i].size()));
  }
}

}  // namespace kith::fuzz
