// Requests: which routes there are, what each takes, and what it says no to.
#include "kith/base/visit.hpp"
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

template <class Order>
const Order& order_in(const Command& command) {
  REQUIRE(std::holds_alternative<Run>(command));
  const Order* order = std::get_if<Order>(&std::get<Run>(command).input);
  REQUIRE((order != nullptr));
  CHECK((order->ticket == std::get<Run>(command).ticket));
  return *order;
}

// The two share the first four characters of their ids.
ControlWorld twins() { return ControlWorld({{861, "twin"}, {1224, "twin"}}); }

}  // namespace

TEST_CASE("control/routes: a path nobody serves is 404 and a usage problem") {
  ControlWorld world;
  for (const char* path :
       {"/", "", "/v1", "/v1/", "/v1/nothing", "/v1/status/", "/v1/kv", "/v2/status", "/V1/status",
        "/v1/kvx/k", "/metric", "/metrics/", "*", "http://localhost/v1/status", "/v1/status%3F"}) {
    INFO(std::string(path));
    CHECK_EQ(verdict(world.ask("GET", path)), "404 usage 2");
  }
  CHECK_EQ(message(world.ask("GET", "/a\x1b[2J")), "no such path: /a\\x1b[2J");
}

TEST_CASE("control/routes: a wrong method is 405, and says which are right") {
  ControlWorld world;
  const std::vector<std::pair<std::string, std::string>> routes{{"/v1/status", "GET"},
                                                                {"/v1/members", "GET"},
                                                                {"/v1/ready", "GET"},
                                                                {"/v1/events", "GET"},
                                                                {"/metrics", "GET"},
                                                                {"/v1/lookup/k", "GET"},
                                                                {"/v1/join", "POST"},
                                                                {"/v1/leave", "POST"},
                                                                {"/v1/ping", "POST"},
                                                                {"/v1/forget", "POST"},
                                                                {"/v1/kv/k", "GET, PUT, DELETE"}};
  for (const auto& [path, allowed] : routes)
    for (const char* method : {"GET", "PUT", "DELETE", "POST", "PATCH", "HEAD", "OPTIONS", "get"}) {
      INFO(std::string(method), " ", path);
      if ((", " + allowed + ",").find(" " + std::string(method) + ",") != std::string::npos)
        continue;
      const Response response = world.ask(method, path, "{}");
      CHECK_EQ(verdict(response), "405 usage 2");
      CHECK_EQ(header(response, "Allow"), allowed);
      CHECK_EQ(message(response), "this path takes " + allowed);
    }
}

TEST_CASE("control/routes: /metrics is asked for by GET, with or without a query") {
  CHECK(Api::wants_metrics({"GET", "/metrics", "", ""}));
  CHECK(Api::wants_metrics({"GET", "/metrics?x=1", "", ""}));
  CHECK_FALSE(Api::wants_metrics({"POST", "/metrics", "", ""}));
  CHECK_FALSE(Api::wants_metrics({"GET", "/metricsx", "", ""}));
  CHECK_FALSE(Api::wants_metrics({"GET", "/v1/metrics", "", ""}));
}

TEST_CASE("control/routes: a bad percent escape in a query is a usage problem on every route") {
  ControlWorld world;
  for (const char* path : {"/v1/status?%", "/v1/kv/k?a=%zz", "/v1/events?since=%4", "/x?%"})
    CHECK_EQ(verdict(world.ask("GET", path)), "400 usage 2");
}

TEST_CASE("control/routes: events follow from 0 unless told otherwise") {
  ControlWorld world;
  const auto stream = [&](const std::string& query) {
    const Command command = world.say("GET", "/v1/events" + query);
    REQUIRE(std::holds_alternative<StreamEvents>(command));
    const auto& out = std::get<StreamEvents>(command);
    return std::to_string(out.since) + (out.follow ? " follow" : " once");
  };
  CHECK_EQ(stream(""), "0 follow");
  CHECK_EQ(stream("?since=17"), "17 follow");
  CHECK_EQ(stream("?since=999999999999999999&follow=0"), "999999999999999999 once");
  CHECK_EQ(stream("?follow=false"), "0 once");
  CHECK_EQ(stream("?follow=1"), "0 follow");
  CHECK_EQ(stream("?follow"), "0 follow");
  for (const char* wrong : {"?since=", "?since=x", "?since=-1", "?since=1.5", "?since=%2b1",
                            "?since=1000000000000000000", "?follow=no", "?follow=2"}) {
    INFO(std::string(wrong));
    CHECK_EQ(verdict(world.ask("GET", std::string("/v1/events") + wrong)), "400 usage 2");
  }
}

TEST_CASE("control/routes: a key is all after the prefix, decoded once, slashes and all") {
  ControlWorld world;
  const auto key = [&](const std::string& path) {
    const Command command = world.say("GET", path);
    return order_in<dht::GetRequested>(command).name;
  };
  CHECK_EQ(key("/v1/kv/a"), "a");
  CHECK_EQ(key("/v1/kv/a/b//c"), "a/b//c");
  CHECK_EQ(key("/v1/kv/a%2Fb%252F"), "a/b%2F");
  CHECK_EQ(key("/v1/kv//"), "/");
  CHECK_EQ(key("/v1/kv/.."), "..");
  CHECK_EQ(key("/v1/kv/a+b%20c"), "a+b c");
  CHECK_EQ(key("/v1/kv/%00"), std::string(1, '\0'));
  CHECK_EQ(key("/v1/kv/%3Fx?timeout=1s"), "?x");
  CHECK_EQ(key("/v1/kv/" + std::string(512, 'k')).size(), 512);
}

TEST_CASE("control/routes: a key that is none is refused by what is wrong with it") {
  ControlWorld world;
  for (const std::string prefix : {"/v1/kv/", "/v1/lookup/"}) {
    const auto said = [&](const std::string& key) {
      const Response response = world.ask("GET", prefix + key);
      CHECK_EQ(verdict(response), "400 usage 2");
      return message(response);
    };
    CHECK_EQ(said(""), "bad key: a key has at least 1 byte");
    CHECK_EQ(said(std::string(513, 'k')), "bad key: a key has at most 512 bytes");
    CHECK_EQ(said("%ff"), "bad key: a key is valid UTF-8");
    CHECK_EQ(said("\xc0\xaf"), "bad key: a key is valid UTF-8");
    CHECK_EQ(said("%"), "the key has a bad percent escape");
    CHECK_EQ(said("%zz"), "the key has a bad percent escape");
  }
}

TEST_CASE("control/routes: a put carries its bytes and what its query says") {
  ControlWorld world;
  const std::string value("\0\xff\r\n", 4);
  Command command = world.say("PUT", "/v1/kv/k", value);
  const auto& plain = order_in<dht::PutRequested>(command);
  CHECK_EQ(as_text(plain.value.view()), value);
  CHECK((plain.kind == wire::Kind::value));
  CHECK_FALSE(plain.tombstone);
  CHECK_FALSE(plain.ttl.has_value());
  CHECK((plain.consistency == dht::Consistency::quorum));
  CHECK_EQ(plain.deadline, seconds(5));
  command = world.say("PUT", "/v1/kv/k?ttl=7d&consistency=all&owned=1&timeout=250ms", "v");
  const auto& full = order_in<dht::PutRequested>(command);
  CHECK_EQ(*full.ttl, hours(7 * 24));
  CHECK((full.consistency == dht::Consistency::all));
  CHECK((full.kind == wire::Kind::owned));
  CHECK_EQ(full.deadline, milliseconds(250));
  command = world.say("DELETE", "/v1/kv/k?owned", "ignored");
  const auto& gone = order_in<dht::PutRequested>(command);
  CHECK(gone.tombstone);
  CHECK(gone.value.empty());
  CHECK((gone.kind == wire::Kind::owned));
  command = world.say("PUT", "/v1/kv/k?owned=false&timeout=9000h", "");
  CHECK((order_in<dht::PutRequested>(command).kind == wire::Kind::value));
  CHECK_EQ(order_in<dht::PutRequested>(command).deadline, hours(1));
}

TEST_CASE("control/routes: a value has at most 65 536 bytes, else 413") {
  ControlWorld world;
  CHECK_EQ(world.ask("PUT", "/v1/kv/k", std::string(65'536, 'v')).status, 200);
  CHECK_EQ(verdict(world.ask("PUT", "/v1/kv/k", std::string(65'537, 'v'))), "413 usage 2");
  CHECK_EQ(at(world.ask("GET", "/v1/kv/k", "", "application/json").body, "/bytes"), "65536");
}

TEST_CASE("control/routes: a TTL of 0 s, without a unit or no number is refused by name") {
  ControlWorld world;
  for (const char* ttl : {"0s", "0ms", "5", "", "-5s", "1w", "5s%0a", "36501d"}) {
    INFO(std::string(ttl));
    const Response response = world.ask("PUT", std::string("/v1/kv/k?ttl=") + ttl, "v");
    CHECK_EQ(verdict(response), "400 usage 2");
    CHECK(message(response).starts_with("ttl \""));
    CHECK_FALSE(at(response.body, "/error/hint").empty());
  }
  CHECK_EQ(message(world.ask("PUT", "/v1/kv/k?ttl=%1b[2J", "v")),
           "ttl \"\\x1b[2J\" is not a duration");
  CHECK_EQ(world.ask("GET", "/v1/kv/k").status, 404);  // nothing of it was stored
}

TEST_CASE("control/routes: a timeout is a duration above 0, wherever it stands") {
  ControlWorld world;
  for (const char* wrong : {"0s", "5", "-1s", "soon"}) {
    const std::string text = wrong;
    for (const Response& response :
         {world.ask("GET", "/v1/kv/k?timeout=" + text),
          world.ask("GET", "/v1/lookup/k?timeout=" + text),
          world.ask("POST", "/v1/join", R"({"target":"h","timeout":")" + text + "\"}"),
          world.ask("POST", "/v1/ping", R"({"node":"attic","timeout":")" + text + "\"}")}) {
      CHECK_EQ(verdict(response), "400 usage 2");
      CHECK_EQ(message(response), "timeout \"" + text + "\" is not a duration");
    }
  }
}

TEST_CASE("control/routes: levels, flags and options that there are none of are refused") {
  ControlWorld world;
  CHECK_EQ(message(world.ask("GET", "/v1/kv/k?consistency=most")),
           "consistency is one, quorum or all");
  CHECK_EQ(message(world.ask("PUT", "/v1/kv/k?consistency=", "v")),
           "consistency is one, quorum or all");
  CHECK_EQ(message(world.ask("PUT", "/v1/kv/k?colour=red", "v")), "unknown option \"colour\"");
  CHECK_EQ(message(world.ask("PUT", "/v1/kv/k?TTL=5s", "v")), "unknown option \"TTL\"");
  CHECK_EQ(message(world.ask("PUT", "/v1/kv/k?=5s", "v")), "unknown option \"\"");
  CHECK_EQ(message(world.ask("PUT", "/v1/kv/k?owned=no", "v")), "owned is 1 or 0");
  CHECK_EQ(message(world.ask("DELETE", "/v1/kv/k?ttl=5s")), "ttl does not go with this method");
  CHECK_EQ(message(world.ask("GET", "/v1/events?follow=no")), "follow is 1 or 0");
}

TEST_CASE("control/routes: an owner is a member's name, id or prefix, or any whole id") {
  ControlWorld world = twins();
  world.meet(1);
  const auto owner = [&](const std::string& text) {
    const Command command = world.say("GET", "/v1/kv/k?owner=" + text);
    return order_in<dht::GetRequested>(command).owner;
  };
  CHECK((owner(to_string(world.id(1))) == world.id(1)));
  CHECK((owner(to_string(world.id(1)).substr(0, 8)) == world.id(1)));
  NodeId unknown;
  unknown.bytes.fill(3);
  CHECK((owner(to_string(unknown)) == unknown));
  ControlWorld alone;
  const Command named = alone.say("GET", "/v1/kv/k?owner=attic");
  CHECK((order_in<dht::GetRequested>(named).owner == alone.id(0)));
  for (const std::string& wrong : {std::string("nobody"), std::string(""), std::string("yyyy"),
                                   to_string(unknown) + "y", to_string(unknown).substr(0, 51)})
    CHECK_EQ(verdict(alone.ask("GET", "/v1/kv/k?owner=" + wrong)), "404 not_joined 9");
}

TEST_CASE("control/routes: owner is of reads and owned of writes; the other way is refused") {
  ControlWorld world;
  CHECK_EQ(verdict(world.ask("PUT", "/v1/kv/k?owner=attic", "v")), "400 usage 2");
  CHECK_EQ(verdict(world.ask("DELETE", "/v1/kv/k?owner=attic")), "400 usage 2");
  CHECK_EQ(verdict(world.ask("GET", "/v1/kv/k?owned=1")), "400 usage 2");
  CHECK_EQ(world.ask("GET", "/v1/kv/k").status, 404);
}

TEST_CASE("control/routes: a name or prefix that two members share names neither") {
  ControlWorld world = twins();
  world.meet(1);
  const std::string prefix = to_string(world.id(0)).substr(0, 4);
  REQUIRE_EQ(to_string(world.id(1)).substr(0, 4), prefix);
  for (const std::string& text : {prefix, std::string("twin"), std::string("nobody")}) {
    const Response read = world.ask("GET", "/v1/kv/k?owner=" + text);
    CHECK_EQ(verdict(read), "404 not_joined 9");
    CHECK_EQ(message(read), "no member is called \"" + text + "\", or several are");
    for (const char* path : {"/v1/ping", "/v1/forget"})
      CHECK_EQ(verdict(world.ask("POST", path, "{\"node\":\"" + text + "\"}")), "404 not_joined 9");
  }
}

TEST_CASE("control/routes: the body of a POST is an object of known members of their types") {
  ControlWorld world;
  const auto said = [&](const char* path, const std::string& body) {
    const Response response = world.ask("POST", path, body);
    CHECK_EQ(verdict(response), "400 usage 2");
    return message(response);
  };
  for (const char* path : {"/v1/join", "/v1/leave", "/v1/ping", "/v1/forget"}) {
    for (const std::string& body :
         {std::string("no json"), std::string("[]"), std::string("5"), std::string("{"),
          std::string("{}{}"), std::string("{\"node\":\"\xff\"}"), std::string("{}\0{", 4),
          std::string(60'000, '[')})
      CHECK_EQ(said(path, body), "the body is not a JSON object");
    CHECK_EQ(said(path, R"({"traget":"h"})"), "unknown member \"traget\"");
    CHECK_EQ(said(path, R"({"a\u001bb":1})"), "unknown member \"a\\x1bb\"");
    CHECK_EQ(said(path, R"({"target":5})"), "\"target\" must be a string");
    CHECK_EQ(said(path, R"({"node":null})"), "\"node\" must be a string");
    CHECK_EQ(said(path, R"({"timeout":5})"), "\"timeout\" must be a string");
    CHECK_EQ(said(path, R"({"adopt":"yes"})"), "\"adopt\" must be true or false");
    CHECK_EQ(said(path, R"({"trust_first":1})"), "\"trust_first\" must be true or false");
  }
}
