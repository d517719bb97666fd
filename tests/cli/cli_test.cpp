#include "answers.hpp"
#include "arguments.hpp"
#include "client.hpp"
#include "doctest/doctest.h"
#include "table.hpp"
#include "value_source.hpp"
#include "verbs.hpp"
#include "wait.hpp"

using namespace kith::tool;
using Kind = ValueSource::Kind;

namespace {

Kind kind_of(const char* written, bool terminal = false) {
  const std::string text = written ? written : "";
  return value_source(written ? &text : nullptr, terminal)->kind;
}

}  // namespace

TEST_CASE("cli/value_source: VALUE, -, @FILE and nothing each name their source") {
  CHECK(kind_of("hello") == Kind::text);
  CHECK(kind_of("") == Kind::text);
  CHECK(kind_of("--") == Kind::text);
  CHECK(kind_of("-", true) == Kind::standard_input);
  CHECK(kind_of(nullptr) == Kind::standard_input);
  CHECK(kind_of("@cat.jpg") == Kind::file);
  const std::string file = "@@odd name";
  CHECK(value_source(&file, true)->text == "@odd name");
}

TEST_CASE("cli/value_source: no VALUE and a terminal is a usage problem") {
  const auto source = value_source(nullptr, true);
  REQUIRE_FALSE(source.has_value());
  CHECK(source.error().exit == exit_usage);
}

TEST_CASE("cli/value_source: a value has at most 64 KiB, wherever it comes from") {
  CHECK(read_value({Kind::text, std::string(65536, 'x')}, {})->size() == 65536);
  CHECK(read_value({Kind::text, std::string(65537, 'x')}, {}).error().exit == exit_usage);
  CHECK(read_value({Kind::file, "/dev/zero"}, {}).error().exit == exit_usage);
  const auto missing = read_value({Kind::file, "/nonexistent"}, {});
  CHECK(missing.error().exit == exit_failed);
  CHECK(missing.error().message.starts_with("/nonexistent: "));
}

TEST_CASE("cli/problem: an answer's exit code is the header's, else its status tells") {
  CHECK(exit_of("0", 200) == exit_ok);
  CHECK(exit_of("6", 206) == exit_partial);
  CHECK(exit_of("3", 404) == exit_not_found);
  CHECK(exit_of("9", 404) == exit_not_joined);
  for (const char* header : {"", "x", "6x", "-1", "256", "99999999999"}) {
    CHECK(exit_of(header, 200) == exit_ok);
    CHECK(exit_of(header, 206) == exit_partial);
    CHECK(exit_of(header, 400) == exit_usage);
    CHECK(exit_of(header, 413) == exit_usage);
    CHECK(exit_of(header, 401) == exit_permission);
    CHECK(exit_of(header, 403) == exit_permission);
    CHECK(exit_of(header, 404) == exit_not_found);
    CHECK(exit_of(header, 504) == exit_timeout);
    CHECK(exit_of(header, 500) == exit_failed);
  }
}

TEST_CASE("cli/problem: its error object is what the contract shows") {
  const Problem problem{exit_not_found, "no \"value\"", "look elsewhere", {}};
  CHECK(
      error_json(problem) ==
      R"({"error":{"code":"not_found","exit":3,"message":"no \"value\"","hint":"look elsewhere"}})");
  const auto back = parse_error(error_json(problem));
  REQUIRE(back.has_value());
  CHECK(back->exit == 3);
  CHECK(back->message == problem.message);
  CHECK_FALSE(parse_error("not JSON").has_value());
  CHECK_FALSE(parse_error(R"({"schema":"kith/get/1"})").has_value());
}

TEST_CASE("cli/answers: half an answer is none") {
  CHECK_FALSE(parse<Status>(R"({"id":"x"})").has_value());
  CHECK_FALSE(parse<Status>("").has_value());
  CHECK_FALSE(parse<std::vector<Member>>(R"({"members":[{"id":5}]})").has_value());
  const auto ping = parse<PingAnswer>(R"({"id":"abc","name":"nas","rtt_ms":1.5,"new":1})");
  REQUIRE(ping.has_value());
  CHECK(ping->rtt_ms == 1.5);
}

TEST_CASE("cli/answers: the attempts of a failed join are read from its error") {
  const auto attempts = attempts_in(
      R"({"error":{"exit":9,"message":"m","result":{"attempts":[{"target":"h","address":"a","cause":"refused"}]}}})");
  REQUIRE(attempts.size() == 1);
  CHECK(hint_for(attempts[0].cause).find("kithd") != std::string::npos);
  CHECK(attempts_in("{}").empty());
}

TEST_CASE("cli/answers: every cause of a failed attempt has a hint") {
  for (const char* cause :
       {"no_answer", "refused", "unreachable", "wrong_network", "not_local", "version", "wrong_key",
        "unpinned", "self", "no answer yet", "the name does not resolve"})
    CHECK_FALSE(hint_for(cause).empty());
}

TEST_CASE("cli/answers: objects are one line and harmless to a terminal") {
  CHECK(object({{"a", std::string("x\n\x7f")}, {"n", std::uint64_t{5}}, {"b", true}}) ==
        R"({"a":"x\n\u007f","n":5,"b":true})");
  CHECK(one_line("{\"a\":\"\xc2\x9b\xc3\xa9\"}\r\n") == "{\"a\":\"\\u009b\xc3\xa9\"}");
  CHECK(one_line(object({{"bad", std::string("\xff")}})).find('\xff') == std::string::npos);
}

TEST_CASE("cli/table: columns are aligned by what a terminal shows") {
  CHECK(display_width("abc") == 3);
  CHECK(display_width("h\xc3\xa9") == 2);
  CHECK(display_width("e\xcc\x81") == 1);                 // a combining accent
  CHECK(display_width("\xe6\x97\xa5\xe6\x9c\xac") == 4);  // two wide ideographs
  Table table({"NAME", "X"});
  table.add({"\xe6\x97\xa5", "1"});
  table.add({"abcdef", ""});
  CHECK(table.text() == "NAME    X\n\xe6\x97\xa5      1\nabcdef  -\n");
}

TEST_CASE("cli/table: control characters of strangers' names are escaped") {
  Table table({"NAME"});
  table.add({"a\x1b[31mb\nc"});
  CHECK(table.text() == "NAME\na\\x1b[31mb\\x0ac\n");
}

TEST_CASE("cli/table: times are short") {
  CHECK(show_millis(0.42) == "0.4ms");
  CHECK(show_millis(1530) == "1.5s");
  CHECK(show_uptime(59) == "59s");
  CHECK(show_uptime(3700) == "1h 1m");
  CHECK(show_uptime(90'000) == "1d 1h");
  CHECK(show_time("2031-05-01T12:00:07.123Z") == "2031-05-01 12:00:07");
}

TEST_CASE("cli/arguments: the verbs are the contract's") {
  for (const char* name : {"status", "members", "ping", "events", "wait", "join", "leave", "forget",
                           "network new", "put", "get", "del", "lookup", "id", "version"}) {
    INFO(name);
    const Verb* verb = find_verb(name);
    REQUIRE(verb != nullptr);
    CHECK((verb->run != nullptr));
    CHECK_FALSE(verb->help.empty());
    CHECK(verb->examples.starts_with("kith " + verb->name));
  }
  CHECK(verbs().size() == 15);
  CHECK(find_verb("join")->timeout == "10s");
  CHECK(find_verb("wait")->timeout == "30s");
  CHECK(find_verb("put")->timeout == "5s");
}

TEST_CASE("cli/arguments: a typo is told the nearest word, nonsense is not") {
  std::vector<std::string> known;
  for (const Verb& verb : verbs()) known.push_back(verb.name);
  CHECK(did_you_mean("stauts", known) == ", did you mean \"status\"?");
  CHECK(did_you_mean("memebrs", known) == ", did you mean \"members\"?");
  CHECK(did_you_mean("xyzzyplugh", known).empty());
}

TEST_CASE("cli/wait: conditions are read, and what is none is refused") {
  CHECK(parse_condition("ready")->kind == Condition::Kind::ready);
  CHECK(parse_condition("joined")->kind == Condition::Kind::joined);
  CHECK(parse_condition("synced")->kind == Condition::Kind::synced);
  CHECK(parse_condition("members=12")->members == 12);
  CHECK(parse_condition("key:a:b=c")->key == "a:b=c");
  for (const char* wrong :
       {"", "redy", "members", "members=", "members=0", "members=-1", "members=3x", "key:", "key"})
    CHECK_FALSE(parse_condition(wrong).has_value());
}

TEST_CASE("cli/wait: members=N is reached by N alive, this node included") {
  Status status;
  status.alive = 2;
  status.dead = 5;
  CHECK_FALSE(missing(*parse_condition("members=2"), status).has_value());
  CHECK(missing(*parse_condition("members=3"), status) == "2 of 3 members are alive");
  CHECK(missing(*parse_condition("joined"), status).has_value());
  CHECK(missing(*parse_condition("synced"), status).has_value());
}

TEST_CASE("cli/client: keys are encoded fully, the slash too") {
  CHECK(key_path("/v1/kv/", "a/b c%") == "/v1/kv/a%2Fb%20c%25");
  CHECK(key_path("/v1/kv/", "..") == "/v1/kv/..");
}

TEST_CASE("cli/client: the daemon gets slightly less time than the command has") {
  Arguments arguments;
  arguments.values["socket"] = "/nonexistent";
  const auto none = Client::make(arguments, std::nullopt);
  CHECK(none->time_left().empty());
  const auto five = Client::make(arguments, std::chrono::seconds(5));
  const int left = std::stoi(five->time_left());
  CHECK(left > 4000);
  CHECK(left <= 4750);
  const auto one = Client::make(arguments, std::chrono::milliseconds(1));
  CHECK(one->time_left() == "1ms");
}

TEST_CASE("cli/client: an instance is 1 to 32 of a-z 0-9 _ -") {
  CHECK(valid_instance("default"));
  CHECK(valid_instance("a_b-9"));
  for (const std::string& wrong : {std::string(), std::string("A"), std::string("a/b"),
                                   std::string("."), std::string(33, 'a')})
    CHECK_FALSE(valid_instance(wrong));
}

TEST_CASE("cli/client: two places at once are a usage problem") {
  Arguments arguments;
  arguments.values = {{"socket", "/a"}, {"api", "http://127.0.0.1:1"}};
  CHECK(Client::make(arguments, std::nullopt).error().exit == exit_usage);
}
