// Real nodes and one Api in front of the first: requests go in, responses come out. The world does
// what the nodes say: datagrams arrive, jobs and disks answer, time passes at once.
#pragma once

#include <algorithm>
#include <deque>

#include "kith/control/api.hpp"
#include "view.hpp"

namespace kith::test {

struct Host {
  std::uint16_t seed = 1;  // of its identity
  std::string name;
};

class ControlWorld {
 public:
  explicit ControlWorld(const std::vector<Host>& hosts = {{1, "attic"}}) : api(about()) {
    for (std::size_t i = 0; i < hosts.size(); ++i)
      nodes.emplace_back(config_of(i, hosts[i]), identity(hosts[i].seed), now);
    disks.resize(nodes.size());
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      node::Node::Outbox out;
      nodes[i].start(now, out);
      carry(i, out);
    }
    run(seconds(1));
  }

  // The answer to a request, however long it takes; also to those the node has to work for.
  control::Response ask(std::string method, std::string target, std::string body = {},
                        std::string accept = {}) {
    control::Command command = say(method, target, body, accept);
    if (auto* response = std::get_if<control::Response>(&command)) return *response;
    auto* order = std::get_if<control::Run>(&command);
    if (!order) return {0, "", {}, "neither an answer nor work"};
    step(0, order->input);
    run(seconds(30), order->ticket);
    const auto report = reports.find(order->ticket);
    if (report == reports.end()) return {0, "", {}, "no report"};
    return api.complete(order->ticket, *report->second, nodes[0]);
  }
  control::Command say(std::string method, std::string target, std::string body = {},
                       std::string accept = {}) {
    return api.handle({std::move(method), std::move(target), std::move(accept), std::move(body)},
                      nodes[0], now);
  }
  // The answer to a request whose report is made by hand.
  control::Response answered(const std::string& method, const std::string& target,
                             const node::OperationReport& report, const std::string& body = {},
                             const std::string& accept = {}) {
    control::Command command = say(method, target, body, accept);
    const auto* order = std::get_if<control::Run>(&command);
    return order ? api.complete(order->ticket, report, nodes[0])
                 : control::Response{0, "", {}, "no work was ordered"};
  }

  void meet(std::size_t other) {
    step(0, node::JoinRequested{api.next_ticket(), to_string(endpoint(other))});
    run(seconds(8));
  }
  void kill(std::size_t i) { killed.push_back(i); }

  void run(Duration span, std::optional<Ticket> until_done = {}) {
    const Instant until = now.mono + span;
    for (;;) {
      while (!queue.empty()) {
        const Event event = std::move(queue.front());
        queue.pop_front();
        step(event.to, event.input ? *event.input
                                   : session::DatagramReceived{event.from, event.bytes.view()});
      }
      if (until_done && reports.contains(*until_done)) return;
      std::optional<Instant> next;
      for (const node::Node& node : nodes) next = earlier(next, node.next_deadline());
      if (!next || *next > until) break;
      pass(std::max(Duration(0), *next - now.mono));
      for (std::size_t i = 0; i < nodes.size(); ++i) {
        node::Node::Outbox out;
        nodes[i].expire(now, out);
        carry(i, out);
      }
    }
    pass(until - now.mono);
  }

  void step(std::size_t i, const node::Input& input) {
    node::Node::Outbox out;
    nodes[i].step(input, now, out);
    carry(i, out);
  }

  static Endpoint endpoint(std::size_t i) {
    return {IpAddress::v4(127, 0, 0, 1), static_cast<std::uint16_t>(1001 + i)};
  }
  NodeId id(std::size_t i) const { return nodes[i].snapshot().id; }

  Now now{Instant(seconds(1000)), UnixMillis{1'760'000'000'000}};
  control::Api api;
  std::vector<node::Node> nodes;
  std::map<Ticket, std::shared_ptr<const node::OperationReport>> reports;
  std::vector<node::Output> news;  // of the first node, what may become an event

 private:
  struct Event {
    std::size_t to;
    Endpoint from;
    Buffer bytes;
    std::optional<node::Input> input;
  };

  static control::About about() {
    control::About out{"attic", "0.1.0", "home", "private", "default", "/var/lib/kith"};
    out.listen = {endpoint(0)};
    out.key.bytes.fill(5);
    out.started = Instant(seconds(990));
    return out;
  }
  static std::shared_ptr<const crypto::Identity> identity(std::uint16_t seed) {
    ByteArray<32> bytes{};
    store_le(bytes.data(), seed);
    return std::make_shared<const crypto::Identity>(crypto::Identity::from_seed(bytes));
  }
  static node::Config config_of(std::size_t i, const Host& host) {
    node::Config config;
    config.mode = Mode::private_;
    config.network_name = "home";
    config.root = Bytes(32, 7);
    config.boot.bytes.fill(static_cast<Byte>(i + 1));
    config.name = host.name;
    config.tags = {{"rack", "2"}};
    config.version = "0.1.0";
    config.lan_discovery = false;
    config.listen = config.advertise = {endpoint(i)};
    config.seed = i + 1;
    config.secret_seed[0] = static_cast<Byte>(i + 1);
    return config;
  }

  void pass(Duration span) {
    now.mono += span;
    now.wall.value += to_millis(span);
  }
  bool dead(std::size_t i) const {
    return std::find(killed.begin(), killed.end(), i) != killed.end();
  }

  void carry(std::size_t i, node::Node::Outbox& out) {
    for (node::Output& output : out.take()) {
      if (const auto* transmit = std::get_if<session::Transmit>(&output)) {
        for (std::size_t to = 0; to < nodes.size(); ++to)
          if (endpoint(to) == transmit->to && !dead(to) && !dead(i))
            queue.push_back({to, endpoint(i), transmit->bytes, {}});
      } else if (const auto* job = std::get_if<Compute>(&output)) {
        queue.push_back({i, {}, {}, Computed{job->token, job->job->run()}});
      } else if (const auto* write = std::get_if<Persist>(&output)) {
        disks[i][{write->table, to_text(write->key.view())}] = write->value;
        queue.push_back({i, {}, {}, Persisted{write->token}});
      } else if (const auto* read = std::get_if<Load>(&output)) {
        const auto found = disks[i].find({read->table, to_text(read->key.view())});
        const bool held = found != disks[i].end();
        queue.push_back({i, {}, {}, Loaded{read->token, held, held ? found->second : Buffer()}});
      } else if (const auto* done = std::get_if<node::Completed>(&output)) {
        if (i == 0) reports[done->ticket] = done->report;
      } else if (i == 0) {
        news.push_back(std::move(output));
      }
    }
  }

  std::deque<Event> queue;
  std::vector<std::map<std::pair<Table, std::string>, Buffer>> disks;
  std::vector<std::size_t> killed;
};

// What the X-Kith-... header of this name says; "absent" when it is not there.
inline std::string header(const control::Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return "absent";
}

// "400 usage 2": status, code and exit of a refusal; checks that header and body agree.
inline std::string verdict(const control::Response& response) {
  const std::string exit = at(response.body, "/error/exit");
  CHECK_EQ(header(response, "X-Kith-Exit"), exit);
  CHECK_EQ(response.content_type, "application/json");
  CHECK_FALSE(at(response.body, "/error/message").empty());
  return std::to_string(response.status) + " " + at(response.body, "/error/code") + " " + exit;
}

inline std::string message(const control::Response& response) {
  return at(response.body, "/error/message");
}

}  // namespace kith::test
