// The API as a function: a request becomes a command, a report becomes a response. It knows routes,
// JSON and exit codes; it owns no socket and waits for nothing (contract: /v1/...).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "kith/control/events.hpp"
#include "kith/control/parse.hpp"
#include "kith/node/node.hpp"

namespace kith::control {

struct Request {
  std::string method;
  std::string target;  // raw: path and query as sent
  std::string accept;  // the Accept header: application/json makes GET kv answer an object
  std::string body;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

// Run this on the node; complete() makes the response when its report is there.
struct Run {
  Ticket ticket;
  node::Input input;
};
struct StreamEvents {
  std::uint64_t since = 0;
  bool follow = true;
};
struct Leave {};  // drain, announce, end the daemon; answered at once

using Command = std::variant<Response, Run, StreamEvents, Leave>;

// What does not change while the daemon runs, or that the node does not know.
struct About {
  std::string name, version, network, mode, instance, data_dir;
  std::vector<Endpoint> listen;
  PublicKey key;
  Instant started;
};

// Figures of the process and its sockets for /metrics; the node knows only its own.
struct ProcessFigures {
  std::uint64_t udp_received = 0, udp_sent = 0, udp_bytes_received = 0, udp_bytes_sent = 0;
  std::uint64_t kernel_drops = 0, too_large = 0, send_failures = 0;
  std::size_t tcp_streams = 0, jobs_queued = 0;
  std::size_t store_bytes = 0;
  std::uint64_t store_commits = 0, store_quarantined = 0;
  double loop_lag_seconds = 0;
};

class Api {
 public:
  explicit Api(About about);
  ~Api();

  Command handle(const Request& request, const node::Node& node, Now now);
  Response complete(Ticket ticket, const node::OperationReport& report, const node::Node& node);
  Response stopping(Ticket ticket);  // the daemon ends before its report
  void forget(Ticket ticket);        // the client went away
  Response metrics(const node::Node& node, const ProcessFigures& figures, Now now);
  static bool wants_metrics(const Request& request);
  Ticket next_ticket() { return {++last_ticket_}; }

  // The node's news as events; nullopt: not news for users.
  static std::optional<EventBody> event_of(const node::Output& output);

 private:
  struct Pending;
  Command records(const Request& request, const Query& query, const node::Node& node);
  Command orders(const Request& request, const std::string& path, const node::Node& node);
  struct Metrics;
  About about_;
  std::map<Ticket, Pending> pending_;
  std::unique_ptr<Metrics> metrics_;
  std::uint64_t last_ticket_ = 0;
};

// An error as the contract prints it, with the exit code it stands for.
struct ApiError {
  std::string code;  // "not_found"
  int exit = 1;
  int status = 500;
  std::string message, hint;
};
Response error_response(const ApiError& error);

}  // namespace kith::control
