// The API as a function: any request and any report become a response with an exit code whose body
// is what its type says and whose headers are lines.
#include <nlohmann/json.hpp>

#include "keys.hpp"
#include "kith/control/api.hpp"
#include "target.hpp"

using namespace kith;
using namespace kith::control;

namespace {

const Now now{Instant(seconds(1000)), {1'760'000'000'000}};

const node::Node& a_node() {
  static const node::Node made = [] {
    node::Config config;
    config.mode = Mode::private_;
    config.root = Bytes(32, 7);
    config.name = "self";
    config.lan_discovery = false;
    node::Node fresh(config, fuzz::identity(0), now);
    node::Node::Outbox out;
    fresh.start(now, out);
    return fresh;
  }();
  return made;
}

void check(const Response& response) {
  KITH_ASSERT(response.status >= 200 && response.status < 600);
  bool exit = false;
  for (const auto& [name, value] : response.headers) {
    exit = exit || name == "X-Kith-Exit";
    KITH_ASSERT((name + value).find_first_of("\r\n") == std::string::npos);
  }
  KITH_ASSERT(exit);
  if (response.content_type == "application/json")
    KITH_ASSERT(nlohmann::json::accept(response.body));
}

node::OperationReport report_for(fuzz::Input& in, const std::string& name) {
  const std::size_t kind = in.below(5);
  if (kind == 0) {
    dht::PutReport put{name, {}};
    put.outcome = static_cast<dht::PutOutcome>(in.below(3));
    put.needed = in.u8();
    if (in.flip()) put.stored = {a_node().snapshot().id, fuzz::identity(3)->id()};
    put.reason = to_text(in.chunk());
    return std::make_shared<const dht::Report>(put);
  }
  if (kind == 1) {
    dht::GetReport get{name, {}};
    get.found = in.flip();
    get.complete = in.flip();
    get.value = Buffer(in.chunk());
    return std::make_shared<const dht::Report>(get);
  }
  if (kind == 2) {
    dht::LookupReport lookup{name, {}};
    lookup.replicas = {{fuzz::identity(2)->id(), 0, in.u8(), true}};
    lookup.steps = {{fuzz::identity(2)->id(), microseconds(in.u16()), in.u8(), 0}};
    return std::make_shared<const dht::Report>(lookup);
  }
  if (kind == 3) {
    node::JoinReport join;
    join.joined = in.flip();
    join.attempts = {{to_text(in.chunk()), "10.0.0.1:1", "no_answer"}};
    return join;
  }
  return node::PingReport{in.flip(), microseconds(in.u16())};
}

Bytes request(std::string_view method, std::string_view target, std::string_view body) {
  return fuzz::Script()
      .chunk(as_bytes(method))
      .long_chunk(as_bytes(target))
      .u8(0)
      .long_chunk(as_bytes(body))
      .u8(1)
      .u8(1)
      .u8(1)
      .chunk(as_bytes("\xff value"));
}

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  return {request("GET", "/v1/kv/a?consistency=one&timeout=1s", ""),
          request("PUT", "/v1/kv/a%20b?ttl=7d&owned", "value"),
          request("GET", "/v1/status", ""),
          request("GET", "/v1/members", ""),
          request("GET", "/v1/events?since=7&follow=0", ""),
          request("GET", "/v1/lookup/k", ""),
          request("POST", "/v1/join", R"({"target":"10.0.0.1","timeout":"1s"})"),
          request("POST", "/v1/ping", R"({"node":"self"})"),
          request("POST", "/v1/forget", R"({"node":"\ud800"})"),
          request("GET", "/metrics", ""),
          request("GET", "/v1/kv/\xff?\xff=\xff", "")};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  Request request;
  request.method = to_text(in.chunk());
  request.target = to_text(in.long_chunk());
  request.accept = in.flip() ? "application/json" : "";
  request.body = to_text(in.long_chunk());
  static const About about{"name", "0", "net\x80", "lan", "i", "/d", {}, {}, now.mono};
  static Api api(about);
  const Command command = api.handle(request, a_node(), now);
  if (const auto* response = std::get_if<Response>(&command)) check(*response);
  if (const auto* run = std::get_if<Run>(&command)) {
    const std::string name = to_text(in.chunk());
    check(api.complete(run->ticket, report_for(in, name), a_node()));
  }
  return 0;
}
