// The data directory: made 0700, locked by one daemon at a time, and how much room it has left.
#pragma once

#include "fd.hpp"
#include "kith/storage/storage.hpp"

namespace kith::storage {

// Holds `<directory>/lock` (flock, so a crash releases it); our pid stands in it for the next one.
class DirectoryLock {
 public:
  static std::expected<DirectoryLock, OpenFailure> take(const std::filesystem::path& directory);

 private:
  explicit DirectoryLock(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

// Bytes an unprivileged writer may still write there; 0 when the file system does not say.
std::uint64_t free_bytes(const std::filesystem::path& directory);

// One line: "cannot open PATH: Permission denied: give ...".
OpenFailure system_failure(int code, std::string_view what, const std::filesystem::path& path);

}  // namespace kith::storage
