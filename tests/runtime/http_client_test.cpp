#include "../../tools/kith/http_client.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <thread>

#include "kith/runtime/http_server.hpp"
#include "world.hpp"

using namespace kith;
using kith::test::TempDir;
using runtime::HttpReply;
using runtime::HttpRequest;
using tool::fetch;
using tool::FetchError;

namespace {

// A server on a thread of its own, since the client blocks.
struct Service {
  Service() {
    runtime::HttpOptions options;
    options.socket_path = address.socket_path;
    options.loopback = test::loopback();
    options.token = "token";
    auto made = runtime::HttpServer::listen(
        loop, options,
        [this](HttpRequest request, std::shared_ptr<HttpReply> reply) { handle(request, reply); });
    REQUIRE(made);
    server = std::move(*made);
    over_tcp.tcp = server->loopback();
    over_tcp.token = "token";
    thread = std::thread([this] { loop.run(); });
  }
  ~Service() {
    loop.stop();
    thread.join();
  }

  void handle(const HttpRequest& request, const std::shared_ptr<HttpReply>& reply) {
    if (request.target == "/silent") {
      held.push_back(reply);
    } else if (request.target == "/lines") {
      reply->start({200, "application/x-ndjson", {}, {}});
      reply->write("one\ntw");
      reply->write("o\n");
      // More than one read's worth, cut at odd places.
      std::string many;
      for (int i = 0; i < 3000; ++i) many += "line " + std::to_string(i) + "\n";
      reply->write(many);
      held.push_back(reply);
    } else {
      reply->send({request.method == "PUT" ? 206 : 200,
                   "text/plain",
                   {{"X-Kith-Exit", "6"}},
                   request.method + " " + request.body});
    }
  }

  TempDir dir;
  tool::ApiAddress address{(dir.path / "kith.sock").string(), {}, {}}, over_tcp;
  runtime::Loop loop;
  std::vector<std::shared_ptr<HttpReply>> held;
  std::unique_ptr<runtime::HttpServer> server;
  std::thread thread;
};

tool::Deadline in(int milliseconds) {
  return std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
}

// Accepts one connection and answers with `bytes`.
FetchError answered_by(const std::string& bytes) {
  TempDir dir;
  const tool::ApiAddress address{(dir.path / "s").string(), {}, {}};
  const runtime::Fd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  address.socket_path.copy(to.sun_path, sizeof to.sun_path);
  REQUIRE_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  REQUIRE_EQ(::listen(fd.get(), 1), 0);
  std::thread peer([&] {
    const runtime::Fd client(::accept(fd.get(), nullptr, nullptr));
    char request[1024];
    if (::recv(client.get(), request, sizeof request, 0) > 0)
      ::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  });
  const auto got = fetch(address, {"GET", "/", {}, {}}, in(5000));
  peer.join();
  REQUIRE_FALSE(got);
  return got.error().error;
}

}  // namespace

TEST_CASE("tool/http_client: asks over the socket and over TCP, large bodies too") {
  Service service;
  const auto got = fetch(service.address, {"GET", "/x", {{"X-Y", "z"}}, {}}, in(5000));
  REQUIRE(got);
  CHECK_EQ(got->status, 200);
  CHECK_EQ(got->body, "GET ");
  CHECK_EQ(got->header("x-kith-exit"), "6");
  const std::string large(65536, 'v');
  const auto put = fetch(service.over_tcp, {"PUT", "/x", {}, large}, in(5000));
  REQUIRE(put);
  CHECK_EQ(put->status, 206);
  CHECK_EQ(put->body, "PUT " + large);
  CHECK_EQ(fetch(service.address, {"PUT", "/x", {}, std::string(9 << 20, 'v')}, in(5000))->status,
           413);
  service.over_tcp.token = "wrong";
  CHECK_EQ(fetch(service.over_tcp, {"GET", "/x", {}, {}}, in(5000))->status, 401);
}

TEST_CASE("tool/http_client: lines come as they arrive, the reader may stop") {
  Service service;
  std::vector<std::string> lines;
  const auto got =
      fetch(service.address, {"GET", "/lines", {}, {}}, in(5000), [&](std::string_view line) {
        lines.emplace_back(line);
        return lines.size() < 3000;
      });
  REQUIRE(got);
  CHECK_EQ(got->status, 200);
  REQUIRE_EQ(lines.size(), 3000);
  CHECK_EQ(lines[0], "one");
  CHECK_EQ(lines[1], "two");
  CHECK_EQ(lines[2999], "line 2997");
}

TEST_CASE(
    "tool/http_client: silence is a timeout, no daemon unreachable, nonsense a protocol error") {
  Service service;
  CHECK_EQ(fetch(service.address, {"GET", "/silent", {}, {}}, in(50)).error().error,
           FetchError::timeout);
  CHECK_EQ(fetch({"/nonexistent/kith.sock", {}, {}}, {"GET", "/", {}, {}}, in(5000)).error().error,
           FetchError::unreachable);
  CHECK_EQ(answered_by(""), FetchError::closed);
  CHECK_EQ(answered_by("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"), FetchError::closed);
  CHECK_EQ(answered_by("SSH-2.0-OpenSSH\r\n\r\n"), FetchError::protocol);
}

TEST_CASE("tool/http_client: API URLs are loopback or unix") {
  CHECK_EQ(tool::parse_api_url("http://localhost:4750/")->tcp, test::loopback(4750));
  CHECK_EQ(tool::parse_api_url("http://[::1]:1")->tcp->port, 1);
  CHECK_EQ(tool::parse_api_url("unix:/run/kith.sock")->socket_path, "/run/kith.sock");
  for (const char* bad : {"https://localhost:1", "http://10.0.0.1:80", "http://localhost", "x", ""})
    CHECK_FALSE(tool::parse_api_url(bad));
}
