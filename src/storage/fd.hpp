// Fd: an owned file descriptor, and reads and writes that are never short without saying so.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <utility>

#include "kith/base/bytes.hpp"

namespace kith::storage {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { reset(); }
  explicit operator bool() const { return fd_ >= 0; }
  int get() const { return fd_; }
  void reset() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

// False with errno set; errno 0 means the file ended first.
bool read_fully_at(int fd, std::uint64_t offset, MutableBytes out);
bool write_fully(int fd, ByteView bytes);
// The names in a directory are on disk when this returns 0 (else errno). Where a directory cannot
// be synced at all (some file systems) or is not ours to open, what the system does is all there
// is.
int sync_directory(const std::filesystem::path& directory);

}  // namespace kith::storage
