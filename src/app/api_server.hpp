// ApiServer: the HTTP server and the API function joined: requests to the node, reports to clients,
// events to whoever follows them.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "kith/control/api.hpp"
#include "kith/runtime/http_server.hpp"

namespace kith::app {

class ApiServer {
 public:
  struct Doors {
    std::optional<Endpoint> loopback;
    std::string socket;
    std::string token;
  };
  struct Node {
    std::function<const node::Node&()> get;
    std::function<void(const node::Input&)> feed;
    std::function<control::ProcessFigures()> figures;
  };
  using Failure = std::pair<int, std::string>;  // exit code, one line
  static std::expected<std::unique_ptr<ApiServer>, Failure> open(runtime::Loop& loop,
                                                                 const Doors& doors,
                                                                 control::About about, Node node);

  void complete(Ticket ticket, const node::OperationReport& report);
  void publish(const control::EventBody& event, UnixMillis wall);
  // Operations a rebuilt node has not heard of: asked again, with the time they have left.
  std::vector<node::Input> unfinished(Now now) const;
  std::vector<std::string> banner(const node::Config& config) const;
  void drain();  // also answers what the node has not: it will not any more

 private:
  ApiServer(control::About about, Node node)
      : about_(about), api_(std::move(about)), events_(BootId{}), node_(std::move(node)) {}
  using ReplyPtr = std::shared_ptr<runtime::HttpReply>;
  void handle(runtime::HttpRequest request, ReplyPtr reply);
  void run(control::Run command, const ReplyPtr& reply);
  void follow(const control::StreamEvents& stream, const ReplyPtr& reply);
  void pump(std::uint64_t follower);

  struct Waiting {
    ReplyPtr reply;
    node::Input input;
    Instant asked;
  };
  struct Follower {
    ReplyPtr reply;
    std::uint64_t next = 0;
    bool keep = true;
  };
  control::About about_;
  control::Api api_;
  control::Events events_;
  Node node_;
  std::map<Ticket, Waiting> waiting_;
  std::map<std::uint64_t, Follower> followers_;
  std::uint64_t last_follower_ = 0;
  Doors doors_;
  std::unique_ptr<runtime::HttpServer> server_;
};

}  // namespace kith::app
