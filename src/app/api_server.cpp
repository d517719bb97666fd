#include "api_server.hpp"

#include "kith/base/visit.hpp"
#include "kith/runtime/clock.hpp"

namespace kith::app {
namespace {

constexpr std::size_t lines_at_once = 256;

runtime::HttpResponse http(control::Response response) {
  return {response.status, std::move(response.content_type), std::move(response.headers),
          std::move(response.body)};
}

template <class Request>
node::Input with_time_left(Request request, Duration waited) {
  request.deadline = std::max(request.deadline - waited, Duration(milliseconds(1)));
  return request;
}

}  // namespace

std::expected<std::unique_ptr<ApiServer>, ApiServer::Failure> ApiServer::open(runtime::Loop& loop,
                                                                              const Doors& doors,
                                                                              control::About about,
                                                                              Node node) {
  std::unique_ptr<ApiServer> out(new ApiServer(std::move(about), std::move(node)));
  out->doors_ = doors;
  const ByteArray<32> entropy = runtime::system_entropy();
  BootId boot;
  std::copy_n(entropy.begin(), boot.bytes.size(), boot.bytes.begin());
  out->events_ = control::Events(boot);
  auto server =
      runtime::HttpServer::listen(loop, {doors.socket, doors.loopback, doors.token},
                                  [raw = out.get()](runtime::HttpRequest request, ReplyPtr reply) {
                                    raw->handle(std::move(request), std::move(reply));
                                  });
  if (!server) {
    const bool written = server.error().error == runtime::HttpError::too_long ||
                         server.error().error == runtime::HttpError::not_local;
    return std::unexpected(Failure{written ? 2 : 1, server.error().message});
  }
  out->server_ = std::move(*server);
  return out;
}

void ApiServer::handle(runtime::HttpRequest request, ReplyPtr reply) {
  const Now now = runtime::now();
  control::Request asked{request.method, request.target, std::string(request.header("accept")),
                         std::move(request.body)};
  if (control::Api::wants_metrics(asked))
    return reply->send(http(api_.metrics(node_.get(), node_.figures(), now)));
  match(
      api_.handle(asked, node_.get(), now),
      [&](control::Response&& response) { reply->send(http(std::move(response))); },
      [&](control::Run&& command) { run(std::move(command), reply); },
      [&](control::StreamEvents&& stream) { follow(stream, reply); },
      [&](control::Leave&&) {
        reply->send({200,
                     "application/json",
                     {{"X-Kith-Exit", "0"}},
                     R"({"schema":"kith/leave/1","leaving":true})"});
        node_.feed(node::LeaveRequested{});
      });
}

void ApiServer::run(control::Run command, const ReplyPtr& reply) {
  const Ticket ticket = command.ticket;
  waiting_.emplace(ticket, Waiting{reply, command.input, runtime::now().mono});
  reply->on_gone([this, ticket] {
    waiting_.erase(ticket);
    api_.forget(ticket);
  });
  node_.feed(command.input);
}

void ApiServer::complete(Ticket ticket, const node::OperationReport& report) {
  const auto waiting = waiting_.extract(ticket);
  if (waiting.empty()) return;  // the client hung up
  waiting.mapped().reply->send(http(api_.complete(ticket, report, node_.get())));
}

std::vector<node::Input> ApiServer::unfinished(Now now) const {
  std::vector<node::Input> out;
  for (const auto& [ticket, waiting] : waiting_) {
    const Duration waited = now.mono - waiting.asked;
    match(
        waiting.input,
        [&](const dht::PutRequested& in) { out.push_back(with_time_left(in, waited)); },
        [&](const dht::GetRequested& in) { out.push_back(with_time_left(in, waited)); },
        [&](const dht::LookupRequested& in) { out.push_back(with_time_left(in, waited)); },
        [&](const node::PingRequested& in) { out.push_back(with_time_left(in, waited)); },
        [&](const node::JoinRequested& in) { out.push_back(with_time_left(in, waited)); },
        [](const auto&) {});
  }
  return out;
}

// --- events -------------------------------------------------------------------------------------

void ApiServer::follow(const control::StreamEvents& stream, const ReplyPtr& reply) {
  const std::uint64_t id = ++last_follower_;
  followers_.emplace(id, Follower{reply, stream.since, stream.follow});
  reply->on_gone([this, id] { followers_.erase(id); });
  reply->on_drained([this, id] { pump(id); });
  reply->start({200, "application/x-ndjson", {{"X-Kith-Exit", "0"}}, {}});
  pump(id);
}

void ApiServer::pump(std::uint64_t id) {
  for (;;) {
    const auto it = followers_.find(id);
    if (it == followers_.end()) return;
    Follower& follower = it->second;
    std::uint64_t next = follower.next;
    const std::vector<std::string> lines =
        events_.after(follower.next, lines_at_once, runtime::now().wall, next);
    if (lines.empty()) {
      if (follower.keep) return;
      const ReplyPtr reply = follower.reply;
      followers_.erase(it);
      return reply->end();
    }
    std::string block;
    for (const std::string& line : lines) block += line;
    if (!follower.reply->write(block)) return;  // on_drained comes back here
    follower.next = next;
  }
}

void ApiServer::publish(const control::EventBody& event, UnixMillis wall) {
  events_.add(event, wall);
  std::vector<std::uint64_t> ids;
  for (const auto& [id, follower] : followers_) ids.push_back(id);
  for (const std::uint64_t id : ids) pump(id);
}

// --- start and end ------------------------------------------------------------------------------

std::vector<std::string> ApiServer::banner(const node::Config& config) const {
  std::vector<std::string> lines;
  std::string listen;
  for (const Endpoint& endpoint : about_.listen)
    listen += (listen.empty() ? "" : " and ") + to_string(endpoint);
  lines.push_back("kithd " + about_.version + ": node " +
                  to_zbase32(node_.get().snapshot().id.view()).substr(0, 8) + " \"" + about_.name +
                  "\"");
  const std::string network = "network \"" + about_.network + "\", mode " + about_.mode;
  switch (config.mode) {
    case Mode::lan:
      lines.push_back(network +
                      ": every machine on this LAN may join; for a private one: kith network new "
                      "NAME, then --network-file");
      break;
    case Mode::private_:
      lines.push_back(network + ": only who has the network file gets in");
      break;
    case Mode::public_:
      lines.push_back(network + ": anybody may join; join this node with " +
                      to_zbase32(about_.key.view()) +
                      "@HOST:" + std::to_string(about_.listen.front().port));
      break;
  }
  lines.push_back("listening on " + listen + " (UDP and TCP); API on " + doors_.socket);
  if (const auto loopback = server_->loopback())
    lines.push_back("API on http://" + to_string(*loopback) + " with the token in " +
                    about_.data_dir + "/http.token");
  return lines;
}

void ApiServer::drain() {
  for (const auto& [ticket, waiting] : std::exchange(waiting_, {}))
    waiting.reply->send(http(api_.stopping(ticket)));
  server_->drain();
}

}  // namespace kith::app
