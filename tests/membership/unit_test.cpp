#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "clocks.hpp"
#include "gossip.hpp"
#include "health.hpp"
#include "incarnation.hpp"
#include "kith/crypto/hash.hpp"
#include "kith/membership/membership.hpp"
#include "kith/membership/records.hpp"
#include "probes.hpp"
#include "rings.hpp"
#include "rtt.hpp"
#include "stamps.hpp"
#include "suspicion.hpp"
#include "witnesses.hpp"

using namespace kith;
using namespace kith::membership;
using wire::Verdict;

namespace {

NodeId node(std::uint64_t number) {
  ByteArray<8> bytes;
  store_le(bytes.data(), number);
  NodeId id;
  id.bytes = crypto::hash256({bytes}).bytes;
  return id;
}

Instant at(double seconds_in) {
  return Instant(Duration(static_cast<std::int64_t>(seconds_in * 1e6)));
}

wire::Suspicion by(std::uint64_t accuser) {
  wire::Suspicion suspicion;
  suspicion.accuser = wire::prefix_of(node(accuser));
  return suspicion;
}

Case case_with(std::size_t accusers, Evidence evidence) {
  Case file({1}, at(10), at(9.5));
  file.see(evidence, at(0));
  for (std::size_t i = 0; i < accusers; ++i) file.accuse(node(i), by(i), at(10.5));
  return file;
}

constexpr Standing usual{3, 3, 3};

}  // namespace

// --- clocks -----------------------------------------------------------------------------------

namespace {

constexpr std::int64_t right = 1'790'000'000'000;
Now now(double seconds_in, std::int64_t wall) { return {at(seconds_in), {wall}}; }

}  // namespace

TEST_CASE(
    "membership/clocks: the median, ours included, wins when our clock is over a minute off") {
  Clocks clocks;
  clocks.sample(node(1), {right}, at(10));
  CHECK_EQ(clocks.corrected(now(10, right - 3'600'000)).value, right - 3'600'000);  // which is it?
  clocks.sample(node(2), {right + 5'000}, at(10));
  CHECK_EQ(clocks.corrected(now(10, right - 3'600'000)).value, right);
  clocks.sample(node(3), {right + 86'400'000}, at(10));  // a liar, or a bad clock itself
  clocks.sample(node(4), {right + 6'000}, at(10));
  CHECK_EQ(clocks.corrected(now(10, right - 3'600'000)).value, right + 5'000);
  CHECK_EQ(clocks.corrected(now(70, right - 3'540'000)).value, right + 65'000);  // it goes on
  CHECK_EQ(clocks.corrected(now(10, right - 50'000)).value, right - 50'000);     // near enough
  CHECK_EQ(clocks.corrected(now(70, right + 61'000)).value, right + 61'000);     // set right since
  SUBCASE("what was said too long ago does not count") {
    clocks.sample(node(1), {right + 1'800'000}, at(1810));
    CHECK_EQ(clocks.corrected(now(1810, right)).value, right);
  }
}

TEST_CASE("membership/clocks: two of five that are wrong mislead none of the others") {
  const std::int64_t clocks_told[] = {right - 1'494'000, right - 983'000, right, right, right};
  for (std::size_t me = 0; me < 5; ++me) {
    Clocks clocks;
    for (std::size_t other = 0; other < 5; ++other)
      if (other != me) clocks.sample(node(other), {clocks_told[other]}, at(10));
    CHECK_EQ(clocks.corrected(now(10, clocks_told[me])).value, right);
  }
}

TEST_CASE("membership/stamps: each is later than all seen, ticks on, and goes by the wall again") {
  Stamps stamps;
  CHECK_EQ(stamps.next(now(10, right), {right}).value, right + 1);
  stamps.see({right + 60'000}, at(10));  // some clock is a minute ahead
  CHECK_EQ(stamps.next(now(10, right), {right}).value, right + 60'001);
  CHECK_EQ(stamps.next(now(20, right), {right + 10'000}).value, right + 70'002);
  CHECK_EQ(stamps.next(now(20, right), {right - 500'000}).value, right + 70'003);  // set back
  CHECK_EQ(stamps.at(at(15), now(20, right), {right + 10'000}).value, right + 65'003);
  CHECK_EQ(stamps.next(now(20, right), {right + 900'000}).value, right + 900'001);  // set on
  stamps.see({1ll << 62}, at(20));  // no time at all
  CHECK_EQ(stamps.next(now(20, right), {right}).value, right + 900'002);
}

TEST_CASE("membership/clocks: a clock that was never set counts nowhere, nor does one gone mad") {
  Clocks clocks;
  for (std::uint64_t i = 0; i < 9; ++i)
    clocks.sample(node(i), {i % 3 == 0 ? 0 : i % 3 == 1 ? -1 : 1ll << 62}, at(1));
  CHECK_EQ(clocks.corrected({at(2), {5}}).value, build_date_ms);
  CHECK_EQ(clocks.corrected({at(2), {build_date_ms + 5}}).value, build_date_ms + 5);
}

// --- suspicion --------------------------------------------------------------------------------

TEST_CASE("membership/suspicion: the timeout is Lifeguard's formula [IV.B] within a thousandth") {
  for (std::size_t needed = 1; needed <= 4; ++needed) {
    for (std::size_t confirmations = 0; confirmations <= needed; ++confirmations) {
      const double min = 3.0, max = 18.0;
      const double paper = max - (max - min) * std::log(static_cast<double>(confirmations) + 1) /
                                     std::log(static_cast<double>(needed) + 1);
      const double ours =
          static_cast<double>(suspicion_timeout(seconds(3), confirmations, needed).count()) / 1e6;
      CHECK(ours == doctest::Approx(std::max(min, paper)).epsilon(0.001));
    }
  }
}

TEST_CASE(
    "membership/suspicion: three signatures and a closed port are death after 1.0 s and not "
    "before") {
  const Case file = case_with(3, Evidence::refusal);
  CHECK_EQ(file.rule(usual, at(10.999)), Ruling::wait);
  CHECK_EQ(file.rule(usual, at(11.0)), Ruling::dead);
}

TEST_CASE(
    "membership/suspicion: three signatures and silence are death after 3.0 s and not before") {
  const Case file = case_with(3, Evidence::silence);
  CHECK_EQ(file.rule(usual, at(12.999)), Ruling::wait);
  CHECK_EQ(file.rule(usual, at(13.0)), Ruling::dead);
}

TEST_CASE("membership/suspicion: one signature short of the quorum is never death") {
  const Case file = case_with(2, Evidence::refusal);
  for (double t = 10; t < 40; t += 0.01) CHECK_NE(file.rule(usual, at(t)), Ruling::dead);
  CHECK_EQ(file.rule(usual, at(16.0)), Ruling::withdraw);
}

TEST_CASE("membership/suspicion: the same observer counts once") {
  Case file({1}, at(10), at(9.5));
  CHECK(file.accuse(node(1), by(1), at(10)));
  CHECK_FALSE(file.accuse(node(1), by(1), at(11)));
  CHECK_EQ(file.certificate().size(), 1);
}

TEST_CASE("membership/suspicion: while we may have been deaf nobody was silent") {
  Case file = case_with(3, Evidence::silence);
  file.gate_is(false, at(10));   // we heard nobody else either,
  file.gate_is(true, at(11.5));  // until a cut of ours ended
  file.gate_is(true, at(12));
  CHECK_EQ(file.rule(usual, at(14.499)), Ruling::wait);
  CHECK_EQ(file.rule(usual, at(14.5)), Ruling::dead);
}

TEST_CASE(
    "membership/suspicion: an old case of our own makes no death of what others noticed just now") {
  Case file = case_with(1, Evidence::silence);  // since 10, while our datagrams were lost
  file.accuse(node(8), by(8), at(13));          // they asked at 12, the member sleeps since then
  CHECK_EQ(file.rule(usual, at(13)), Ruling::wait);
  file.accuse(node(9), by(9), at(13.2));
  CHECK_EQ(file.rule(usual, at(15.199)), Ruling::wait);
  CHECK_EQ(file.next_look(at(15.1)), at(15.2));
  CHECK_EQ(file.rule(usual, at(15.2)), Ruling::dead);  // 3 s after the question of the third
  SUBCASE("a closed port needs no such wait") {
    file.see(Evidence::refusal, at(13.2));
    CHECK_EQ(file.rule(usual, at(13.2)), Ruling::dead);
  }
}

TEST_CASE("membership/suspicion: a deaf node, whose gate is shut, judges nobody") {
  const Case file = case_with(7, Evidence::silence);
  const Standing deaf{3, 3, 2};
  for (double t = 10; t < 28; t += 0.01) CHECK_EQ(file.rule(deaf, at(t)), Ruling::wait);
  CHECK_EQ(file.rule(deaf, at(28)), Ruling::withdraw);
}

TEST_CASE(
    "membership/suspicion: without a possible witness four windows and a quiet machine make a "
    "lonely verdict") {
  const Case file = case_with(0, Evidence::silence);
  const Standing lonely{1, 0, 0}, disturbed{1, 0, 0, at(20)};
  CHECK_EQ(file.rule(lonely, at(21.499)), Ruling::wait);
  CHECK_EQ(file.rule(lonely, at(21.5)), Ruling::alone);       // 12 s after it was last heard
  CHECK_EQ(file.rule(disturbed, at(31)), Ruling::ask_again);  // the count began again at 20,
  CHECK_EQ(file.rule(disturbed, at(32)), Ruling::alone);  // and the case is not withdrawn meanwhile
  const Case refused = case_with(0, Evidence::refusal);
  CHECK_EQ(refused.rule({1, 0, 0, at(12)}, at(13.5)), Ruling::alone);  // a closed port is closed
  CHECK_EQ(case_with(0, Evidence::none).rule(lonely, at(22)), Ruling::wait);  // others' word only
}

TEST_CASE("membership/suspicion: with part of the quorum the question is put again, once") {
  Case file = case_with(2, Evidence::silence);
  CHECK_EQ(file.rule(usual, at(18)), Ruling::wait);
  CHECK_EQ(file.rule(usual, at(19)), Ruling::ask_again);  // 18 - 15 log 2 / log 3 = 8.5 s
  file.asked_again();
  CHECK_EQ(file.rule(usual, at(19)), Ruling::wait);
}

TEST_CASE("membership/suspicion: a retracted accusation no longer counts") {
  Case file = case_with(3, Evidence::silence);
  CHECK(file.retract(node(1)));
  CHECK_EQ(file.rule(usual, at(13)), Ruling::wait);
}

// --- the small parts --------------------------------------------------------------------------

TEST_CASE(
    "membership/health: the score stays within 0 and 8 and scales time by score + 1 [Lifeguard "
    "IV.A]") {
  Health health;
  health.better();
  CHECK_EQ(health.scaled(seconds(1)), seconds(1));
  health.worse(3);
  CHECK_EQ(health.scaled(seconds(1)), seconds(4));
  health.worse(100);
  CHECK_EQ(health.score(), 8);
  CHECK_EQ(health.scaled(seconds(1)), seconds(9));
}

TEST_CASE("membership/rtt: unknown 350 ms, then srtt + 4 rttvar within its bounds") {
  Rtt rtt;
  CHECK_EQ(rtt.timeout(probe_timeout_max_lan), milliseconds(350));
  rtt.sample(milliseconds(60));
  CHECK_EQ(rtt.timeout(probe_timeout_max_lan), milliseconds(180));  // 60 + 4 * 30
  for (int i = 0; i < 100; ++i) rtt.sample(microseconds(300));
  CHECK_EQ(rtt.timeout(probe_timeout_max_lan), milliseconds(50));
  for (int i = 0; i < 10; ++i) rtt.sample(seconds(2));
  CHECK_EQ(rtt.timeout(probe_timeout_max_lan), milliseconds(500));
}

TEST_CASE("membership/witnesses: counts distinct peers heard after a moment") {
  Witnesses witnesses;
  const auto anybody = [](const NodeId&) { return true; };
  for (std::uint64_t i = 0; i < 40; ++i) witnesses.heard(node(i % 20), at(static_cast<double>(i)));
  CHECK_EQ(witnesses.since(at(36.5), anybody), 3);
  witnesses.heard(node(19), at(50));
  witnesses.heard(node(19), at(51));
  CHECK_EQ(witnesses.since(at(40), anybody), 1);
  CHECK_EQ(witnesses.since(at(51), anybody), 0);  // strictly after
}

TEST_CASE(
    "membership/rings: observers and subjects are two views of one relation, at most eight each") {
  Rings rings(crypto::network_id(as_bytes("root"), "rings"));
  std::vector<NodeId> members;
  for (std::uint64_t i = 0; i < 64; ++i) members.push_back(node(i));
  for (const NodeId& member : members) rings.insert(member);
  const auto all = [](const NodeId&) { return true; };
  for (const NodeId& subject : members) {
    const auto observers = rings.observers(subject, all);
    CHECK_LE(observers.size(), ring_count);
    CHECK_GE(observers.size(), 5);  // 8 draws of 63
    for (const NodeId& observer : observers) {
      const auto subjects = rings.subjects(observer, all);
      CHECK(std::find(subjects.begin(), subjects.end(), subject) != subjects.end());
      CHECK(rings.may_accuse(observer, subject, all));
    }
  }
  std::size_t allowed = 0;
  for (const NodeId& a : members)
    for (const NodeId& b : members) allowed += rings.may_accuse(a, b, all) ? 1 : 0;
  CHECK_LE(allowed, 64 * ring_count * observer_slack);  // a stranger may not accuse
}

TEST_CASE("membership/records: what is in use is not read again, what is not is forgotten") {
  wire::MemberRecord content;
  content.key.bytes[0] = 7;
  const Buffer raw = wire::encode_member_record(wire::member_record_body(content), Signature{});
  auto records = std::make_unique<Records>();
  SignedRecordPtr record = records->read(raw.view());
  REQUIRE(record);
  CHECK_EQ(record->id, crypto::node_id(content.key));
  CHECK(equal(record->raw.view(), raw.view()));
  CHECK_EQ(records->read(Buffer(raw.view()).view()), record);
  CHECK_FALSE(records->read(raw.first(raw.size() - 1).view()));
  CHECK_EQ(records->size(), 1);
  record.reset();
  CHECK_EQ(records->size(), 0);
  record = records->read(raw.view());
  records.reset();
  CHECK_EQ(record->content, content);  // it outlives who read it
}

// Of a point its upper half is kept: two such members are told apart by what is not.
TEST_CASE("membership/rings: two whose points begin alike stand in the same order for everybody") {
  const NetworkId network;
  std::map<std::uint32_t, NodeId> seen;
  std::optional<std::pair<NodeId, NodeId>> alike;
  for (std::uint64_t i = 0; !alike; ++i) {
    const Byte first_ring = 0;
    const ByteArray<8> point = crypto::keyed_hash64(
        network.view(), {as_bytes("kith ring"), ByteView(&first_ring, 1), node(i).view()});
    const auto [other, fresh] = seen.emplace(load_le<std::uint32_t>(point.data() + 4), node(i));
    if (!fresh) alike.emplace(other->second, node(i));
  }
  std::vector<NodeId> members = {alike->first, alike->second};
  for (std::uint64_t i = 1'000'000; members.size() < 40; ++i) members.push_back(node(i));
  Rings forth(network), back(network), without(network);
  for (const NodeId& member : members) forth.insert(member);
  std::for_each(members.rbegin(), members.rend(), [&](const NodeId& m) { back.insert(m); });
  for (std::size_t i = 1; i < members.size(); ++i) without.insert(members[i]);
  const auto all = [](const NodeId&) { return true; };
  for (const NodeId& member : members)
    CHECK_EQ(forth.observers(member, all), back.observers(member, all));
  back.erase(alike->first);
  for (const NodeId& member : members)
    CHECK_EQ(back.subjects(member, all), without.subjects(member, all));
}

TEST_CASE("membership/rings: up to nine members everyone observes everyone, suspects excepted") {
  Rings rings(NetworkId{});
  for (std::uint64_t i = 0; i < 9; ++i) rings.insert(node(i));
  CHECK_EQ(rings.subjects(node(0), [](const NodeId&) { return true; }).size(), 8);
  CHECK_EQ(rings.observers(node(0), [](const NodeId& id) { return id != node(1); }).size(), 7);
}

TEST_CASE("membership/rings: behind a fallen neighbour its neighbour is observed at once") {
  Rings rings(NetworkId{});
  for (std::uint64_t i = 0; i < 64; ++i) rings.insert(node(i));
  const auto most_fell = [](const NodeId& id) { return id.bytes[0] % 4 == 0; };
  for (std::uint64_t i = 0; i < 64; ++i)
    if (!most_fell(node(i))) CHECK_GE(rings.observers(node(i), most_fell).size(), 3);
}

TEST_CASE("membership/gossip: an item leaves after 4 * ceil(log2(n + 1)) sendings, 16 at most") {
  CHECK_EQ(gossip_budget(1), 4);
  CHECK_EQ(gossip_budget(8), 16);
  CHECK_EQ(gossip_budget(1000), 16);  // no more than it has neighbours
  GossipQueue queue(Tuning{}.gossip_bytes);
  queue.push(wire::Reference{wire::prefix_of(node(1)), {5}, Verdict::alive, {}});
  for (int i = 0; i < 16; ++i) {
    wire::Gossip gossip;
    queue.fill(gossip, gossip_budget(8));
    CHECK_EQ(gossip.references.size(), 1);
  }
  CHECK(queue.empty());
}

TEST_CASE("membership/gossip: a full queue forgets what has been told most, and is never larger") {
  GossipQueue queue(Tuning{}.gossip_bytes);
  const auto news = [](std::uint64_t about) {
    return wire::Reference{wire::prefix_of(node(about)), {1}, Verdict::alive, {}};
  };
  for (std::uint64_t i = 0; i < 10; ++i) queue.push(news(i));
  for (int i = 0; i < 3; ++i) {
    wire::Gossip gossip;
    queue.fill(gossip, gossip_budget(1000));
    CHECK_EQ(gossip.references.size(), 10);
  }
  for (std::uint64_t i = 10; i < 2 * gossip_limit; ++i) {
    queue.push(news(i));
    REQUIRE(queue.size() <= gossip_limit);
  }
  std::set<wire::IdPrefix> told;
  while (!queue.empty()) {
    wire::Gossip gossip;
    queue.fill(gossip, 1);
    for (const wire::Reference& reference : gossip.references) told.insert(reference.subject);
  }
  for (std::uint64_t i = 0; i < 10; ++i) CHECK_FALSE(told.contains(news(i).subject));
  CHECK(told.contains(news(2 * gossip_limit - 1).subject));
  CHECK(told.size() >= gossip_limit * 7 / 8);
}

TEST_CASE("membership/gossip: what is dropped or replaced is not told") {
  GossipQueue queue(Tuning{}.gossip_bytes);
  wire::Reference old{wire::prefix_of(node(1)), {1}, Verdict::alive, {}};
  wire::Reference fresh = old;
  fresh.incarnation = {2};
  queue.push(old);
  queue.push(wire::Reference{wire::prefix_of(node(2)), {1}, Verdict::alive, {}});
  queue.push(fresh);
  queue.drop(wire::prefix_of(node(2)));
  wire::Gossip gossip;
  queue.fill(gossip, 4);
  REQUIRE_EQ(gossip.references.size(), 1);
  CHECK_EQ(gossip.references[0].incarnation, Incarnation{2});
}

TEST_CASE(
    "membership/gossip: the least spread goes first and a message never outgrows a datagram") {
  GossipQueue queue(Tuning{}.gossip_bytes);
  for (std::uint64_t i = 0; i < 200; ++i)
    queue.push(wire::Reference{wire::prefix_of(node(i)), {1}, Verdict::alive, {}});
  for (std::uint64_t i = 0; i < 20; ++i) {
    wire::Suspicion suspicion = by(i);
    suspicion.subject.subject = wire::prefix_of(node(999));
    queue.push(suspicion);
  }
  std::set<wire::IdPrefix> seen;
  std::size_t suspicions = 0;
  for (int i = 0; i < 8; ++i) {
    wire::Ping ping;
    queue.fill(ping.gossip, 100);
    CHECK_LE(wire::encode(ping).size(), wire::datagram_message_limit);
    for (const auto& reference : ping.gossip.references) seen.insert(reference.subject);
    suspicions += ping.gossip.suspicions.size();
  }
  CHECK_EQ(seen.size(), 200);
  CHECK_GE(suspicions, 20);
}

TEST_CASE(
    "membership/gossip: newer news of a subject replaces older, suspicions go with their subject") {
  GossipQueue queue(Tuning{}.gossip_bytes);
  queue.push(wire::Reference{wire::prefix_of(node(1)), {1}, Verdict::alive, {}});
  queue.push(wire::Reference{wire::prefix_of(node(1)), {2}, Verdict::alive, {}});
  wire::Suspicion suspicion = by(7);
  suspicion.subject.subject = wire::prefix_of(node(1));
  queue.push(suspicion);
  CHECK_EQ(queue.size(), 2);
  queue.drop_suspicions(wire::prefix_of(node(1)));
  CHECK_EQ(queue.size(), 1);
  for (std::uint64_t i = 0; i < 2 * gossip_limit; ++i)
    queue.push(wire::Reference{wire::prefix_of(node(i)), {1}, Verdict::alive, {}});
  CHECK_EQ(queue.size(), gossip_limit);
}

TEST_CASE("membership/incarnation: above everything stored, above the clock, reserved before use") {
  IncarnationBook book({5000}, UnixMillis{3000});
  CHECK_EQ(book.start().value, 5001);
  CHECK_FALSE(book.reserved(book.next({})));
  book.written(IncarnationBook::mark_for(book.next({})));
  CHECK(book.reserved(book.next({})));
  book.use(book.next({}));
  CHECK_EQ(book.current().value, 5001);
  CHECK_EQ(book.next({9000}).value, 9001);
  CHECK_EQ(IncarnationBook({0}, UnixMillis{3000}).start().value, 3000);
}

TEST_CASE(
    "membership/incarnation: two lives that no disk and no clock tells apart leap apart, once") {
  IncarnationBook first({5000}, UnixMillis{3000}), second({5000}, UnixMillis{3000});
  REQUIRE_EQ(first.next({}), second.next({}));
  first.refused(IncarnationBook::mark_for(first.next({})), 70'000);
  second.refused(IncarnationBook::mark_for(second.next({})), 300);
  CHECK_EQ(first.next({}).value, 75'001);
  CHECK_EQ(second.next({}).value, 5301);
  CHECK(first.reserved(first.next({})));
  first.refused(IncarnationBook::mark_for(first.next({})), 70'000);
  CHECK_EQ(first.next({}).value, 75'001);
}
