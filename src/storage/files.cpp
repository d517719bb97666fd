// Small files: write-temp, fsync, rename, fsync directory; so a crash leaves the old or the new
// one.
#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <cstdio>

#include "fd.hpp"
#include "kith/storage/storage.hpp"

namespace kith::storage {

bool read_fully_at(int fd, std::uint64_t offset, MutableBytes out) {
  while (!out.empty()) {
    const ssize_t got = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) errno = 0;
    if (got <= 0) return false;
    out = out.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return true;
}

bool write_fully(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
  return true;
}

int sync_directory(const std::filesystem::path& directory) {
  const Fd fd(
      ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return errno == EACCES ? 0 : errno;
  return ::fsync(fd.get()) == 0 || errno == EINVAL ? 0 : errno;
}

namespace {

FileError file_error(int code) {
  switch (code) {
    case ENOENT:
    case ENOTDIR:
      return FileError::missing;
    case EACCES:
    case EPERM:
    case EROFS:
      return FileError::permission;
    case ENOSPC:
    case EDQUOT:
      return FileError::no_space;
    case EEXIST:
      return FileError::exists;
    default:
      return FileError::io;
  }
}

// Moves the finished temporary file to its name. rename replaces, link does not; where there are no
// links (FAT) a rename that does not replace is asked for, which older file systems do not know.
bool publish(const std::string& temporary, const std::filesystem::path& path, bool overwrite) {
  if (overwrite) return ::rename(temporary.c_str(), path.c_str()) == 0;
  if (::link(temporary.c_str(), path.c_str()) == 0) {
    ::unlink(temporary.c_str());
    return true;
  }
  if (errno != EPERM && errno != EOPNOTSUPP) return false;
  return ::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0;
}

// A temporary file beside `path`, and its name. One name a write, and never one that exists: a
// crash may have left some of a process that had our pid.
Fd make_temporary(const std::filesystem::path& path, std::string& name) {
  static std::atomic<unsigned> counter{0};
  constexpr int attempts = 1000;
  Fd fd;
  for (int i = 0; i < attempts && !fd; ++i) {
    name =
        path.string() + "." + std::to_string(::getpid()) + "-" + std::to_string(++counter) + ".tmp";
    fd = Fd(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd && errno != EEXIST) break;
  }
  return fd;
}

}  // namespace

Result<Bytes, FileError> read_file(const std::filesystem::path& path, std::size_t limit) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));  // a fifo must not hang us
  if (!fd) return fail(file_error(errno));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return fail(file_error(errno));
  if (!S_ISREG(info.st_mode)) return fail(FileError::not_a_file);
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size > limit) return fail(FileError::too_large);
  Bytes contents(size);
  if (!read_fully_at(fd.get(), 0, contents)) return fail(FileError::io);
  return contents;
}

Result<void, FileError> write_file(const std::filesystem::path& path, ByteView contents,
                                   bool overwrite) {
  std::string temporary;
  const Fd fd = make_temporary(path, temporary);
  if (!fd) return fail(file_error(errno));
  if (!write_fully(fd.get(), contents) || ::fsync(fd.get()) != 0 ||
      !publish(temporary, path, overwrite)) {
    const FileError error = file_error(errno);
    ::unlink(temporary.c_str());
    return fail(error);
  }
  if (const int code = sync_directory(path.parent_path())) return fail(file_error(code));
  return {};
}

}  // namespace kith::storage
