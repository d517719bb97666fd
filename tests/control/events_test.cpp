// Events: the ring, its numbers and its gaps, and which of the node's news become events.
#include "kith/control/events.hpp"

#include "kith/control/api.hpp"
#include "view.hpp"
#include "world.hpp"

using namespace kith;
using namespace kith::control;
using kith::test::at;
using kith::test::shape;

namespace {

constexpr UnixMillis wall{1'767'323'045'678};

Events ring(std::size_t count) {
  BootId boot;
  boot.bytes.fill(0xb0);
  Events events(boot);
  for (std::size_t i = 0; i < count; ++i) events.add({"tick", {}, {{"i", i}}}, wall);
  return events;
}

std::vector<std::string> after(const Events& events, std::uint64_t since, std::size_t most,
                               std::uint64_t& next) {
  return events.after(since, most, wall, next);
}

membership::MemberPtr member(wire::Verdict verdict, std::string name) {
  wire::MemberRecord record;
  record.name = std::move(name);
  auto out = std::make_shared<membership::Member>();
  out->id.bytes.fill(9);
  out->record = std::make_shared<const wire::MemberRecord>(record);
  out->verdict = verdict;
  return out;
}

std::string line_of(const node::Output& output) {
  const auto body = Api::event_of(output);
  if (!body) return "no event";
  Events events(BootId{});
  events.add(*body, wall);
  std::uint64_t next = 0;
  return after(events, 0, 1, next).front();
}

}  // namespace

TEST_CASE("control/events: a line says its number, boot, time and type before the rest") {
  std::uint64_t next = 0;
  const auto lines = after(ring(2), 0, 10, next);
  REQUIRE_EQ(lines.size(), 2);
  CHECK_EQ(lines[0],
           "{\"n\":1,\"boot\":\"b0b0b0b0b0b0b0b0\",\"time\":\"2026-01-02T03:04:05.678Z\","
           "\"type\":\"tick\",\"i\":0}\n");
  CHECK_EQ(at(lines[1], "/n"), "2");
  CHECK_EQ(next, 2);
}

TEST_CASE("control/events: an empty ring has nothing, and nothing to continue from") {
  std::uint64_t next = 99;
  CHECK(after(ring(0), 0, 10, next).empty());
  CHECK_EQ(next, 0);
}

TEST_CASE("control/events: whoever has the newest gets nothing more") {
  std::uint64_t next = 0;
  CHECK(after(ring(5), 5, 10, next).empty());
  CHECK_EQ(next, 5);
}

TEST_CASE("control/events: the ring holds the last 10 000, and what is gone is said first") {
  std::uint64_t next = 0;
  const auto lines = after(ring(10'007), 0, 20'000, next);
  REQUIRE_EQ(lines.size(), 10'001);
  CHECK_EQ(shape(lines[0]), "{n:number,boot:text,time:text,type:text,from:number,to:number}");
  CHECK_EQ(at(lines[0], "/type"), "dropped");
  CHECK_EQ(at(lines[0], "/from"), "1");
  CHECK_EQ(at(lines[0], "/to"), "7");
  CHECK_EQ(at(lines[1], "/n"), "8");
  CHECK_EQ(at(lines[10'000], "/n"), "10007");
  CHECK_EQ(next, 10'007);
}

TEST_CASE("control/events: a full ring that lost nothing says nothing was dropped") {
  std::uint64_t next = 0;
  CHECK_EQ(at(after(ring(10'000), 0, 1, next)[0], "/n"), "1");
  CHECK_EQ(at(after(ring(10'001), 1, 1, next)[0], "/n"), "2");
  CHECK_EQ(at(after(ring(10'001), 0, 1, next)[0], "/type"), "dropped");
}

TEST_CASE("control/events: a number above the newest is an earlier boot's: dropped, then all") {
  for (const std::uint64_t since : {std::uint64_t{4}, std::uint64_t{999'999}, ~std::uint64_t{0}}) {
    std::uint64_t next = 0;
    const auto lines = after(ring(3), since, 10, next);
    REQUIRE_EQ(lines.size(), 4);
    CHECK_EQ(at(lines[0], "/type"), "dropped");
    CHECK_EQ(at(lines[0], "/from"), "1");
    CHECK_EQ(at(lines[0], "/to"), "0");
    CHECK_EQ(at(lines[1], "/n"), "1");
    CHECK_EQ(next, 3);
  }
}

TEST_CASE("control/events: read in small pieces, each line comes once and in order") {
  const Events events = ring(10'020);
  for (const std::size_t most : {std::size_t{1}, std::size_t{2}, std::size_t{256}}) {
    std::uint64_t next = 3, seen = 20;
    std::size_t dropped = 0;
    for (;;) {
      const auto lines = after(events, next, most, next);
      if (lines.empty()) break;
      REQUIRE_LE(lines.size(), most);
      for (const std::string& line : lines) {
        const std::string number = line.substr(5, line.find(',') - 5);
        if (line.find("\"dropped\"") != std::string::npos)
          ++dropped;
        else
          REQUIRE_EQ(number, std::to_string(++seen));
      }
    }
    CHECK_EQ(dropped, 1);
    CHECK_EQ(seen, 10'020);
  }
}

TEST_CASE("control/events: whatever a stranger calls itself, a line stays one line of JSON") {
  Rng rng(3);
  Events events(BootId{});
  for (int i = 0; i < 200; ++i) {
    std::string name(static_cast<std::size_t>(rng.below(70)), '\0');
    for (char& c : name) c = static_cast<char>(rng.below(256));
    events.add({"member.alive", {{"name", name}}}, wall);
  }
  std::uint64_t next = 0;
  for (const std::string& line : after(events, 0, 300, next)) {
    REQUIRE(kith::test::is_json(line));
    REQUIRE_EQ(line.find('\n'), line.size() - 1);
  }
}

TEST_CASE("control/events: each verdict about a member is an event with its id and name") {
  const std::vector<std::pair<wire::Verdict, std::string>> types{
      {wire::Verdict::alive, "member.alive"},
      {wire::Verdict::suspect, "member.suspect"},
      {wire::Verdict::dead, "member.dead"},
      {wire::Verdict::left, "member.left"}};
  for (const auto& [verdict, type] : types) {
    const std::string line = line_of(node::MemberNews{member(verdict, "attic")});
    CHECK_EQ(shape(line), "{n:number,boot:text,time:text,type:text,id:text,name:text}");
    CHECK_EQ(at(line, "/type"), type);
    CHECK_EQ(at(line, "/name"), "attic");
    CHECK_EQ(at(line, "/id").size(), 52);
  }
  auto nameless = std::make_shared<membership::Member>();
  CHECK_EQ(at(line_of(node::MemberNews{nameless}), "/name"), "");
}

TEST_CASE("control/events: a record's change tells its id, number, and its key where known") {
  auto change = std::make_shared<dht::Change>();
  change->id.bytes.fill(0xcd);
  change->sequence = {77};
  std::string line = line_of(node::RecordNews{change});
  CHECK_EQ(shape(line), "{n:number,boot:text,time:text,type:text,record_id:text,seq:number}");
  CHECK_EQ(at(line, "/type"), "record.updated");
  CHECK_EQ(at(line, "/record_id").substr(0, 4), "cdcd");
  CHECK_EQ(at(line, "/seq"), "77");
  change->deleted = true;
  change->name = std::make_shared<const std::string>("a\nb");
  line = line_of(node::RecordNews{change});
  CHECK_EQ(shape(line),
           "{n:number,boot:text,time:text,type:text,record_id:text,key:text,seq:number}");
  CHECK_EQ(at(line, "/type"), "record.deleted");
  CHECK_EQ(at(line, "/key"), "a\nb");
}

TEST_CASE("control/events: a failed join tells its last attempt; other outputs are no events") {
  auto report = std::make_shared<node::JoinReport>();
  CHECK_EQ(shape(line_of(node::JoinNews{report})), "{n:number,boot:text,time:text,type:text}");
  report->attempts = {{"h", "10.0.0.1:1", "refused"}, {"h", "10.0.0.2:1", "no_answer"}};
  const std::string line = line_of(node::JoinNews{report});
  CHECK_EQ(shape(line),
           "{n:number,boot:text,time:text,type:text,target:text,address:text,cause:text}");
  CHECK_EQ(at(line, "/type"), "join.failed");
  CHECK_EQ(at(line, "/cause"), "no_answer");
  CHECK_EQ(line_of(node::Left{}), "no event");
  CHECK_EQ(line_of(Dropped{DropReason::malformed}), "no event");
}

TEST_CASE("control/events: two nodes that meet and part make the events of it") {
  test::ControlWorld world({{1, "attic"}, {2, "cellar"}});
  world.meet(1);
  world.ask("PUT", "/v1/kv/k", "v");
  world.step(1, node::StopRequested{});
  world.run(seconds(2));
  std::string types;
  for (const node::Output& output : world.news)
    if (const auto body = Api::event_of(output)) types += body->type + " ";
  for (const char* type : {"member.alive ", "record.updated ", "member.left "}) {
    INFO(types);
    CHECK((types.find(type) != std::string::npos));
  }
}
