// Answers: the exact shape of each object of the contract, and each outcome's status and exit.
#include "kith/control/api.hpp"
#include "view.hpp"
#include "world.hpp"

using namespace kith;
using namespace kith::control;
using kith::test::at;
using kith::test::ControlWorld;
using kith::test::header;
using kith::test::shape;
using kith::test::verdict;

namespace {

const std::string put_shape =
    "schema:text,key:text,kind:text,seq:number,bytes:number,outcome:text,needed:number,"
    "asked:number,stored:[{id:text,name:text}],stored_base:number,rounds:number,duration_ms:number";
const std::string get_rest =
    "bytes:number,seq:number,writer:text,complete:bool,needed:number,asked:number,"
    "responded:number,duration_ms:number";
const std::string error_start = "{error:{code:text,exit:number,message:text";

dht::PutReport put_report(const ControlWorld& world, dht::PutOutcome outcome) {
  dht::PutReport report;
  report.name = "k";
  report.sequence = {77};
  report.bytes = 5;
  report.outcome = outcome;
  report.needed = 2;
  report.asked = 3;
  report.stored = {world.id(0)};
  report.stored_base = 1;
  report.rounds = 1;
  report.took = microseconds(1500);
  return report;
}

dht::GetReport get_report(bool found, bool complete) {
  dht::GetReport report;
  report.name = "k";
  report.found = found;
  report.complete = complete;
  if (found) {
    report.value = Buffer(as_bytes(std::string_view("\0\xff\r\n", 4)));
    report.sequence = {77};
    report.writer.bytes.fill(4);
  }
  report.needed = 2;
  report.asked = 3;
  report.responded = 1;
  report.took = microseconds(2500);
  return report;
}

Response answered(ControlWorld& world, const std::string& method, const dht::Report& report,
                  const std::string& accept = {}) {
  const std::string path =
      std::holds_alternative<dht::LookupReport>(report) ? "/v1/lookup/k" : "/v1/kv/k";
  return world.answered(method, path, std::make_shared<const dht::Report>(report), "v", accept);
}

}  // namespace

TEST_CASE("control/answers: status has the contract's fields, and more") {
  ControlWorld world;
  const Response response = world.ask("GET", "/v1/status?x=y");
  CHECK_EQ(response.status, 200);
  CHECK_EQ(header(response, "X-Kith-Exit"), "0");
  const std::string& body = response.body;
  CHECK_EQ(shape(body),
           "{schema:text,id:text,key:text,name:text,version:text,network:text,mode:text,"
           "instance:text,listen:[text],uptime_s:number,joined:bool,synced:bool,"
           "members:{alive:number,suspect:number,dead:number,left:number},records:number,"
           "repair:{under_replicated:number,queued_bytes:number},health:number,"
           "operations:number,data_dir:text}");
  CHECK_EQ(at(body, "/schema"), "kith/status/1");
  CHECK_EQ(at(body, "/id"), to_string(world.id(0)));
  CHECK_EQ(at(body, "/listen"), "[\"127.0.0.1:1001\"]");
  CHECK_EQ(at(body, "/uptime_s"), "11");
  CHECK_EQ(at(body, "/joined"), "false");
  CHECK_EQ(at(body, "/members"), R"({"alive":1,"suspect":0,"dead":0,"left":0})");
  world.ask("PUT", "/v1/kv/k", "v");
  CHECK_EQ(at(world.ask("GET", "/v1/status").body, "/records"), "1");
}

TEST_CASE("control/answers: members lists everybody, oneself with no round trip") {
  ControlWorld world({{1, "attic"}, {2, "cellar"}});
  const std::string entry =
      "{id:text,name:text,self:bool,state:text,incarnation:number,addresses:[text],rtt_ms:";
  const std::string rest = ",since:text,tags:{rack:text},version:text,synced:bool}";
  CHECK_EQ(shape(world.ask("GET", "/v1/members").body),
           "{schema:text,network:text,members:[" + entry + "null" + rest + "]}");
  world.meet(1);
  const std::string body = world.ask("GET", "/v1/members").body;
  CHECK_EQ(at(body, "/schema"), "kith/members/1");
  CHECK_EQ(at(body, "/network"), "home");
  const std::string other = at(body, "/members/0/self") == "true" ? "/members/1" : "/members/0";
  CHECK_EQ(at(body, other + "/name"), "cellar");
  CHECK_EQ(at(body, other + "/state"), "alive");
  CHECK_EQ(at(body, other + "/addresses"), "[\"127.0.0.1:1002\"]");
  CHECK_EQ(at(body, other + "/tags"), "{\"rack\":\"2\"}");
  CHECK_EQ(at(body, other + "/since").size(), std::string("2026-01-02T03:04:05.678Z").size());
  CHECK_EQ(shape("[" + at(body, other) + "]"), "[" + entry + "number" + rest + "]");
  CHECK_EQ(at(world.ask("GET", "/v1/status").body, "/joined"), "true");
}

TEST_CASE("control/answers: a member that left or died is listed with its state") {
  ControlWorld world({{1, "attic"}, {2, "cellar"}, {3, "shed"}});
  world.meet(1);
  world.meet(2);
  world.step(1, node::StopRequested{});
  world.run(seconds(2));
  world.kill(2);
  world.run(seconds(120));
  const std::string body = world.ask("GET", "/v1/members").body;
  std::map<std::string, std::string> states;
  for (int i = 0; i < 3; ++i) {
    const std::string place = "/members/" + std::to_string(i);
    states[at(body, place + "/name")] = at(body, place + "/state");
  }
  CHECK_EQ(states["attic"], "alive");
  CHECK_EQ(states["cellar"], "left");
  CHECK_EQ(states["shed"], "dead");
  CHECK_EQ(at(world.ask("GET", "/v1/status").body, "/members"),
           R"({"alive":1,"suspect":0,"dead":1,"left":1})");
}

TEST_CASE("control/answers: ready is ready") {
  ControlWorld world;
  CHECK_EQ(world.ask("GET", "/v1/ready").body, R"({"schema":"kith/ready/1","ready":true})");
}

TEST_CASE("control/answers: a lone node serves put, get, del and lookup") {
  ControlWorld world;
  const Response put = world.ask("PUT", "/v1/kv/k", "hello");
  CHECK_EQ(put.status, 200);
  CHECK_EQ(header(put, "X-Kith-Exit"), "0");
  CHECK_EQ(shape(put.body), "{" + put_shape + "}");
  CHECK_EQ(at(put.body, "/schema"), "kith/put/1");
  CHECK_EQ(at(put.body, "/outcome"), "applied");
  CHECK_EQ(at(put.body, "/stored/0/name"), "attic");
  const Response get = world.ask("GET", "/v1/kv/k");
  CHECK_EQ(get.body, "hello");
  CHECK_EQ(header(get, "X-Kith-Seq"), at(put.body, "/seq"));
  const Response del = world.ask("DELETE", "/v1/kv/k");
  CHECK_EQ(at(del.body, "/schema"), "kith/del/1");
  CHECK_EQ(shape(del.body), "{" + put_shape + "}");
  const Response gone = world.ask("GET", "/v1/kv/k");
  CHECK_EQ(verdict(gone), "404 not_found 3");
  CHECK_EQ(shape(gone.body), error_start + "}}");
  const Response lookup = world.ask("GET", "/v1/lookup/k");
  CHECK_EQ(lookup.status, 200);
  CHECK_EQ(at(lookup.body, "/schema"), "kith/lookup/1");
  CHECK_EQ(at(lookup.body, "/replicas/0/id"), to_string(world.id(0)));
}

TEST_CASE("control/answers: an owned name is its owner's, read by name") {
  ControlWorld world;
  CHECK_EQ(at(world.ask("PUT", "/v1/kv/k?owned=1", "mine").body, "/kind"), "owned");
  const Response get = world.ask("GET", "/v1/kv/k?owner=attic");
  CHECK_EQ(get.body, "mine");
  CHECK_EQ(header(get, "X-Kith-Kind"), "owned");
  CHECK_EQ(header(get, "X-Kith-Writer"), to_string(world.id(0)));
  CHECK_EQ(verdict(world.ask("GET", "/v1/kv/k")), "404 not_found 3");
}

TEST_CASE("control/answers: a put that fewer have is 206 and exit 6 with the whole object") {
  ControlWorld world;
  auto report = put_report(world, dht::PutOutcome::unknown);
  const Response partial = answered(world, "PUT", report);
  CHECK_EQ(verdict(partial), "206 partial 6");
  CHECK_EQ(shape(partial.body), error_start + ",hint:text,result:{" + put_shape + "}}}");
  CHECK_EQ(at(partial.body, "/error/message"), "only 1 of the 2 replicas needed have it");
  CHECK_EQ(at(partial.body, "/error/result/outcome"), "unknown");
  report.stored.clear();
  report.reason = "nobody answered";
  const Response timeout = answered(world, "PUT", report);
  CHECK_EQ(verdict(timeout), "504 timeout 5");
  CHECK_EQ(at(timeout.body, "/error/message"), "no replica has confirmed it: nobody answered");
  CHECK_EQ(at(timeout.body, "/error/result/stored"), "[]");
  CHECK_EQ(at(timeout.body, "/error/result/reason"), "nobody answered");
  CHECK_EQ(at(answered(world, "DELETE", report).body, "/error/result/schema"), "kith/del/1");
}

TEST_CASE("control/answers: a rejected put is 503 and exit 1 with its reason") {
  ControlWorld world;
  auto report = put_report(world, dht::PutOutcome::rejected);
  report.reason = "the disk is full\x1b";
  const Response response = answered(world, "PUT", report);
  CHECK_EQ(verdict(response), "503 rejected 1");
  CHECK_EQ(shape(response.body), error_start + "}}");
  CHECK_EQ(at(response.body, "/error/message"), "it was not stored: the disk is full\\x1b");
}

TEST_CASE("control/answers: an applied put is 200 and exit 0 with times in milliseconds") {
  ControlWorld world;
  const Response response = answered(world, "PUT", put_report(world, dht::PutOutcome::applied));
  CHECK_EQ(response.status, 200);
  CHECK_EQ(header(response, "X-Kith-Exit"), "0");
  CHECK_EQ(response.body,
           "{\"schema\":\"kith/put/1\",\"key\":\"k\",\"kind\":\"value\",\"seq\":77,"
           "\"bytes\":5,\"outcome\":\"applied\",\"needed\":2,\"asked\":3,"
           "\"stored\":[{\"id\":\"" +
               to_string(world.id(0)) +
               "\",\"name\":\"attic\"}],\"stored_base\":1,\"rounds\":1,\"duration_ms\":1.5}");
}

TEST_CASE("control/answers: a get writes the value's bytes, and the rest as headers") {
  ControlWorld world;
  for (const bool complete : {true, false}) {
    const Response get = answered(world, "GET", get_report(true, complete));
    CHECK_EQ(get.status, complete ? 200 : 206);
    CHECK_EQ(get.content_type, "application/octet-stream");
    CHECK_EQ(get.body, std::string("\0\xff\r\n", 4));
    CHECK_EQ(header(get, "X-Kith-Exit"), complete ? "0" : "6");
    CHECK_EQ(header(get, "X-Kith-Complete"), complete ? "true" : "false");
    CHECK_EQ(header(get, "X-Kith-Kind"), "value");
    CHECK_EQ(header(get, "X-Kith-Seq"), "77");
    CHECK_EQ(header(get, "X-Kith-Writer").size(), 52);
    CHECK_EQ(header(get, "X-Kith-Needed"), "2");
    CHECK_EQ(header(get, "X-Kith-Asked"), "3");
    CHECK_EQ(header(get, "X-Kith-Responded"), "1");
    CHECK_EQ(header(get, "X-Kith-Duration-Ms"), "2");
  }
}

TEST_CASE("control/answers: a get that accepts JSON is the object, its value in base64") {
  ControlWorld world;
  const Response get =
      answered(world, "GET", get_report(true, true), "text/html, application/json");
  CHECK_EQ(get.content_type, "application/json");
  CHECK_EQ(shape(get.body), "{schema:text,key:text,kind:text,value:text," + get_rest + "}");
  CHECK_EQ(at(get.body, "/value"), "AP8NCg==");
  CHECK_EQ(at(get.body, "/schema"), "kith/get/1");
  const std::vector<std::pair<std::string, std::string>> values{
      {"", ""}, {"a", "YQ=="}, {"ab", "YWI="}, {"abc", "YWJj"}, {"abcd", "YWJjZA=="}};
  for (const auto& [value, base64] : values) {
    auto report = get_report(true, true);
    report.value = Buffer(as_bytes(value));
    const Response read = answered(world, "GET", report, "application/json");
    CHECK_EQ(at(read.body, "/value"), base64);
    CHECK_EQ(at(read.body, "/bytes"), std::to_string(value.size()));
  }
}

TEST_CASE("control/answers: no value is 404 and exit 3 by a quorum, 206 and exit 6 without") {
  ControlWorld world;
  for (const char* accept : {"", "application/json"}) {
    const Response absent = answered(world, "GET", get_report(false, true), accept);
    CHECK_EQ(verdict(absent), "404 not_found 3");
    CHECK_EQ(shape(absent.body), error_start + "}}");
    auto report = get_report(false, false);
    report.reason = "2 did not answer";
    const Response unsure = answered(world, "GET", report, accept);
    CHECK_EQ(verdict(unsure), "206 partial 6");
    std::string rest = get_rest;
    rest.replace(rest.find("writer:text"), 11, "writer:null");
    CHECK_EQ(shape(unsure.body),
             error_start + ",hint:text,result:{schema:text,key:text,kind:text,value:null," + rest +
                 ",reason:text}}}");
    CHECK(at(unsure.body, "/error/message").ends_with(": 2 did not answer"));
  }
}

TEST_CASE("control/answers: a lookup tells replicas by rank and the steps that led there") {
  ControlWorld world;
  dht::LookupReport report;
  report.name = "k";
  report.id.bytes.fill(0xab);
  NodeId stranger;
  stranger.bytes.fill(9);
  report.replicas = {{world.id(0), 0, 250, true}, {stranger, 1, 251, false}};
  report.steps = {{stranger, microseconds(700), 3, 1}};
  const Response response = answered(world, "GET", report);
  CHECK_EQ(response.status, 200);
  const std::string& body = response.body;
  CHECK_EQ(shape(body),
           "{schema:text,key:text,record_id:text,replicas:[{id:text,name:text,rank:number,"
           "distance_bits:number,address:text,base:bool}],"
           "steps:[{peer:text,rtt_ms:number,new:number,closer:number}],duration_ms:number}");
  CHECK_EQ(at(body, "/record_id").size(), 64);
  CHECK_EQ(at(body, "/replicas/0/address"), "127.0.0.1:1001");
  CHECK_EQ(at(body, "/replicas/1/address"), "");
  CHECK_EQ(at(body, "/steps/0/rtt_ms"), "0.7");
}

TEST_CASE("control/answers: a stranger's name that is not UTF-8 is replaced, never thrown on") {
  ControlWorld world({{1, "attic"}, {2, "a\xff\x1b[31m\nb"}});
  world.meet(1);
  const std::string body = world.ask("GET", "/v1/members").body;
  REQUIRE(kith::test::is_json(body));
  CHECK((body.find("a\xef\xbf\xbd\\u001b[31m\\nb") != std::string::npos));
  const Response put = world.ask("PUT", "/v1/kv/%00%1b%c2%9b?consistency=all", "v");
  CHECK_EQ(put.status, 200);
  REQUIRE(kith::test::is_json(put.body));
  CHECK_EQ(at(put.body, "/key"), std::string("\0\x1b\xc2\x9b", 4));
}

TEST_CASE("control/answers: an error is code, exit and message, and a hint where there is one") {
  const Response plain = error_response({"failed", 1, 500, "no \"disk\"", ""});
  CHECK_EQ(plain.body, R"({"error":{"code":"failed","exit":1,"message":"no \"disk\""}})");
  CHECK_EQ(header(plain, "X-Kith-Exit"), "1");
  CHECK_EQ(error_response({"failed", 1, 500, "m", "h"}).body,
           R"({"error":{"code":"failed","exit":1,"message":"m","hint":"h"}})");
  CHECK_EQ(at(error_response({"failed", 1, 500, "a\xff\xc2\x9b", ""}).body, "/error/message"),
           "a\\xff\\x9b");
}
