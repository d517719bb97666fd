#include "http_socket.hpp"

#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "sockets.hpp"

namespace kith::runtime {
namespace {

constexpr int http_backlog = 128;

HttpFailure socket_failure(const std::string& what, int code) {
  const bool permission = code == EACCES || code == EPERM || code == EROFS;
  return {permission ? HttpError::permission : HttpError::failed, what + ": " + error_text(code)};
}

// Whether a new socket may take this path: frees it of a stale one.
std::optional<HttpFailure> clear_path(const sockaddr_un& address, const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return std::nullopt;
  if (!S_ISSOCK(info.st_mode))
    return HttpFailure{HttpError::failed, path + " exists and is not a socket; remove it"};
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int failed =
      ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0
          ? 0
          : errno;
  if (failed == 0 || failed == EAGAIN)  // EAGAIN: alive, with a full backlog
    return HttpFailure{HttpError::in_use, "another kithd answers on " + path +
                                              "; stop it or choose another --instance"};
  if (failed != ECONNREFUSED) return socket_failure("cannot use " + path, failed);
  if (::unlink(path.c_str()) != 0) return socket_failure("cannot replace " + path, errno);
  return std::nullopt;
}

}  // namespace

std::expected<Fd, HttpFailure> listen_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return std::unexpected(HttpFailure{
        HttpError::too_long, "socket path " + path + " is longer than 107 bytes; use --socket"});
  std::copy(path.begin(), path.end(), address.sun_path);
  const auto parent = std::filesystem::path(path).parent_path();
  if (!parent.empty()) ::mkdir(parent.c_str(), 0700);  // if it fails, bind says why
  if (auto failure = clear_path(address, path)) return std::unexpected(std::move(*failure));
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // On Linux the file takes the mode that the socket has: never open to others, not for a moment.
  if (!fd || ::fchmod(fd.get(), 0600) != 0 ||
      ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), 0600) != 0 || ::listen(fd.get(), http_backlog) != 0)
    return std::unexpected(socket_failure("cannot listen on " + path, errno));
  return fd;
}

std::expected<Fd, HttpFailure> listen_loopback(const Endpoint& endpoint) {
  const std::string name = to_string(endpoint);
  if (!endpoint.ip.is_loopback())
    return std::unexpected(
        HttpFailure{HttpError::not_local,
                    "--http " + name + " is not a loopback address; use 127.0.0.1 or [::1]"});
  Fd fd = make_socket(family_of(endpoint.ip), SOCK_STREAM);
  SocketAddress address = to_sockaddr(endpoint);
  if (!fd || !set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1) ||
      ::bind(fd.get(), address.get(), address.length) != 0 ||
      ::listen(fd.get(), http_backlog) != 0) {
    HttpFailure failure = socket_failure("cannot listen on " + name, errno);
    if (errno == EADDRINUSE) failure.error = HttpError::in_use;
    return std::unexpected(std::move(failure));
  }
  return fd;
}

bool host_is_local(std::string_view host) {
  for (const std::string_view name : {"localhost", "127.0.0.1", "[::1]"}) {
    const bool same = host.size() >= name.size() &&
                      std::equal(name.begin(), name.end(), host.begin(), [](char a, char b) {
                        return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b);
                      });
    if (!same) continue;
    const std::string_view rest = host.substr(name.size());
    if (rest.empty()) return true;
    return rest[0] == ':' && rest.size() >= 2 && rest.size() <= 6 &&
           std::ranges::all_of(rest.substr(1), [](char c) { return c >= '0' && c <= '9'; });
  }
  return false;
}

}  // namespace kith::runtime
