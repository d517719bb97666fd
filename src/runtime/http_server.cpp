// One coroutine a connection: read a request, hand it over, wait, write the answer, again.
#include "kith/runtime/http_server.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <set>

#include "asio.hpp"
#include "http_exchange.hpp"
#include "http_socket.hpp"
#include "kith/crypto/hash.hpp"
#include "sockets.hpp"
#include "watch.hpp"

namespace kith::runtime {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using Error = boost::system::error_code;

constexpr std::size_t tcp_limit = 64, unix_limit = 256;
constexpr std::uint32_t header_limit = 16 << 10;
constexpr std::uint64_t body_limit = 65 << 10;  // the largest value, and slack for JSON around it
constexpr std::size_t discard_limit = 1 << 20;  // of a refused body, so that the answer arrives
constexpr auto patience = std::chrono::seconds(30);
constexpr auto discard_patience = std::chrono::seconds(1);
constexpr auto look_pause = std::chrono::seconds(1);  // at a client that could not be waited for
constexpr Duration http_accept_pause = milliseconds(250);

class Connection;

// What outlives the server while connections still unwind.
struct Core {
  asio::io_context& context;
  HttpServer::Handler handler;
  std::string token;
  std::set<Connection*> connections;
  bool draining = false;
  std::size_t over_tcp = 0, over_unix = 0;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Stream = beast::basic_stream<asio::generic::stream_protocol>;

  Connection(std::shared_ptr<Core> core, Stream::socket_type socket, bool over_tcp)
      : core_(std::move(core)),
        stream_(std::move(socket)),
        next_look_(core_->context),
        over_tcp_(over_tcp) {
    core_->connections.insert(this);
    ++(over_tcp_ ? core_->over_tcp : core_->over_unix);
  }
  ~Connection() {
    core_->connections.erase(this);
    --(over_tcp_ ? core_->over_tcp : core_->over_unix);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // `self` keeps the connection for as long as the coroutine lives.
  static asio::awaitable<void> serve(std::shared_ptr<Connection> self) {
    while (co_await self->serve_one()) {
    }
    Error ignored;
    self->stream_.socket().shutdown(Stream::socket_type::shutdown_both, ignored);
    self->stream_.close();
  }

  void close() {
    if (exchange_) exchange_->hang_up();
    stream_.close();
  }
  bool idle() const { return idle_; }

 private:
  using Parser = http::request_parser<http::string_body>;

  // False when the connection is to be closed.
  asio::awaitable<bool> serve_one() {
    if (core_->draining) co_return false;
    Parser parser;
    parser.header_limit(header_limit);
    parser.body_limit(body_limit);
    Error error;
    idle_ = true;
    stream_.expires_after(patience);
    co_await http::async_read_header(stream_, buffer_, parser,
                                     asio::redirect_error(asio::use_awaitable, error));
    idle_ = false;
    if (error) co_return co_await malformed(error);
    const std::optional<HttpResponse> refused = authorize(parser.get());
    if (refused) co_return co_await refuse(*refused);
    if (beast::iequals(parser.get()[http::field::expect], "100-continue") && !parser.is_done()) {
      co_await asio::async_write(stream_, asio::buffer(continue_line),
                                 asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return false;
    }
    co_await http::async_read(stream_, buffer_, parser,
                              asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return co_await malformed(error);
    if (!core_->handler) co_return false;  // the server went away meanwhile

    keep_alive_ = parser.get().keep_alive();
    version_ = parser.get().version();
    head_only_ = parser.get().method() == http::verb::head;
    const auto exchange = std::make_shared<Exchange>();
    exchange_ = exchange;
    watch_for_hangup(exchange);
    core_->handler(take(parser), make_reply(exchange));
    const bool go_on = co_await answer(exchange);
    stream_.socket().cancel(error);  // the watch
    next_look_.cancel();
    exchange_.reset();
    co_return go_on&& keep_alive_;
  }

  // nullopt: may go on.
  std::optional<HttpResponse> authorize(const http::request<http::string_body>& request) const {
    if (request.count(http::field::host) != 1 || !host_is_local(request[http::field::host]))
      return refusal(403, 8, "permission", "Host must be localhost, 127.0.0.1 or [::1]");
    if (!over_tcp_) return std::nullopt;
    const std::string_view given = request[http::field::authorization];
    const std::string wanted = "Bearer " + core_->token;
    if (!core_->token.empty() && crypto::same_secret(as_bytes(given), as_bytes(wanted)))
      return std::nullopt;
    return refusal(401, 8, "permission", "the bearer token is missing or wrong");
  }

  HttpRequest take(Parser& parser) const {
    auto message = parser.release();
    HttpRequest out;
    out.method = std::string(message.method_string());
    out.target = std::string(message.target());
    for (const auto& field : message) {
      std::string name(field.name_string());
      for (char& c : name)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
      out.headers.emplace_back(std::move(name), std::string(field.value()));
    }
    out.body = std::move(message.body());
    out.over_tcp = over_tcp_;
    return out;
  }

  // --- answering --------------------------------------------------------------------------------

  asio::awaitable<bool> answer(std::shared_ptr<Exchange> exchange) {
    stream_.expires_never();
    while (!exchange->answered && !exchange->gone) co_await pause(exchange);
    if (exchange->gone) co_return false;
    if (exchange->streaming) co_return co_await stream_out(exchange);
    co_return co_await write_whole(exchange->head);
  }

  // Until something about the exchange changes. One thread: nothing can change between the caller's
  // look at it and the wait.
  asio::awaitable<void> pause(std::shared_ptr<Exchange> exchange) {
    const auto timer = std::make_shared<asio::steady_timer>(core_->context);
    timer->expires_at(asio::steady_timer::time_point::max());
    // Weakly: a reply may outlive the loop and this frame with it.
    exchange->changed = [weak = std::weak_ptr(timer)] {
      if (const auto waiting = weak.lock()) waiting->cancel();
    };
    Error woken;
    co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, woken));
    exchange->changed = nullptr;
  }

  template <class Body>
  void fill_head(http::response<Body>& to, const HttpResponse& from) const {
    to.version(version_);
    to.result(static_cast<unsigned>(from.status));
    for (const auto& [name, value] : from.headers) to.insert(name, value);
    if (!from.content_type.empty()) to.set(http::field::content_type, from.content_type);
    to.set("X-Content-Type-Options", "nosniff");
    to.keep_alive(keep_alive_);
  }

  asio::awaitable<bool> write_whole(const HttpResponse& response) {
    http::response<http::string_body> message;
    fill_head(message, response);
    const std::size_t size = response.body.size();
    if (!head_only_) message.body() = response.body;
    message.prepare_payload();
    if (head_only_) message.content_length(size);
    http::response_serializer<http::string_body> serializer(message);
    Error error;
    stream_.expires_after(patience);
    co_await http::async_write(stream_, serializer,
                               asio::redirect_error(asio::use_awaitable, error));
    co_return !error;
  }

  asio::awaitable<bool> stream_out(std::shared_ptr<Exchange> exchange) {
    // HTTP/1.0 knows no chunks: there the end of the connection is the end of the body.
    const bool chunked = version_ >= 11;
    keep_alive_ = keep_alive_ && chunked;
    http::response<http::empty_body> message;
    fill_head(message, exchange->head);
    if (chunked) message.chunked(true);
    http::response_serializer<http::empty_body> serializer(message);
    Error error;
    stream_.expires_after(patience);
    co_await http::async_write_header(stream_, serializer,
                                      asio::redirect_error(asio::use_awaitable, error));
    while (!error && !exchange->gone && !head_only_) {
      if (exchange->queue.empty()) {
        if (exchange->ended) break;
        stream_.expires_never();
        co_await pause(exchange);
        continue;
      }
      const std::string bytes = std::exchange(exchange->queue, {});
      error = co_await write_part(bytes, chunked);
      if (!error && exchange->queue.empty() && !exchange->ended && exchange->on_drained)
        exchange->on_drained();
    }
    if (!error && !exchange->gone && !head_only_ && chunked)
      co_await asio::async_write(stream_, asio::buffer(last_chunk),
                                 asio::redirect_error(asio::use_awaitable, error));
    if (error || head_only_) exchange->hang_up();
    co_return !error && !exchange->gone;
  }

  asio::awaitable<Error> write_part(const std::string& bytes, bool chunked) {
    Error error;
    stream_.expires_after(patience);
    if (chunked) {
      const auto chunk = http::make_chunk(asio::buffer(bytes));
      co_await asio::async_write(stream_, chunk, asio::redirect_error(asio::use_awaitable, error));
    } else {
      co_await asio::async_write(stream_, asio::buffer(bytes),
                                 asio::redirect_error(asio::use_awaitable, error));
    }
    co_return error;
  }

  // --- refusing ---------------------------------------------------------------------------------

  asio::awaitable<bool> malformed(Error error) {
    HttpResponse response = refusal(400, 2, "usage", "malformed request");
    if (error == http::error::body_limit)
      response = refusal(413, 2, "usage", "the body is larger than a value may be");
    else if (error == http::error::header_limit || error == http::error::buffer_overflow)
      response = refusal(431, 2, "usage", "the header is too large");
    else if (error.category() != http::make_error_code(http::error::bad_method).category() ||
             error == http::error::end_of_stream || error == http::error::partial_message)
      co_return false;  // the client left, or let us wait too long
    co_return co_await refuse(response);
  }

  // Answers and gives up the connection. What still comes is read for a moment: closing with unread
  // bytes is a reset, and that could overtake the answer.
  asio::awaitable<bool> refuse(const HttpResponse& response) {
    keep_alive_ = false;
    head_only_ = false;
    if (!co_await write_whole(response)) co_return false;
    Error error;
    stream_.socket().shutdown(Stream::socket_type::shutdown_send, error);
    std::array<char, 4096> ignored;
    stream_.expires_after(discard_patience);
    for (std::size_t total = 0; !error && total < discard_limit;)
      total += co_await stream_.async_read_some(asio::buffer(ignored),
                                                asio::redirect_error(asio::use_awaitable, error));
    co_return false;
  }

  // --- the client leaves ------------------------------------------------------------------------

  void watch_for_hangup(const std::shared_ptr<Exchange>& exchange) {
    stream_.socket().async_wait(
        Stream::socket_type::wait_read,
        [weak = weak_from_this(), what = std::weak_ptr(exchange)](const Error& error) {
          const auto self = weak.lock();
          if (self && !error) self->look(what);
        });
  }

  // What made the socket readable stays there, so from the first look on time is what wakes us.
  void look(const std::weak_ptr<Exchange>& what) {
    const auto exchange = what.lock();
    if (!exchange || exchange->ended || exchange->gone) return;
    if (hung_up(stream_.socket().native_handle(), over_tcp_)) return exchange->hang_up();
    next_look_.expires_after(look_pause);
    next_look_.async_wait([weak = weak_from_this(), what](const Error& error) {
      const auto self = weak.lock();
      if (self && !error) self->look(what);
    });
  }

  // Readable: the next request already, or the end. On a unix socket a client that only closed its
  // writing side (as nc does) can be told from one that is gone; on TCP it cannot.
  static bool hung_up(int fd, bool over_tcp) {
    pollfd state{fd, static_cast<short>(over_tcp ? POLLRDHUP : 0), 0};
    return ::poll(&state, 1, 0) != 0;  // what is not asked for: POLLHUP, POLLERR, POLLNVAL
  }

  static constexpr std::string_view continue_line = "HTTP/1.1 100 Continue\r\n\r\n";
  static constexpr std::string_view last_chunk = "0\r\n\r\n";

  std::shared_ptr<Core> core_;
  Stream stream_;
  beast::flat_buffer buffer_{header_limit + body_limit};
  std::shared_ptr<Exchange> exchange_;
  asio::steady_timer next_look_;
  unsigned version_ = 11;
  bool over_tcp_, keep_alive_ = true, head_only_ = false, idle_ = true;
};

class Server final : public HttpServer {
 public:
  Server(Loop& loop, const HttpOptions& options, Handler handler)
      : core_(std::make_shared<Core>(
            Core{context(loop), std::move(handler), options.token, {}, false, 0, 0})),
        loop_(loop),
        timer_(loop) {}

  ~Server() override {
    stop_listening();
    core_->handler = nullptr;
    const auto connections = core_->connections;
    for (Connection* connection : connections) connection->close();
  }

  void listen_on(Fd fd, int family) {
    const int number = fd.get();
    listeners_.push_back(std::make_unique<Watch>(loop_, std::move(fd)));
    Watch& listener = *listeners_.back();
    if (family != AF_UNIX) loopback_ = bound_endpoint(number);
    listener.on_readable([this, number, family] { accept(number, family); });
  }

  void remember_path(const std::string& path) {
    path_ = path;
    ::lstat(path_.c_str(), &made_);
  }

  std::optional<Endpoint> loopback() const override { return loopback_; }
  std::size_t connections() const override { return core_->connections.size(); }

  void drain() override {
    core_->draining = true;
    stop_listening();
    const auto connections = core_->connections;
    for (Connection* connection : connections)
      if (connection->idle()) connection->close();
  }

 private:
  void stop_listening() {
    listeners_.clear();
    timer_.cancel();
    const std::string path = std::exchange(path_, {});
    struct stat now{};  // another daemon's by now, if somebody removed ours
    if (!path.empty() && ::lstat(path.c_str(), &now) == 0 && now.st_ino == made_.st_ino &&
        now.st_dev == made_.st_dev)
      ::unlink(path.c_str());
  }

  void accept(int listener, int family) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) pause_accepting();
    if (fd < 0) return;
    Fd owned(fd);
    const bool tcp = family != AF_UNIX;
    if ((tcp ? core_->over_tcp : core_->over_unix) >= (tcp ? tcp_limit : unix_limit)) return;
    Connection::Stream::socket_type socket(core_->context);
    Error error;
    socket.assign(asio::generic::stream_protocol(family, 0), owned.get(), error);
    if (error) return;
    owned.release();
    auto connection = std::make_shared<Connection>(core_, std::move(socket), tcp);
    asio::co_spawn(core_->context, Connection::serve(connection), asio::detached);
  }

  // Out of descriptors the listener stays readable: wait instead of spinning.
  void pause_accepting() {
    for (const auto& listener : listeners_) listener->pause_reading();
    timer_.set(http_accept_pause, [this] {
      for (const auto& listener : listeners_) listener->resume_reading();
    });
  }

  std::shared_ptr<Core> core_;
  Loop& loop_;
  Timer timer_;
  std::vector<std::unique_ptr<Watch>> listeners_;
  std::optional<Endpoint> loopback_;
  std::string path_;
  struct stat made_{};
};

}  // namespace

std::expected<std::unique_ptr<HttpServer>, HttpFailure> HttpServer::listen(
    Loop& loop, const HttpOptions& options, Handler handler) {
  auto server = std::make_unique<Server>(loop, options, std::move(handler));
  if (options.loopback) {
    auto fd = listen_loopback(*options.loopback);
    if (!fd) return std::unexpected(std::move(fd.error()));
    server->listen_on(std::move(*fd), family_of(options.loopback->ip));
  }
  if (!options.socket_path.empty()) {
    auto fd = listen_unix(options.socket_path);
    if (!fd) return std::unexpected(std::move(fd.error()));
    server->listen_on(std::move(*fd), AF_UNIX);
    server->remember_path(options.socket_path);
  }
  return server;
}

}  // namespace kith::runtime
