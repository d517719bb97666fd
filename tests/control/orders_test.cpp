// POSTs: join, ping, forget and leave as orders to the node.
#include "kith/control/api.hpp"
#include "view.hpp"
#include "world.hpp"

using namespace kith;
using namespace kith::control;
using kith::test::at;
using kith::test::ControlWorld;
using kith::test::header;
using kith::test::message;
using kith::test::shape;
using kith::test::verdict;

namespace {

std::string node_body(const std::string& node) { return "{\"node\":\"" + node + "\"}"; }

}  // namespace

TEST_CASE("control/orders: a join carries its target, flags and deadline") {
  ControlWorld world;
  Command command = world.say("POST", "/v1/join", R"({"target":"attic.example"})");
  REQUIRE(std::holds_alternative<Run>(command));
  const auto* plain = std::get_if<node::JoinRequested>(&std::get<Run>(command).input);
  REQUIRE((plain != nullptr));
  CHECK_EQ(plain->target, "attic.example");
  CHECK_EQ(plain->deadline, seconds(10));
  CHECK_FALSE(plain->adopt);
  CHECK_FALSE(plain->trust_first);
  command = world.say("POST", "/v1/join",
                      R"({"target":"[::1]:4747","adopt":true,"trust_first":true,"timeout":"2s"})");
  const auto* full = std::get_if<node::JoinRequested>(&std::get<Run>(command).input);
  REQUIRE((full != nullptr));
  CHECK_EQ(full->deadline, seconds(2));
  CHECK(full->adopt);
  CHECK(full->trust_first);
}

TEST_CASE("control/orders: a join's target that is none is refused by what is wrong with it") {
  ControlWorld world;
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"", "it is empty"},
      {"host:0", "the port is not a number"},
      {"host:65536", "the port is not a number"},
      {"key@host", "the part before @ is not"},
      {"::1", "the host is neither"},
      {"http://host", "the"}};
  for (const auto& [target, why] : wrong) {
    INFO(target);
    const Response response = world.ask("POST", "/v1/join", "{\"target\":\"" + target + "\"}");
    CHECK_EQ(verdict(response), "400 usage 2");
    CHECK(message(response).starts_with("target \"" + target + "\": " + why));
    CHECK_FALSE(at(response.body, "/error/hint").empty());
  }
  CHECK_EQ(verdict(world.ask("POST", "/v1/join", "")), "400 usage 2");
  CHECK(message(world.ask("POST", "/v1/join", R"({"target":"\u001b[2J"})"))
            .starts_with("target \"\\x1b[2J\": "));
}

TEST_CASE("control/orders: leave needs no body, and nothing but POST") {
  ControlWorld world;
  CHECK(std::holds_alternative<Leave>(world.say("POST", "/v1/leave")));
  CHECK(std::holds_alternative<Leave>(world.say("POST", "/v1/leave", "{}")));
  CHECK_EQ(verdict(world.ask("POST", "/v1/leave", "now")), "400 usage 2");
}

TEST_CASE("control/orders: ping and forget without a node are usage problems") {
  ControlWorld world;
  for (const char* path : {"/v1/ping", "/v1/forget"})
    for (const char* body : {"", "{}", R"({"node":""})", R"({"target":"attic"})"}) {
      const Response response = world.ask("POST", path, body);
      CHECK_EQ(verdict(response), "400 usage 2");
      CHECK_EQ(message(response), "\"node\" is missing");
    }
}

TEST_CASE("control/orders: a node that nobody is called is 404 and exit 9") {
  ControlWorld world;
  for (const char* path : {"/v1/ping", "/v1/forget"}) {
    CHECK_EQ(verdict(world.ask("POST", path, node_body("nobody"))), "404 not_joined 9");
    CHECK_EQ(message(world.ask("POST", path, R"({"node":"\u001bx"})")),
             "no member is called \"\\x1bx\", or several are");
  }
}

TEST_CASE("control/orders: a ping tells id, name and time; of oneself at once") {
  ControlWorld world({{1, "attic"}, {2, "cellar"}});
  world.meet(1);
  const std::string form = "{schema:text,id:text,name:text,rtt_ms:number}";
  for (const std::string& node :
       {std::string("cellar"), to_string(world.id(1)), to_string(world.id(1)).substr(0, 8)}) {
    const Response pong = world.ask("POST", "/v1/ping", node_body(node));
    CHECK_EQ(pong.status, 200);
    CHECK_EQ(shape(pong.body), form);
    CHECK_EQ(at(pong.body, "/schema"), "kith/ping/1");
    CHECK_EQ(at(pong.body, "/name"), "cellar");
    CHECK_EQ(at(pong.body, "/id"), to_string(world.id(1)));
  }
  const Command self = world.say("POST", "/v1/ping", node_body("attic"));
  REQUIRE(std::holds_alternative<Response>(self));
  CHECK_EQ(shape(std::get<Response>(self).body), form);
  CHECK_EQ(header(std::get<Response>(self), "X-Kith-Exit"), "0");
}

TEST_CASE("control/orders: a ping that nobody answers is 504 and exit 5") {
  ControlWorld world({{1, "attic"}, {2, "cellar"}});
  world.meet(1);
  world.kill(1);
  const Response response = world.ask("POST", "/v1/ping", R"({"node":"cellar","timeout":"500ms"})");
  CHECK_EQ(verdict(response), "504 timeout 5");
  CHECK_EQ(message(response), "no answer from " + short_name(world.id(1)));
}

TEST_CASE("control/orders: the living and oneself cannot be forgotten, the dead can") {
  ControlWorld world({{1, "attic"}, {2, "cellar"}});
  world.meet(1);
  CHECK_EQ(verdict(world.ask("POST", "/v1/forget", node_body("attic"))), "400 usage 2");
  CHECK_EQ(verdict(world.ask("POST", "/v1/forget", node_body("cellar"))), "503 failed 1");
  world.step(1, node::StopRequested{});
  world.run(seconds(2));
  const Response done = world.ask("POST", "/v1/forget", node_body("cellar"));
  CHECK_EQ(done.status, 200);
  CHECK_EQ(shape(done.body), "{schema:text,done:bool}");
  CHECK_EQ(at(done.body, "/schema"), "kith/forget/1");
  CHECK_EQ(verdict(world.ask("POST", "/v1/forget", node_body("cellar"))), "404 not_joined 9");
}

TEST_CASE("control/orders: a join tells its peer and attempts") {
  ControlWorld world({{1, "attic"}, {2, "cellar"}});
  const Response joined = world.ask("POST", "/v1/join", R"({"target":"127.0.0.1:1002"})");
  CHECK_EQ(joined.status, 200);
  CHECK_EQ(header(joined, "X-Kith-Exit"), "0");
  CHECK_EQ(shape(joined.body),
           "{schema:text,target:text,joined:bool,peer:{id:text,name:text},"
           "attempts:[{target:text,address:text,cause:text}]}");
  CHECK_EQ(at(joined.body, "/schema"), "kith/join/1");
  CHECK_EQ(at(joined.body, "/peer/id"), to_string(world.id(1)));
  CHECK_EQ(at(joined.body, "/attempts/0/cause"), "ok");
}

TEST_CASE("control/orders: a join that fails is 503 and exit 9 with its attempts") {
  ControlWorld world;
  const Response response =
      world.ask("POST", "/v1/join", R"({"target":"127.0.0.1:9","timeout":"1s"})");
  CHECK_EQ(verdict(response), "503 not_joined 9");
  CHECK_EQ(shape(response.body),
           "{error:{code:text,exit:number,message:text,hint:text,result:{schema:text,target:text,"
           "joined:bool,attempts:[{target:text,address:text,cause:text}]}}}");
  CHECK_EQ(message(response), "could not join 127.0.0.1:9");
  CHECK_EQ(at(response.body, "/error/result/joined"), "false");
}

TEST_CASE("control/orders: a report that nobody waits for is not answered") {
  ControlWorld world;
  const Command command = world.say("GET", "/v1/kv/k");
  const Ticket ticket = std::get<Run>(command).ticket;
  world.api.forget(ticket);
  const auto report = std::make_shared<const dht::Report>(dht::GetReport{});
  CHECK_EQ(verdict(world.api.complete(ticket, report, world.nodes[0])), "500 failed 1");
  CHECK_EQ(verdict(world.api.complete({12345}, node::PingReport{}, world.nodes[0])),
           "500 failed 1");
  const Command again = world.say("GET", "/v1/kv/k");
  const Ticket once = std::get<Run>(again).ticket;
  CHECK((once != ticket));
  CHECK_EQ(world.api.complete(once, report, world.nodes[0]).status, 206);
  CHECK_EQ(verdict(world.api.complete(once, report, world.nodes[0])), "500 failed 1");
}
