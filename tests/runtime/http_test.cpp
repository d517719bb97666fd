#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <random>

#include "kith/runtime/http_server.hpp"
#include "world.hpp"

using namespace kith;
using kith::test::loopback;
using kith::test::TempDir;
using kith::test::wait;
using runtime::HttpError;
using runtime::HttpReply;
using runtime::HttpRequest;
using runtime::HttpServer;

namespace {

// A raw client: what it sends and gets are bytes.
struct Client {
  explicit Client(const std::string& path) : fd(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path);
    REQUIRE_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
  }
  explicit Client(const Endpoint& to) : fd(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(to.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
  }

  void send(const std::string& bytes) {
    ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  void pump() {
    char buffer[4096];
    ssize_t n;
    while ((n = ::recv(fd.get(), buffer, sizeof buffer, 0)) > 0)
      got.append(buffer, static_cast<std::size_t>(n));
    if (n == 0 || (n < 0 && errno != EAGAIN)) ended = true;
  }
  bool has(std::string_view what) {
    pump();
    return got.find(what) != std::string::npos;
  }
  int count(std::string_view what) {
    pump();
    int n = 0;
    for (std::size_t at = 0; (at = got.find(what, at)) != std::string::npos; ++at) ++n;
    return n;
  }

  runtime::Fd fd;
  std::string got;
  bool ended = false;
};

const std::string host = " HTTP/1.1\r\nHost: localhost\r\n";

struct Web {
  explicit Web(runtime::HttpOptions options = {}) {
    options.socket_path = path;
    auto made = HttpServer::listen(loop, options,
                                   [this](HttpRequest request, std::shared_ptr<HttpReply> reply) {
                                     handle(std::move(request), std::move(reply));
                                   });
    REQUIRE(made);
    server = std::move(*made);
  }

  void handle(HttpRequest request, std::shared_ptr<HttpReply> reply) {
    requests.push_back(request);
    if (request.target == "/stream") {
      reply->start({200, "application/x-ndjson", {}, {}});
      reply->on_gone([this] { ++gone; });
      held = reply;
    } else if (request.target == "/hold") {
      reply->on_gone([this] { ++gone; });
      held = reply;
    } else if (request.target != "/drop") {
      reply->send({200, "text/plain", {{"X-Kith-Exit", "0"}}, request.method + " " + request.body});
    }
  }

  // Sends one request on a new connection and returns all that comes until it ends.
  std::string once(const std::string& bytes) {
    Client client(path);
    client.send(bytes);
    CHECK(wait(loop, [&] { return client.pump(), client.ended; }));
    return client.got;
  }

  TempDir dir;
  std::string path = (dir.path / "run" / "kith.sock").string();
  runtime::Loop loop;
  std::vector<HttpRequest> requests;
  std::shared_ptr<HttpReply> held;
  int gone = 0;
  std::unique_ptr<HttpServer> server;
};

}  // namespace

TEST_CASE("runtime/http: a connection carries one request after the other, pipelined too") {
  Web web;
  Client client(web.path);
  client.send("PUT /v1/kv/a%2Fb?x=1" + host + "X-Kith-Test: Yes\r\nContent-Length: 5\r\n\r\nvalue");
  REQUIRE(wait(web.loop, [&] { return client.has("PUT value"); }));
  CHECK(client.has("X-Kith-Exit: 0"));
  CHECK_EQ(web.requests[0].target, "/v1/kv/a%2Fb?x=1");
  CHECK_EQ(web.requests[0].header("x-kith-test"), "Yes");
  CHECK_FALSE(web.requests[0].over_tcp);
  client.send("GET /a" + host + "\r\nGET /b" + host + "\r\n");
  REQUIRE(wait(web.loop, [&] { return client.count("HTTP/1.1 200") == 3; }));
  client.send("GET /last" + host + "Connection: close\r\n\r\n");
  REQUIRE(wait(web.loop, [&] { return client.pump(), client.ended; }));
  CHECK_EQ(client.count("HTTP/1.1 200"), 4);
}

TEST_CASE("runtime/http: any Host but this machine's is refused on every route") {
  Web web;
  for (const std::string name : {"evil.example", "localhost.evil.example", "localhost:80x",
                                 "127.0.0.2", "", "localhost:123456"})
    CHECK_NE(web.once("GET / HTTP/1.1\r\nHost: " + name + "\r\n\r\n").find("403 Forbidden"),
             std::string::npos);
  CHECK_NE(web.once("GET / HTTP/1.1\r\n\r\n").find("403 Forbidden"), std::string::npos);
  CHECK_NE(web.once("GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n").find(" 403 "),
           std::string::npos);
  CHECK(web.requests.empty());
  for (const std::string name : {"localhost", "LocalHost:4748", "127.0.0.1:1", "[::1]", "[::1]:99"})
    CHECK_NE(web.once("GET / HTTP/1.1\r\nConnection: close\r\nHost: " + name + "\r\n\r\n")
                 .find("200 OK"),
             std::string::npos);
}

TEST_CASE("runtime/http: too much and nonsense are answered, and the server lives on") {
  Web web;
  const std::string large(100'000, 'x');
  const auto has = [](const std::string& got, std::string_view what) {
    return got.find(what) != std::string::npos;
  };
  CHECK(has(web.once("PUT /k" + host + "Content-Length: 100000\r\n\r\n" + large), " 413 "));
  CHECK(has(web.once("PUT /k" + host + "Content-Length: 99999999999\r\n\r\n"), " 413 "));
  CHECK(has(web.once("PUT /k" + host + "Transfer-Encoding: chunked\r\n\r\n186a0\r\n" + large),
            " 413 "));
  CHECK(has(web.once("GET /" + host + "X: " + large + "\r\n\r\n"), " 431 "));
  CHECK(has(web.once("garbage\r\n\r\n"), " 400 "));
  CHECK(has(web.once(std::string("\x16\x03\x01\x02\x00\x01\x00", 7) + "\r\n\r\n"), " 400 "));
  CHECK(has(web.once("GET / HTTP/9.9\r\nHost: localhost\r\n\r\n"), " 400 "));
  CHECK(has(web.once("PUT /k" + host + "Content-Length: -1\r\n\r\n"), " 400 "));
  CHECK(has(web.once("PUT /k" + host + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
            " 400 "));
  CHECK(web.requests.empty());
  CHECK(has(web.once("PUT /k" + host + "Connection: close\r\nContent-Length: 65536\r\n\r\n" +
                     large.substr(0, 65536)),
            " 200 "));
  CHECK(has(web.once("GET /drop" + host + "Connection: close\r\n\r\n"), " 500 "));
  CHECK_EQ(web.server->connections(), 0);
}

TEST_CASE("runtime/http: mutated requests, cut anywhere, never stop the server") {
  Web web;
  const std::string good = "PUT /v1/kv/key" + host +
                           "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
                           "5\r\nvalue\r\n0\r\n\r\nGET /x" +
                           host + "\r\n";
  std::mt19937 chance(3);
  for (int round = 0; round < 400; ++round) {
    std::string bytes = good.substr(0, 1 + chance() % good.size());
    for (auto flips = chance() % 6; flips > 0; --flips)
      bytes[chance() % bytes.size()] = static_cast<char>(chance());
    Client client(web.path);
    client.send(bytes);
    test::settle(web.loop);
  }
  REQUIRE(wait(web.loop, [&] { return web.server->connections() == 0; }));
  CHECK_NE(web.once("GET / HTTP/1.1\r\nConnection: close\r\nHost: localhost\r\n\r\n").find(" 200 "),
           std::string::npos);
}

TEST_CASE("runtime/http: HEAD has a length and no body, an expected 100 is given") {
  Web web;
  const std::string head = web.once("HEAD /x" + host + "Connection: close\r\n\r\n");
  CHECK_NE(head.find("Content-Length: 5\r\n"), std::string::npos);
  CHECK_EQ(head.substr(head.size() - 4), "\r\n\r\n");
  Client client(web.path);
  client.send("PUT /k" + host + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  REQUIRE(wait(web.loop, [&] { return client.has("100 Continue"); }));
  client.send("ok");
  REQUIRE(wait(web.loop, [&] { return client.has("PUT ok"); }));
}

TEST_CASE("runtime/http: a stream sends lines as they come, and its end keeps the connection") {
  Web web;
  Client client(web.path);
  client.send("GET /stream" + host + "\r\n");
  REQUIRE(wait(web.loop, [&] { return client.has("chunked"); }));
  CHECK(web.held->write("{\"n\":1}\n"));
  REQUIRE(wait(web.loop, [&] { return client.has("8\r\n{\"n\":1}\n\r\n"); }));
  int drained = 0;
  web.held->on_drained([&] { ++drained; });
  CHECK(web.held->write("{\"n\":2}\n"));
  REQUIRE(wait(web.loop, [&] { return client.has("{\"n\":2}\n") && drained == 1; }));
  web.held->end();
  REQUIRE(wait(web.loop, [&] { return client.has("0\r\n\r\n"); }));
  CHECK_FALSE(web.held->write("late"));
  CHECK_EQ(web.gone, 0);
  client.send("GET /again" + host + "\r\n");
  REQUIRE(wait(web.loop, [&] { return client.has("GET "); }));
}

TEST_CASE("runtime/http: a slow reader's stream is bounded") {
  Web web;
  Client client(web.path);
  client.send("GET /stream" + host + "\r\n");
  REQUIRE(wait(web.loop, [&] { return web.held != nullptr; }));
  const std::string line(1000, 'x');
  int taken = 0;
  for (int i = 0; i < 10'000 && web.held->write(line); ++i) {
    ++taken;
    if (i % 16 == 0) test::settle(web.loop);
  }
  CHECK_GT(taken, 256);
  CHECK_LT(taken, 10'000);
}

TEST_CASE("runtime/http: a client that hangs up is noticed, waiting or streaming") {
  Web web;
  for (const std::string target : {"/hold", "/stream"}) {
    {
      Client client(web.path);
      client.send("GET " + target + host + "\r\n");
      REQUIRE(wait(web.loop, [&] { return web.held != nullptr; }));
    }
    const int before = web.gone;
    REQUIRE(wait(web.loop, [&] { return web.gone == before + 1; }));
    web.held->send({});  // too late: ignored
    CHECK_FALSE(web.held->write("x"));
    web.held.reset();
    REQUIRE(wait(web.loop, [&] { return web.server->connections() == 0; }));
  }
}

TEST_CASE("runtime/http: a client that only stopped writing still gets its answer") {
  Web web;
  Client client(web.path);
  client.send("GET /hold" + host + "\r\n");
  ::shutdown(client.fd.get(), SHUT_WR);
  REQUIRE(wait(web.loop, [&] { return web.held != nullptr; }));
  test::settle(web.loop);
  web.held->send({200, "text/plain", {}, "answered"});
  REQUIRE(wait(web.loop, [&] { return client.has("answered"); }));
}

TEST_CASE("runtime/http: over TCP the token is asked for") {
  runtime::HttpOptions options;
  options.loopback = loopback();
  options.token = "secret";
  Web web(options);
  const Endpoint at = web.server->loopback().value();
  for (const std::string token :
       {"", "Authorization: Bearer wrong\r\n", "Authorization: secret\r\n"}) {
    Client client(at);
    client.send("GET /x" + host + token + "\r\n");
    CHECK(wait(web.loop, [&] { return client.has(" 401 "); }));
  }
  CHECK(web.requests.empty());
  Client client(at);
  client.send("GET /x" + host + "Authorization: Bearer secret\r\n\r\n");
  CHECK(wait(web.loop, [&] { return client.has(" 200 "); }));
  CHECK(web.requests.at(0).over_tcp);
}

TEST_CASE("runtime/http: connections over the limit are shut, the others go on") {
  runtime::HttpOptions options;
  options.loopback = loopback();
  options.token = "secret";
  Web web(options);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 70; ++i)
    clients.push_back(std::make_unique<Client>(web.server->loopback().value()));
  REQUIRE(wait(web.loop, [&] {
    int shut = 0;
    for (auto& client : clients) client->pump(), shut += client->ended;
    return shut == 6;
  }));
  CHECK_EQ(web.server->connections(), 64);
}

TEST_CASE("runtime/http: draining closes idle connections and lets the others finish") {
  Web web;
  Client idle(web.path), busy(web.path);
  busy.send("GET /hold" + host + "\r\n");
  REQUIRE(wait(web.loop, [&] { return web.held != nullptr && web.server->connections() == 2; }));
  web.server->drain();
  REQUIRE(wait(web.loop, [&] { return idle.pump(), idle.ended; }));
  web.held->send({200, "text/plain", {}, "done"});
  REQUIRE(wait(web.loop, [&] { return busy.has("done") && busy.ended; }));
  CHECK_FALSE(std::filesystem::exists(web.path));
}

TEST_CASE("runtime/http: the socket is 0600; a stale one is replaced, a live one is an error") {
  Web web;
  struct stat info{};
  REQUIRE_EQ(::stat(web.path.c_str(), &info), 0);
  CHECK_EQ(info.st_mode & 0777, 0600);
  const auto open = [&](const std::string& path) {
    runtime::HttpOptions options;
    options.socket_path = path;
    return HttpServer::listen(web.loop, options, [](auto, auto) {});
  };
  CHECK_EQ(open(web.path).error().error, HttpError::in_use);
  CHECK_EQ(open("/tmp/" + std::string(110, 'x')).error().error, HttpError::too_long);
  CHECK_EQ(open("/proc/kith.sock").error().error != HttpError::in_use, true);

  const std::string stale = (web.dir.path / "stale.sock").string();
  {
    const runtime::Fd old(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    stale.copy(address.sun_path, sizeof address.sun_path);
    REQUIRE_EQ(::bind(old.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  CHECK(open(stale));
  runtime::HttpOptions outside;
  outside.loopback = Endpoint{IpAddress::v4(0, 0, 0, 0), 0};
  CHECK_EQ(HttpServer::listen(web.loop, outside, [](auto, auto) {}).error().error,
           HttpError::not_local);
}

TEST_CASE(
    "runtime/http: a client that stopped writing, or sent more, and then hangs up is noticed") {
  runtime::HttpOptions options;
  options.loopback = loopback();
  options.token = "secret";
  Web web(options);
  const std::string authorized = host + "Authorization: Bearer secret\r\n\r\n";
  for (const bool over_tcp : {false, true})
    for (const std::string target : {"/hold", "/stream"})
      for (const bool more : {false, true}) {
        if (over_tcp && !more) continue;  // there half an end is the end
        const int before = web.gone;
        {
          Client client = over_tcp ? Client(web.server->loopback().value()) : Client(web.path);
          client.send("GET " + target + authorized);
          REQUIRE(wait(web.loop, [&] { return web.held != nullptr; }));
          if (more)
            client.send("GET /next" + authorized);
          else
            ::shutdown(client.fd.get(), SHUT_WR);
          test::settle(web.loop);
          test::settle(web.loop);
          CHECK_EQ(web.gone, before);
        }
        CHECK(wait(web.loop, [&] { return web.gone == before + 1; }));
        web.held.reset();
        CHECK(wait(web.loop, [&] { return web.server->connections() == 0; }));
      }
}

TEST_CASE("runtime/http: an expected 100 is given in any case") {
  Web web;
  Client client(web.path);
  client.send("PUT /k" + host + "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n");
  REQUIRE(wait(web.loop, [&] { return client.has("100 Continue"); }));
  client.send("ok");
  REQUIRE(wait(web.loop, [&] { return client.has("PUT ok"); }));
}

TEST_CASE("runtime/http: the end of a server does not remove another one's socket") {
  Web first;
  REQUIRE_EQ(::unlink(first.path.c_str()), 0);
  runtime::HttpOptions options;
  options.socket_path = first.path;
  const auto second = HttpServer::listen(first.loop, options, [](auto, auto) {});
  REQUIRE(second);
  first.server.reset();
  CHECK(std::filesystem::exists(first.path));
}
