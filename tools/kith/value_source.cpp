#include "value_source.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "kith/wire/constants.hpp"

namespace kith::tool {
namespace {

Failure<Problem> too_large(const std::string& what) {
  return problem(exit_usage,
                 what + " has more than " + std::to_string(wire::value_limit) + " bytes",
                 "that is the most a value may have; cut it into several keys");
}

// False: nothing arrived until the deadline.
bool await_input(int fd, std::optional<Deadline> deadline) {
  for (;;) {
    int patience = -1;
    if (deadline) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(
          *deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0) return false;
      patience = static_cast<int>(std::min<std::int64_t>(left.count(), 1'000'000));
    }
    pollfd state{fd, POLLIN, 0};
    if (::poll(&state, 1, patience) != 0) return true;
  }
}

Result<std::string, Problem> read_all(int fd, const std::string& what,
                                      std::optional<Deadline> deadline) {
  std::string out;
  std::array<char, 16384> buffer;
  for (;;) {
    if (!await_input(fd, deadline))
      return problem(exit_timeout, what + " has not ended in time", "a longer --timeout");
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got == 0) return out;
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return problem(exit_failed, what + ": " + std::generic_category().message(errno));
    out.append(buffer.data(), static_cast<std::size_t>(got));
    if (out.size() > wire::value_limit) return too_large(what);
  }
}

}  // namespace

Result<ValueSource, Problem> value_source(const std::string* written, bool stdin_is_terminal) {
  using Kind = ValueSource::Kind;
  if (!written && stdin_is_terminal)
    return problem(exit_usage, "no VALUE, and stdin is a terminal",
                   "give VALUE, @FILE, or - to type it");
  if (!written || *written == "-") return ValueSource{Kind::standard_input, ""};
  if (written->starts_with('@')) return ValueSource{Kind::file, written->substr(1)};
  return ValueSource{Kind::text, *written};
}

Result<std::string, Problem> read_value(const ValueSource& source,
                                        std::optional<Deadline> deadline) {
  if (source.kind == ValueSource::Kind::standard_input)
    return read_all(STDIN_FILENO, "stdin", deadline);
  if (source.kind == ValueSource::Kind::text) {
    if (source.text.size() > wire::value_limit) return too_large("the value");
    return source.text;
  }
  // A pipe without a writer must not hang us: it is waited for as long as there is time.
  const int fd = ::open(source.text.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0)
    return problem(exit_failed, source.text + ": " + std::generic_category().message(errno));
  auto value = read_all(fd, source.text, deadline);
  ::close(fd);
  return value;
}

}  // namespace kith::tool
