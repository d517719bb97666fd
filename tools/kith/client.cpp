#include "client.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "answers.hpp"
#include "kith/storage/storage.hpp"
#include "places.hpp"

namespace kith::tool {
namespace {

using std::chrono::milliseconds;
constexpr std::size_t token_limit = 4096;

std::optional<std::string> environment(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? std::optional<std::string>(value) : std::nullopt;
}

// Which daemon: exactly one of these is set.
struct Choice {
  std::optional<std::string> instance, socket, api;
};

Result<Choice, Problem> choose(const Arguments& arguments) {
  Choice out;
  int given = 0;
  const std::array<std::pair<const char*, std::optional<std::string>*>, 3> flags{
      {{"instance", &out.instance}, {"socket", &out.socket}, {"api", &out.api}}};
  for (const auto& [name, place] : flags)
    if (const std::string* value = arguments.find(name)) {
      *place = *value;
      ++given;
    }
  if (given > 1) return problem(exit_usage, "give one of --instance, --socket and --api");
  if (given == 1) return out;
  if (out.api = environment("KITH_API"); out.api) return out;
  if (out.socket = environment("KITH_SOCKET"); out.socket) return out;
  out.instance = environment("KITH_INSTANCE").value_or("default");
  return out;
}

Result<std::string, Problem> token_for(const Arguments& arguments) {
  const std::string* file = arguments.find("token-file");
  if (const auto token = environment("KITH_TOKEN"); token && !file) return *token;
  const std::string instance = environment("KITH_INSTANCE").value_or("default");
  const std::string path = file ? *file : (app::data_directory(instance) / "http.token").string();
  const auto bytes = storage::read_file(path, token_limit);
  if (!bytes) {
    const bool denied = bytes.error() == storage::FileError::permission;
    return problem(denied ? exit_permission : exit_failed, path + ": the API token cannot be read",
                   "name the file with --token-file, or put the token into KITH_TOKEN");
  }
  std::string token = to_text(*bytes);
  token.erase(token.find_last_not_of(" \r\n") + 1);
  if (token.find_first_of("\r\n") != std::string::npos)
    return problem(exit_usage, path + ": this is not an API token");
  return token;
}

Problem unanswered(const FetchFailure& failure, const std::string& how_to_start, bool read_only) {
  switch (failure.error) {
    case FetchError::unreachable:
      return {exit_unreachable, "no daemon answers at " + failure.message, how_to_start, {}};
    case FetchError::permission:
      return {exit_permission,
              failure.message,
              "the socket is its owner's alone: run kith as that user",
              {}};
    case FetchError::timeout:
      return {exit_timeout,
              "no answer from the daemon in time",
              "a longer --timeout, or kith status",
              {}};
    case FetchError::closed:
      return {exit_unreachable,
              failure.message,
              read_only ? "it stopped, or has too many connections; kith status tells"
                        : "it stopped meanwhile; what was asked for may have been done",
              {}};
    case FetchError::protocol:
      break;
  }
  return {exit_failed, failure.message, "is that kithd's API?", {}};
}

}  // namespace

bool valid_instance(std::string_view name) {
  return !name.empty() && name.size() <= 32 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

Result<Client, Problem> Client::make(const Arguments& arguments,
                                     std::optional<milliseconds> limit) {
  Client out;
  if (limit) out.deadline_ = std::chrono::steady_clock::now() + *limit;
  const auto choice = choose(arguments);
  if (!choice) return Failure<Problem>(choice.error());
  if (choice->api) {
    auto address = parse_api_url(*choice->api);
    if (!address)
      return problem(exit_usage,
                     "\"" + *choice->api + "\" is not the URL of a daemon on this machine",
                     "http://127.0.0.1:PORT or unix:/PATH");
    if (address->tcp) out.token_wanted_ = &arguments;
    out.addresses_ = {*std::move(address)};
    out.how_to_start_ = "start it: kithd --http ADDR:PORT";
  } else if (choice->socket) {
    out.addresses_ = {{*choice->socket, std::nullopt, {}}};
    out.how_to_start_ = "start it: kithd --socket " + *choice->socket;
  } else {
    if (!valid_instance(*choice->instance))
      return problem(exit_usage, "\"" + *choice->instance + "\" is not an instance",
                     "1 to 32 of a-z 0-9 _ -");
    for (const auto& path : app::socket_candidates(*choice->instance))
      out.addresses_.push_back({path.string(), std::nullopt, {}});
    const bool standard = *choice->instance == "default";
    out.how_to_start_ =
        "start it: kithd" + (standard ? std::string() : " --instance " + *choice->instance);
  }
  return out;
}

Result<Response, Problem> Client::ask(Request request, const OnLine& on_line) const {
  std::optional<FetchFailure> failure;
  for (ApiAddress address : addresses_) {
    if (token_wanted_) {  // asked for each time: the daemon may make it while `wait` waits
      const auto token = token_for(*token_wanted_);
      if (!token) return Failure<Problem>(token.error());
      address.token = *token;
    }
    const auto answer = fetch(address, request, deadline_, on_line);
    if (answer) {
      const int exit = exit_of(answer->header("x-kith-exit"), answer->status);
      if (exit == exit_ok) return *answer;
      // A value is never taken for an error object, whatever its bytes are.
      if (answer->header("content-type").starts_with("application/json"))
        if (auto error = parse_error(answer->body)) return Failure<Problem>(*std::move(error));
      if (answer->status < 300) return *answer;  // a value without a read quorum
      return problem(exit,
                     "the daemon answered with HTTP status " + std::to_string(answer->status));
    }
    // A place that is not ours to look at, or is empty, does not hide the next one.
    const FetchError error = answer.error().error;
    if (error != FetchError::unreachable && error != FetchError::permission)
      return Failure<Problem>(unanswered(answer.error(), how_to_start_, request.method == "GET"));
    if (!failure || error == FetchError::permission) failure = answer.error();
  }
  return Failure<Problem>(unanswered(*failure, how_to_start_, request.method == "GET"));
}

std::string Client::time_left() const {
  if (!deadline_) return {};
  const auto left =
      std::chrono::duration_cast<milliseconds>(*deadline_ - std::chrono::steady_clock::now());
  const auto margin = std::min(left / 10, milliseconds(250));
  return std::to_string(std::max<std::int64_t>(1, (left - margin).count())) + "ms";
}

bool Client::pause(milliseconds at_most) const {
  auto wait = at_most;
  if (deadline_) {
    const auto left =
        std::chrono::ceil<milliseconds>(*deadline_ - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    wait = std::min(wait, left);
  }
  ::poll(nullptr, 0, static_cast<int>(wait.count()));
  return true;
}

int Client::daemon_process() const {
  for (const ApiAddress& address : addresses_) {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    if (address.tcp || address.socket_path.size() >= sizeof to.sun_path) continue;
    std::ranges::copy(address.socket_path, to.sun_path);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ucred peer{};
    socklen_t size = sizeof peer;
    const bool known = ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 &&
                       ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid > 0;
    if (fd >= 0) ::close(fd);
    if (known) return static_cast<int>(::syscall(SYS_pidfd_open, peer.pid, 0));
  }
  return -1;
}

}  // namespace kith::tool
