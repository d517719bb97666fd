// HTTP client of the command line: one request, one answer, one deadline; blocking.
//
// Plain sockets and poll, Beast only parses: no event loop to start, so the client costs nothing
// that shows in the 10 ms a command may take.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kith/base/address.hpp"

namespace kith::tool {

using Deadline = std::chrono::steady_clock::time_point;
using Headers = std::vector<std::pair<std::string, std::string>>;

// Where the daemon's API is: a unix socket, or loopback TCP with its bearer token.
struct ApiAddress {
  std::string socket_path;
  std::optional<Endpoint> tcp;  // else the unix socket
  std::string token;
};

// "http://127.0.0.1:4750", "http://localhost:4750", "unix:/run/kith/default.sock"; a trailing '/'
// is allowed. The token comes from elsewhere.
std::optional<ApiAddress> parse_api_url(std::string_view url);

struct Request {
  std::string method;  // "GET"
  std::string target;  // already encoded
  Headers headers;
  std::string body;
};

struct Response {
  int status = 0;
  Headers headers;                                       // names in lower case
  std::string body;                                      // without the lines that on_line got
  std::string_view header(std::string_view name) const;  // empty when absent
};

enum class FetchError {
  unreachable,  // nobody listens there: no daemon (exit 4)
  permission,   // the socket is somebody else's (exit 8)
  timeout,      // the deadline passed (exit 5)
  closed,       // the connection ended before the answer did: daemon shed it, stopped or died
  protocol,     // the answer is not HTTP
};
struct FetchFailure {
  FetchError error;
  std::string message;  // one line, without the exit code's word
};

// For streams (NDJSON): gets each line without its end, as it arrives; false stops, which is a
// success. Lines longer than 1 MiB are a protocol error.
using OnLine = std::function<bool(std::string_view line)>;

// `deadline`: none for a stream that is followed for ever. A request may have been carried out
// although the answer is a failure, except with unreachable and permission.
std::expected<Response, FetchFailure> fetch(const ApiAddress& address, const Request& request,
                                            std::optional<Deadline> deadline,
                                            const OnLine& on_line = {});

}  // namespace kith::tool
