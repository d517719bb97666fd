#include "directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>

namespace kith::storage {
namespace {

std::string locked_by(int fd) {
  ByteArray<16> text{};
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  std::string pid;
  for (ssize_t i = 0; i < got; ++i) {
    const char c = static_cast<char>(text[static_cast<std::size_t>(i)]);
    if (c < '0' || c > '9') break;
    pid += c;
  }
  return pid.empty() ? "another process" : "process " + pid;
}

}  // namespace

std::error_code make_directories(const std::filesystem::path& directory) {
  const auto error = [](int code) { return std::error_code(code, std::generic_category()); };
  std::filesystem::path made, last;
  for (const auto& part : directory) {
    if (part.empty()) continue;
    const auto above = std::exchange(made, made / part);
    struct stat info{};
    const bool fresh = ::mkdir(made.c_str(), 0700) == 0;
    const int code = fresh ? 0 : errno;
    if (!fresh && code != EEXIST && ::stat(made.c_str(), &info) != 0)
      return error(code);  // EROFS and the like on one that exists are nothing
    if (fresh)
      if (const int unsynced = sync_directory(above)) return error(unsynced);
    last = above;
  }
  struct stat info{};
  if (::stat(directory.c_str(), &info) != 0) return error(errno);
  // Again for one that exists: who made it may have been killed before its name was on disk.
  return error(S_ISDIR(info.st_mode) ? sync_directory(last) : ENOTDIR);
}

OpenFailure system_failure(int code, std::string_view what, const std::filesystem::path& path) {
  const std::string where = std::string(what) + " " + path.string() + ": ";
  switch (code) {
    case EACCES:
    case EPERM:
    case EROFS:
    case ENOTDIR:
      return {OpenError::permission,
              where + std::strerror(code) + "; make it writable or choose another --data-dir"};
    case ENOSPC:
    case EDQUOT:
      return {OpenError::no_space, where + "no space left; 8 MiB are enough to start"};
    default:
      return {OpenError::io, where + std::strerror(code)};
  }
}

std::expected<DirectoryLock, OpenFailure> DirectoryLock::take(
    const std::filesystem::path& directory) {
  if (const std::error_code error = make_directories(directory))
    return std::unexpected(system_failure(error.value(), "cannot make", directory));
  const auto path = directory / "lock";
  // Never through a link: what it names is emptied below.
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return std::unexpected(system_failure(errno, "cannot open", path));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return std::unexpected(system_failure(errno, "cannot lock", path));
    return std::unexpected(
        OpenFailure{OpenError::locked, directory.string() + " is in use by " + locked_by(fd.get()) +
                                           "; stop it or choose another --instance"});
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  // The pid is a courtesy: a full disk must not keep an existing database closed.
  if (::ftruncate(fd.get(), 0) == 0 && !write_fully(fd.get(), as_bytes(pid))) errno = 0;
  return DirectoryLock(std::move(fd));
}

std::uint64_t free_bytes(const std::filesystem::path& directory) {
  struct statvfs info{};
  if (::statvfs(directory.c_str(), &info) != 0) return 0;
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

}  // namespace kith::storage
