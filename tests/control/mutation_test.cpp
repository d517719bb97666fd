// Mutations: valid requests and network files with bytes changed, cut, doubled and mixed. Nothing
// may crash, and each answer must be one that the contract knows.
#include <set>

#include "kith/base/rng.hpp"
#include "kith/control/network_file.hpp"
#include "view.hpp"
#include "world.hpp"

using namespace kith;
using namespace kith::control;
using kith::test::at;
using kith::test::ControlWorld;
using kith::test::header;

namespace {

std::size_t place_in(Rng& rng, const std::string& text) {
  return static_cast<std::size_t>(rng.below(text.size() + 1));
}

// One change: a byte replaced, put in or taken out, a piece doubled, cut off, or taken from
// another.
std::string mutated(Rng& rng, std::string text, const std::string& other) {
  const std::size_t at = place_in(rng, text);
  const auto length = static_cast<std::size_t>(rng.below(12));
  // Half of what is written means something in a path, a query or JSON.
  constexpr std::string_view telling = "/?&=%+#\"\\{}[]:,-.0123456789abz \n";
  const std::uint64_t drawn = rng.below(2), any = rng.below(256);
  const char c = drawn ? static_cast<char>(any) : telling[any % telling.size()];
  switch (rng.below(6)) {
    case 0:
      if (at < text.size()) text[at] = c;
      return text;
    case 1:
      return text.insert(at, 1, c);
    case 2:
      return text.erase(at, length);
    case 3:
      return text.insert(at, text.substr(at, length));
    case 4:
      return text.substr(0, at);
    default:
      return text.insert(at, other.substr(place_in(rng, other), length));
  }
}

std::string mutated_often(Rng& rng, std::string text, const std::string& other) {
  for (std::uint64_t left = rng.below(4); left > 0; --left) text = mutated(rng, text, other);
  return text;
}

const std::vector<Request>& valid_requests() {
  static const std::vector<Request> requests{
      {"GET", "/v1/status", "", ""},
      {"GET", "/v1/members", "", ""},
      {"GET", "/v1/ready", "", ""},
      {"GET", "/v1/events?since=12&follow=0", "", ""},
      {"GET", "/v1/kv/a%20key/%e6%97%a5?consistency=one&timeout=5s", "application/json", ""},
      {"GET", "/v1/kv/k?owner=attic", "*/*", ""},
      {"PUT", "/v1/kv/k?ttl=10m&consistency=all&owned=1&timeout=500ms", "", "a value"},
      {"DELETE", "/v1/kv/k?owned=true", "", ""},
      {"GET", "/v1/lookup/k%2Fl?timeout=1s", "", ""},
      {"POST", "/v1/join", "",
       R"({"target":"[fe80::1%3]:4747","adopt":true,"trust_first":false,"timeout":"2s"})"},
      {"POST", "/v1/ping", "", R"({"node":"attic","timeout":"1s"})"},
      {"POST", "/v1/forget", "", R"({"node":"attic"})"},
      {"POST", "/v1/leave", "", "{}"}};
  return requests;
}

std::string binary(Rng& rng) {
  std::string out(static_cast<std::size_t>(rng.below(20)), '\0');
  for (char& c : out) c = static_cast<char>(rng.below(256));
  return out;
}

// A report such as the node could give for this order, with whatever a stranger can put into it.
node::OperationReport report_for(Rng& rng, const node::Input& input) {
  const bool yes = rng.chance(1, 2), sure = rng.chance(1, 2);
  if (const auto* put = std::get_if<dht::PutRequested>(&input)) {
    dht::PutReport report;
    report.name = put->name;
    report.outcome = static_cast<dht::PutOutcome>(rng.below(3));
    if (yes) report.stored = {NodeId{}};
    report.reason = binary(rng);
    return std::make_shared<const dht::Report>(report);
  }
  if (const auto* get = std::get_if<dht::GetRequested>(&input)) {
    dht::GetReport report;
    report.name = get->name;
    report.found = yes;
    report.complete = sure;
    report.value = Buffer(as_bytes(binary(rng)));
    report.reason = binary(rng);
    return std::make_shared<const dht::Report>(report);
  }
  if (const auto* lookup = std::get_if<dht::LookupRequested>(&input)) {
    dht::LookupReport report;
    report.name = lookup->name;
    if (yes) report.replicas.resize(2);
    return std::make_shared<const dht::Report>(report);
  }
  if (const auto* join = std::get_if<node::JoinRequested>(&input))
    return node::JoinReport{yes, {}, {{join->target, binary(rng), binary(rng)}}};
  return node::PingReport{yes, milliseconds(1)};
}

// What is wrong with an answer; empty when it is one the contract knows.
std::string fault_of(const Response& response) {
  static const std::set<int> known{200, 206, 400, 404, 405, 413, 503, 504};
  if (!known.contains(response.status)) return "status " + std::to_string(response.status);
  const std::string exit = header(response, "X-Kith-Exit");
  if (exit.empty() || exit.find_first_not_of("0123456789") != std::string::npos)
    return "exit " + exit;
  for (const auto& [name, value] : response.headers)
    if ((name + value).find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
      return "a header of more than one line";
  if (response.content_type == "application/octet-stream")
    return response.status == 200 || response.status == 206 ? "" : "a value as an error";
  if (response.content_type != "application/json") return "type " + response.content_type;
  if (!kith::test::is_json(response.body)) return "no JSON: " + response.body;
  const std::string said = at(response.body, "/error/exit");
  if (said == "absent" && exit != "0" && exit != "6") return "exit " + exit + " without an error";
  if (said != "absent" && said != exit) return "two exits: " + said + " and " + exit;
  if (response.status == 200 && exit != "0") return "200 with exit " + exit;
  return "";
}

}  // namespace

TEST_CASE("control/mutation: 12 000 mutated requests are answered as the contract knows") {
  ControlWorld world;
  Rng rng(20'260'102);
  const std::vector<Request>& valid = valid_requests();
  std::map<int, int> statuses;
  for (int i = 0; i < 12'000; ++i) {
    Request request = valid[rng.below(valid.size())];
    const Request& other = valid[rng.below(valid.size())];
    request.target = mutated_often(rng, request.target, other.target);
    request.body = mutated_often(rng, request.body, other.body);
    if (rng.chance(1, 10)) request.method = other.method;
    if (rng.chance(1, 10)) request.accept = mutated(rng, request.accept, other.accept);
    INFO(request.method, " ", to_hex(as_bytes(request.target)), " ",
         to_hex(as_bytes(request.body)));
    Command command = world.api.handle(request, world.nodes[0], world.now);
    if (const auto* order = std::get_if<Run>(&command))
      command = world.api.complete(order->ticket, report_for(rng, order->input), world.nodes[0]);
    const auto* response = std::get_if<Response>(&command);
    if (!response) continue;  // events or leave
    REQUIRE_EQ(fault_of(*response), "");
    ++statuses[response->status];
  }
  for (const int status : {200, 206, 400, 404, 405, 503, 504}) {
    INFO(status);
    CHECK_GT(statuses[status], 0);  // the mutants go everywhere
  }
}

TEST_CASE("control/mutation: the node takes whatever order a mutated request makes") {
  ControlWorld world;
  Rng rng(7);
  const std::vector<Request>& valid = valid_requests();
  int orders = 0;
  for (int i = 0; i < 500; ++i) {
    Request request = valid[rng.below(valid.size())];
    request.target = mutated_often(rng, request.target, request.target);
    INFO(request.method, " ", to_hex(as_bytes(request.target)));
    const Command command = world.api.handle(request, world.nodes[0], world.now);
    const auto* order = std::get_if<Run>(&command);
    if (!order) continue;
    ++orders;
    world.step(0, order->input);
    world.run(seconds(15), order->ticket);
    REQUIRE(world.reports.contains(order->ticket));
    const auto report = world.reports.at(order->ticket);
    REQUIRE_EQ(fault_of(world.api.complete(order->ticket, *report, world.nodes[0])), "");
  }
  CHECK_GT(orders, 50);
}

TEST_CASE("control/mutation: 8 000 mutated network files are read or told what is wrong") {
  NetworkFile file;
  file.name = "home";
  file.root.fill(0x11);
  file.previous_psk.emplace().fill(0x44);
  const std::string text = network_file_json(file), admin = admin_file_json("home", file.root);
  Rng rng(20'260'103);
  int read = 0, refused = 0;
  for (int i = 0; i < 8'000; ++i) {
    const std::string damaged = mutated_often(rng, text, admin);
    INFO(to_hex(as_bytes(damaged)));
    const auto result = parse_network_file(damaged);
    if (result) {
      ++read;
      REQUIRE(valid_network_name(result->name));
      REQUIRE_GE(result->epoch, 1);
      REQUIRE_EQ(network_file_json(*parse_network_file(network_file_json(*result))),
                 network_file_json(*result));
    } else {
      ++refused;
      const std::string& why = result.error();
      REQUIRE((why == "not a JSON object" || why.starts_with("/")));
      REQUIRE_EQ(escape_controls(why), why);
    }
  }
  CHECK_GT(read, 500);
  CHECK_GT(refused, 2000);
}
