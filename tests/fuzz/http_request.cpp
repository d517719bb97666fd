// The HTTP server itself, on a unix socket: bytes in any pieces make the same requests, within the
// limits, from local hosts only; what comes back begins like HTTP and nothing stays behind.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "kith/runtime/fd.hpp"
#include "kith/runtime/http_server.hpp"
#include "target.hpp"
#include "temp_dir.hpp"

using namespace kith;
using namespace kith::runtime;

namespace {

class Server {
 public:
  Server() : path_((dir_.path / "http.sock").string()) {
    auto made = HttpServer::listen(loop_, {path_, std::nullopt, {}},
                                   [this](HttpRequest request, std::shared_ptr<HttpReply> reply) {
                                     handle(std::move(request), *reply);
                                   });
    KITH_ASSERT(made.has_value());
    server_ = std::move(*made);
  }

  // What the handler saw of these bytes, sent in pieces of these sizes.
  std::vector<std::string> run(ByteView bytes, ByteView pieces) {
    seen_.clear();
    Fd client = connect();
    std::string got;
    bool ended = false;
    const auto read = [&] {
      char buffer[4096];
      ssize_t n = 0;
      while ((n = ::recv(client.get(), buffer, sizeof buffer, 0)) > 0)
        got.append(buffer, static_cast<std::size_t>(n));
      ended = n == 0 || errno != EAGAIN;
      return ended;
    };
    for (std::size_t i = 0; !bytes.empty(); ++i) {
      const std::size_t wanted = i < pieces.size() ? pieces[i] + 1u : bytes.size();
      const ByteView part = bytes.first(std::min(wanted, bytes.size()));
      bytes = bytes.subspan(part.size());
      if (::send(client.get(), part.data(), part.size(), MSG_NOSIGNAL) < 0) break;
      settle();
    }
    ::shutdown(client.get(), SHUT_WR);
    loop_.run_until(read, seconds(5));
    KITH_ASSERT(ended);
    loop_.run_until([this] { return server_->connections() == 0; }, seconds(5));
    KITH_ASSERT(server_->connections() == 0);
    KITH_ASSERT(got.empty() || got.starts_with("HTTP/1."));
    return seen_;
  }

 private:
  void handle(HttpRequest request, HttpReply& reply) {
    KITH_ASSERT(!request.method.empty() && !request.target.empty() && !request.over_tcp);
    std::string all = request.method + " " + request.target;
    for (const auto& [name, value] : request.headers) {
      KITH_ASSERT(
          std::none_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; }));
      KITH_ASSERT((name + value).find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
      all += "|" + name + ":" + value;
    }
    KITH_ASSERT(all.size() <= (16 << 10) + 1024 && request.body.size() <= (65 << 10));
    KITH_ASSERT(request.header("host").find("evil") == std::string_view::npos);
    seen_.push_back(all + "|" + request.body);
    if (request.target == "/stream") {
      reply.start({200, "text/plain", {}, {}});
      reply.write("line\n");
      reply.end();
    } else if (request.target != "/drop") {
      reply.send({200, "text/plain", {}, "ok"});
    }
  }
  Fd connect() {
    Fd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    const auto* to = reinterpret_cast<const sockaddr*>(&address);
    KITH_ASSERT(::connect(client.get(), to, sizeof address) == 0);
    ::fcntl(client.get(), F_SETFL, O_NONBLOCK);
    return client;
  }
  void settle() {
    bool done = false;
    loop_.post([&] { done = true; });
    loop_.run_until([&] { return done; }, seconds(5));
  }

  test::TempDir dir_{true};
  std::string path_;
  Loop loop_;
  std::vector<std::string> seen_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  const std::string host = " HTTP/1.1\r\nHost: localhost\r\n";
  const auto seed = [](const std::string& text) {
    return fuzz::Script().chunk(Bytes{3, 20, 1}).raw(as_bytes(text));
  };
  return {seed("GET /v1/status" + host + "\r\n"),
          seed("PUT /v1/kv/k" + host + "Content-Length: 5\r\n\r\nhello"),
          seed("POST /x" + host + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
          seed("GET /stream" + host + "\r\nHEAD /a" + host + "\r\nGET /drop" + host + "\r\n"),
          seed("PUT /a" + host + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi"),
          seed("GET / HTTP/1.0\r\nHost: 127.0.0.1:80\r\n\r\n"),
          seed("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
          seed("GET /" + host + "Content-Length: 99999999\r\n\r\n")};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Server server;
  fuzz::Input in(data, size);
  const ByteView pieces = in.chunk(), bytes = in.rest();
  const auto whole = server.run(bytes, {});
  KITH_ASSERT(server.run(bytes, pieces) == whole);
  return 0;
}
