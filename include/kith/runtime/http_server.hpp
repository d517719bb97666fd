// HttpServer: HTTP/1.1 on a unix socket and, when asked, on loopback TCP with a bearer token.
//
// It knows connections, limits and who may ask, and nothing of the API. What is malformed, too
// large, for another host or without the token is answered here; the handler sees the rest.
// Limits: 64 TCP and 256 unix connections, 16 KiB of header, 65 KiB of body, 30 s for a request to
// arrive, for a pause between two, and for a write to be taken. No CORS.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kith/base/address.hpp"
#include "kith/runtime/loop.hpp"

namespace kith::runtime {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;   // "GET"
  std::string target;   // raw, as sent: not decoded
  HttpHeaders headers;  // names in lower case
  std::string body;
  bool over_tcp = false;  // else the unix socket; authorized in both cases
  // First value of a header given in lower case, empty when absent.
  std::string_view header(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  HttpHeaders headers;
  std::string body;
};

// The way back for one request. Answer at any time later, on the loop, exactly once: send(), or
// start() and any number of write() and end(). Dropping it unanswered is a 500.
class HttpReply {
 public:
  static constexpr std::size_t stream_limit = 256 << 10;  // bytes queued for a slow reader

  virtual ~HttpReply() = default;
  virtual void send(HttpResponse response) = 0;
  // A body of unknown length; `head.body` is ignored.
  virtual void start(HttpResponse head) = 0;
  // False: not taken, because stream_limit is reached or the client is gone.
  virtual bool write(std::string_view bytes) = 0;
  virtual void end() = 0;
  // Called at most once, when the client hangs up before the end. Set it inside the handler.
  virtual void on_gone(std::function<void()> gone) = 0;
  // Called whenever the queue of a stream has run empty.
  virtual void on_drained(std::function<void()> drained) = 0;
};

struct HttpOptions {
  std::string socket_path;           // empty: none; its directory is made 0700 when missing
  std::optional<Endpoint> loopback;  // port 0: any
  std::string token;                 // asked for over TCP; never empty there
};

enum class HttpError : std::uint8_t {
  too_long,    // a unix socket path over 107 bytes (exit 2)
  not_local,   // the TCP address is not a loopback one (exit 2)
  in_use,      // another daemon answers there (exit 1)
  permission,  // exit 1
  failed,      // exit 1
};
struct HttpFailure {
  HttpError error;
  std::string message;  // one line
};

class HttpServer {
 public:
  using Handler = std::function<void(HttpRequest, std::shared_ptr<HttpReply>)>;

  static std::expected<std::unique_ptr<HttpServer>, HttpFailure> listen(Loop& loop,
                                                                        const HttpOptions& options,
                                                                        Handler handler);
  virtual ~HttpServer() = default;  // closes all connections, removes the socket

  virtual std::optional<Endpoint> loopback() const = 0;  // with the real port
  virtual std::size_t connections() const = 0;
  // No new connections; those that are idle close now, the others after their answer.
  virtual void drain() = 0;
};

}  // namespace kith::runtime
