#include "http_client.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace kith::tool {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t line_limit = 1 << 20;
constexpr std::uint64_t body_limit = 64 << 20;  // of an answer; a guard, not an expectation
constexpr int busy_retry_ms = 5;  // a unix socket with a full backlog cannot be polled

// A connected socket that waits no longer than the deadline. Thrown inside this file only.
class Wire {
 public:
  Wire(const ApiAddress& address, std::optional<Deadline> deadline) : deadline_(deadline) {
    if (address.tcp)
      connect_tcp(*address.tcp);
    else
      connect_unix(address.socket_path);
  }
  ~Wire() {
    if (fd_ >= 0) ::close(fd_);
  }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // Stops early when the server no longer listens: its answer may say why.
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t put = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (put >= 0)
        bytes.remove_prefix(static_cast<std::size_t>(put));
      else if (errno == EAGAIN)
        await(POLLOUT);
      else if (errno != EINTR)
        return;
    }
  }

  // 0 at the end of the connection.
  std::size_t receive(char* to, std::size_t size) {
    for (;;) {
      const ssize_t got = ::recv(fd_, to, size, 0);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno == EAGAIN)
        await(POLLIN);
      else if (errno != EINTR)
        return 0;
    }
  }

 private:
  void connect_unix(const std::string& path) {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    if (path.size() >= sizeof to.sun_path)
      throw FetchFailure{FetchError::unreachable, path + " is longer than 107 bytes"};
    std::copy(path.begin(), path.end(), to.sun_path);
    make(AF_UNIX);
    connect(reinterpret_cast<const sockaddr*>(&to), sizeof to, path);
  }

  void connect_tcp(const Endpoint& endpoint) {
    const std::string name = to_string(endpoint);
    if (endpoint.ip.is_v4()) {
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_port = htons(endpoint.port);
      std::memcpy(&to.sin_addr, endpoint.ip.bytes.data() + 12, 4);
      make(AF_INET);
      connect(reinterpret_cast<const sockaddr*>(&to), sizeof to, name);
    } else {
      sockaddr_in6 to{};
      to.sin6_family = AF_INET6;
      to.sin6_port = htons(endpoint.port);
      std::memcpy(&to.sin6_addr, endpoint.ip.bytes.data(), 16);
      make(AF_INET6);
      connect(reinterpret_cast<const sockaddr*>(&to), sizeof to, name);
    }
  }

  void make(int family) {
    fd_ = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) fail(errno, "socket");
  }

  void connect(const sockaddr* to, socklen_t length, const std::string& name) {
    while (::connect(fd_, to, length) != 0) {
      if (errno == EAGAIN) {
        ::poll(nullptr, 0, std::min(busy_retry_ms, patience()));
        continue;
      }
      if (errno != EINPROGRESS) return fail(errno, name);
      await(POLLOUT);
      int code = 0;
      socklen_t size = sizeof code;
      ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &code, &size);
      if (code != 0) fail(code, name);
      return;
    }
  }

  [[noreturn]] static void fail(int code, const std::string& name) {
    const bool permission = code == EACCES || code == EPERM;
    throw FetchFailure{permission ? FetchError::permission : FetchError::unreachable,
                       name + ": " + std::generic_category().message(code)};
  }

  // Milliseconds that are left, rounded up; throws when none are.
  int patience() const {
    if (!deadline_) return -1;
    const auto left = *deadline_ - std::chrono::steady_clock::now();
    if (left <= left.zero()) throw FetchFailure{FetchError::timeout, "no answer in time"};
    const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    return static_cast<int>(std::min<std::int64_t>(rounded, 1'000'000));
  }

  void await(short events) const {
    pollfd state{fd_, events, 0};
    ::poll(&state, 1, patience());  // the caller tries again, whatever it says
  }

  std::optional<Deadline> deadline_;
  int fd_ = -1;
};

// Cuts what arrives into lines.
class Lines {
 public:
  explicit Lines(const OnLine& on_line) : on_line_(on_line) {}

  void take(std::string_view bytes) {
    while (!stopped_ && !bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      if (end == std::string_view::npos) {
        if (rest_.size() + bytes.size() > line_limit)
          throw FetchFailure{FetchError::protocol, "a line of the answer is too long"};
        rest_ += bytes;
        return;
      }
      rest_ += bytes.substr(0, end);
      bytes.remove_prefix(end + 1);
      stopped_ = !on_line_(rest_);
      rest_.clear();
    }
  }
  bool stopped() const { return stopped_; }

 private:
  const OnLine& on_line_;
  std::string rest_;
  bool stopped_ = false;
};

std::string to_wire(const ApiAddress& address, const Request& request) {
  std::string out = request.method + " " + request.target +
                    " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
  if (!address.token.empty()) out += "Authorization: Bearer " + address.token + "\r\n";
  if (!request.body.empty() || request.method == "PUT" || request.method == "POST")
    out += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  for (const auto& [name, value] : request.headers) out += name + ": " + value + "\r\n";
  return out + "\r\n" + request.body;
}

using Parser = http::response_parser<http::string_body>;

// Reads until the answer is complete or `lines` has had enough.
void read_answer(Wire& wire, Parser& parser, const Lines& lines) {
  std::string pending;
  std::array<char, 16384> buffer;
  boost::system::error_code error;
  while (!parser.is_done() && !lines.stopped()) {
    const std::size_t got = wire.receive(buffer.data(), buffer.size());
    if (got == 0) {
      if (parser.got_some()) parser.put_eof(error);
      if (parser.is_done()) return;
      throw FetchFailure{FetchError::closed, "the daemon closed the connection"};
    }
    pending.append(buffer.data(), got);
    // Bytes that are not a whole header or chunk line yet stay pending.
    std::size_t used = 1;
    while (used > 0 && !pending.empty() && !parser.is_done() && !lines.stopped()) {
      used = parser.put(boost::asio::buffer(pending), error);
      pending.erase(0, used);
      if (error == http::error::need_more) break;
      if (error) throw FetchFailure{FetchError::protocol, "malformed answer: " + error.message()};
    }
  }
}

Response to_response(Parser& parser) {
  auto message = parser.release();
  Response out;
  out.status = static_cast<int>(message.result_int());
  for (const auto& field : message) {
    std::string name(field.name_string());
    std::ranges::transform(name, name.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    out.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  out.body = std::move(message.body());
  return out;
}

}  // namespace

std::string_view Response::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return {};
}

std::optional<ApiAddress> parse_api_url(std::string_view url) {
  ApiAddress out;
  if (url.starts_with("unix:/")) {
    out.socket_path = std::string(url.substr(5));
    return out;
  }
  constexpr std::string_view scheme = "http://";
  if (!url.starts_with(scheme)) return std::nullopt;
  std::string place(url.substr(scheme.size()));
  if (place.ends_with('/')) place.pop_back();
  if (place.starts_with("localhost:")) place.replace(0, 9, "127.0.0.1");
  out.tcp = parse_endpoint(place);
  if (!out.tcp || !out.tcp->ip.is_loopback() || out.tcp->port == 0) return std::nullopt;
  return out;
}

std::expected<Response, FetchFailure> fetch(const ApiAddress& address, const Request& request,
                                            std::optional<Deadline> deadline,
                                            const OnLine& on_line) {
  try {
    Wire wire(address, deadline);
    wire.send(to_wire(address, request));
    Parser parser;
    parser.body_limit(on_line ? boost::none : boost::optional<std::uint64_t>(body_limit));
    parser.eager(true);
    parser.skip(request.method == "HEAD");
    Lines lines(on_line);
    auto on_chunk = [&](std::uint64_t, boost::beast::string_view bytes,
                        boost::system::error_code&) {
      lines.take({bytes.data(), bytes.size()});
      return bytes.size();
    };
    if (on_line) parser.on_chunk_body(on_chunk);
    read_answer(wire, parser, lines);
    return to_response(parser);
  } catch (const FetchFailure& failure) {
    return std::unexpected(failure);
  }
}

}  // namespace kith::tool
