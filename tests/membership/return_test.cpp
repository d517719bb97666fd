// Who is gone, and who comes back: after a day, a refuted death, another life.
#include <set>

#include "constants.hpp"
#include "kith/crypto/hash.hpp"
#include "kith/reconcile/reconcile.hpp"
#include "rings.hpp"
#include "solo.hpp"
#include "world.hpp"

using namespace kith;
using namespace kith::test;
using wire::Verdict;

namespace {

struct Room {
  explicit Room(std::uint64_t members, ms::Config config = {}) : solo(std::move(config)) {
    grow(members);
    solo.pass(milliseconds(20));
  }
  void grow(std::uint64_t members) {
    for (std::uint64_t i = 0; i < members; ++i) {
      peers.push_back(somebody(60 + peers.size()));
      solo.receive(peers.back().id(), wire::Members{{0}, {record_of(peers.back(), {5})}, {}});
    }
  }
  Verdict verdict(std::size_t who) const { return solo.machine->find(peers[who].id())->verdict; }
  wire::Reference reference(std::size_t who, Verdict verdict) const {
    return {wire::prefix_of(peers[who].id()),
            {5},
            verdict,
            crypto::hash64({record_of(peers[who], {5}).view()})};
  }
  wire::Suspicion suspicion(std::size_t accuser, std::size_t who, Duration ago) const {
    wire::Suspicion made;
    made.subject = reference(who, Verdict::suspect);
    made.accuser = wire::prefix_of(peers[accuser].id());
    made.stamp = {solo.now.wall.value - to_millis(ago)};
    made.signature =
        peers[accuser].sign(wire::suspicion_message(NetworkId{}, peers[who].id(), made).view());
    return made;
  }
  void pass(Duration time, std::set<std::size_t> silent = {}) {
    for (Duration passed{}; passed < time; passed += milliseconds(100)) {
      solo.pass(milliseconds(100));
      solo.now.wall.value += 100;
      for (std::size_t i = 0; i < peers.size(); ++i)
        if (!silent.contains(i)) solo.step(ms::PeerHeard{peers[i].id()});
    }
  }
  Solo solo;
  std::vector<crypto::Identity> peers;
};

// The subject 0 is dead by accusers of whom too few can accuse it once the network has grown.
struct Unproven : Room {
  explicit Unproven(ms::Config config = {}) : Room(8, config) {
    // Whom the grown network does not listen to.
    ms::Rings rings(NetworkId{});
    const auto all = [](const NodeId&) { return true; };
    rings.insert(solo.identity->id());
    std::vector<crypto::Identity> later;
    for (std::size_t i = 0; i < 8 + 240; ++i) later.push_back(somebody(60 + i));
    for (const auto& one : later)
      if (one.id() != peers[0].id()) rings.insert(one.id());
    std::vector<wire::Suspicion> proof;
    for (std::size_t i = 1; i < 8 && proof.size() < 3; ++i)
      if (!rings.may_accuse(peers[i].id(), peers[0].id(), all))
        proof.push_back(suspicion(i, 0, milliseconds(-10)));
    REQUIRE_EQ(proof.size(), 3);
    solo.receive(peers[1].id(), wire::GossipPush{{{reference(0, Verdict::dead)}, proof}});
    REQUIRE_EQ(verdict(0), Verdict::dead);
    grow(240);
  }
  std::size_t accusations_told() const {
    std::size_t told = 0;
    for (const ms::SendMessage& sent : solo.all<ms::SendMessage>()) {
      if (sent.to != peers[0].id()) continue;
      const auto message = wire::decode(sent.message);
      const auto* push = std::get_if<wire::GossipPush>(&*message);
      if (push && !push->gossip.suspicions.empty()) ++told;
    }
    return told;
  }
};

}  // namespace

TEST_CASE(
    "membership/return: the accusations of one taken back are no certificate to who asks for it") {
  Unproven room;
  room.solo.step(ms::PeerHeard{room.peers[0].id()});
  REQUIRE_EQ(room.verdict(0), Verdict::alive);
  room.solo.outputs.clear();
  room.solo.receive(room.peers[1].id(), wire::PullMembers{{{77}, 1000, Lane::membership, 0},
                                                          {wire::prefix_of(room.peers[0].id())}});
  bool answered = false;
  for (const ms::SendMessage& sent : room.solo.all<ms::SendMessage>()) {
    const auto message = wire::decode(sent.message);
    const auto* members = std::get_if<wire::Members>(&*message);
    if (!members) continue;
    answered = true;
    CHECK_EQ(members->suspicions.size(), 0);
    // Shown to a newcomer that met only a few yet.
    Solo newcomer({}, 2);
    for (std::size_t i = 1; i < 8; ++i)
      newcomer.receive(room.peers[i].id(), wire::Members{{0}, {record_of(room.peers[i], {5})}, {}});
    newcomer.receive(room.peers[1].id(), wire::Ping{{{5}, 1000, Lane::membership, 0},
                                                    {{room.reference(0, Verdict::alive)}, {}}});
    for (const ms::SendMessage& asked : newcomer.all<ms::SendMessage>()) {
      const auto question = wire::decode(asked.message);
      if (const auto* pull = std::get_if<wire::PullMembers>(&*question)) {
        wire::Members answer = *members;
        answer.request = pull->envelope.request;
        newcomer.receive(room.peers[1].id(), answer);
      }
    }
    REQUIRE(newcomer.machine->find(room.peers[0].id()));
    CHECK_EQ(newcomer.machine->find(room.peers[0].id())->verdict, Verdict::alive);
  }
  CHECK(answered);
}

TEST_CASE(
    "membership/return: who is taken back is shown the accusations until it has refuted them") {
  Unproven room;
  room.solo.outputs.clear();
  room.solo.step(ms::PeerHeard{room.peers[0].id()});
  REQUIRE_EQ(room.verdict(0), Verdict::alive);
  CHECK_EQ(room.accusations_told(), 1);  // this one is lost
  room.solo.outputs.clear();
  room.pass(seconds(30));
  REQUIRE_EQ(room.verdict(0), Verdict::alive);
  CHECK_GT(room.accusations_told(), 0);
}

TEST_CASE("membership/return: two sides of a cut of more than 24 h are one after they meet") {
  for (const std::size_t each : {1, 3}) {
    World world;
    REQUIRE(world.settle(2 * each));
    const auto cut = [&](bool is_cut) {
      for (std::size_t i = 0; i < each; ++i)
        for (std::size_t j = each; j < 2 * each; ++j) world.cut(i, j, is_cut);
    };
    cut(true);
    world.run(hours(25));
    cut(false);
    // By a beacon or a join: a session of its own, the old one has long ended.
    world.step(0, ms::PeerEstablished{world.id(each), world.identity(each)->public_key()});
    world.step(each, ms::PeerEstablished{world.id(0), world.identity(0)->public_key()});
    world.run(minutes(2));
    CHECK(world.agreed(2 * each));
  }
}

TEST_CASE("membership/return: the dead are forgotten where newcomers come, too") {
  World world;
  REQUIRE(world.settle(4));
  world.kill(3);
  world.run(seconds(30));
  for (int day = 0; day < 3; ++day) {
    world.run(hours(20));
    const std::size_t fresh = world.add();
    world.meet(fresh, fresh == 4 ? 0 : fresh - 1);
    world.run(seconds(30));
    REQUIRE(world.at(fresh).find(world.id(0)));
  }
  // 60 h after its death.
  for (std::size_t i = 0; i < world.size(); ++i)
    if (world.running(i)) CHECK_FALSE(world.at(i).find(world.id(3)));
}

TEST_CASE("membership/return: whom a newcomer takes the place of is reported as forgotten") {
  Solo solo;
  for (std::uint64_t i = 0; i + 1 < ms::roster_limit; ++i) {
    const crypto::Identity peer = somebody(1000 + i);
    wire::MemberRecord record;
    record.incarnation = {1};
    record.leaving = i == 7;
    solo.receive(peer.id(), wire::Members{{0}, {signed_record(peer, record)}, {}});
  }
  REQUIRE_EQ(solo.machine->snapshot().members.size(), ms::roster_limit);
  const crypto::Identity late = somebody(900);
  solo.receive(late.id(), wire::Members{{0}, {record_of(late, {1})}, {}});
  REQUIRE(solo.machine->find(late.id()));
  REQUIRE_FALSE(solo.machine->find(somebody(1007).id()));
  const auto reaped = solo.all<ms::MemberReaped>();
  REQUIRE_EQ(reaped.size(), 1);
  CHECK(reaped[0].id == somebody(1007).id());
}

TEST_CASE("membership/return: one that leaves a full network keeps its own record") {
  Solo solo;
  for (std::uint64_t i = 0; i + 1 < ms::roster_limit; ++i) {
    const crypto::Identity peer = somebody(1000 + i);
    solo.receive(peer.id(), wire::Members{{0}, {record_of(peer, {1})}, {}});
  }
  solo.step(ms::LeaveRequested{});
  solo.pass(milliseconds(10));
  const crypto::Identity late = somebody(900);
  solo.receive(late.id(), wire::Members{{0}, {record_of(late, {1})}, {}});
  CHECK(solo.machine->find(solo.identity->id()));
  solo.step(ms::PeerEstablished{late.id(), late.public_key()});
}

TEST_CASE("membership/return: the gone take no place of their neighbourhood in public mode") {
  ms::Config config;
  config.mode = Mode::public_;
  Solo open(config);
  for (std::uint64_t i = 0; i < ms::public_prefix_limit; ++i) {
    const crypto::Identity peer = somebody(1000 + i);
    wire::MemberRecord record;
    record.incarnation = {2};
    record.leaving = true;
    record.addresses = {{IpAddress::v4(10, 0, 0, 1), 4747}};
    open.receive(peer.id(), wire::Members{{0}, {signed_record(peer, record)}, {}});
  }
  const crypto::Identity late = somebody(900);
  open.receive(late.id(), wire::Members{{0}, {record_of(late, {1})}, {}});
  CHECK(open.machine->find(late.id()));
}

TEST_CASE("membership/return: silence before a member's new life is none of it") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    World world({.seed = seed});
    REQUIRE(world.settle(3));
    world.step(2, ms::LeaveRequested{});
    world.run(seconds(1));
    world.kill(2);
    world.run(minutes(10));
    REQUIRE_EQ(world.verdict(0, 2), Verdict::left);
    world.cut(0, 2);  // it hears of the new life by 1
    world.restart(2);
    world.meet(2, 1);
    while (world.verdict(0, 2) != Verdict::alive) world.run(milliseconds(10));
    world.silence(0);  // our own cable, for some seconds
    const Instant start = world.now().mono;
    while (world.verdict(0, 2) != Verdict::dead) world.run(milliseconds(50));
    const Duration two = world.now().mono - start;
    while (world.verdict(0, 1) != Verdict::dead) world.run(milliseconds(50));
    const Duration one = world.now().mono - start;
    INFO("the new one dead after ms " << to_millis(two) << ", the other " << to_millis(one));
    CHECK_GE(two, ms::silence_window * ms::alone_windows - milliseconds(100));
  }
}

TEST_CASE(
    "membership/return: hints of peers that are gone for good leave room for one that is met") {
  ms::Config config;
  for (std::uint64_t i = 0; i < 200; ++i)
    config.saved_peers.push_back(somebody(3000 + i).public_key());
  Solo solo(config);
  solo.pass(seconds(60));
  solo.outputs.clear();
  const crypto::Identity met = somebody(60);
  solo.step(ms::PeerEstablished{met.id(), met.public_key()});
  solo.pass(minutes(3));
  std::size_t pings = 0;
  for (const ms::SendMessage& sent : solo.all<ms::SendMessage>())
    if (sent.to == met.id() && std::holds_alternative<wire::Ping>(*wire::decode(sent.message)))
      ++pings;
  CHECK_GT(pings, 0);
}

TEST_CASE(
    "membership/return: an accusation that was taken back does not count when it comes round "
    "again") {
  for (const bool round : {false, true}) {
    Room room(5);
    room.solo.step(ms::PeerHeard{room.peers[0].id()});
    room.pass(milliseconds(100), {0});
    const wire::Suspicion first = room.suspicion(1, 0, milliseconds(0));
    room.solo.receive(room.peers[1].id(), wire::GossipPush{{{}, {first}}});
    REQUIRE_EQ(room.verdict(0), Verdict::suspect);
    room.solo.receive(room.peers[1].id(), wire::Heard{wire::prefix_of(room.peers[0].id()), {5}});
    if (round) room.solo.receive(room.peers[3].id(), wire::GossipPush{{{}, {first}}});
    const wire::Suspicion second = room.suspicion(2, 0, milliseconds(0));
    room.solo.receive(room.peers[2].id(), wire::GossipPush{{{}, {second}}});
    room.pass(seconds(12), {0});
    INFO("came round again: " << round);
    CHECK_NE(room.verdict(0), Verdict::dead);  // two of five found it silent: no quorum
  }
}

TEST_CASE("membership/return: an exchange's rounds cover a whole roster of differences") {
  for (const int kind : {0, 1}) {
    reconcile::RangeSet mine, theirs;
    for (std::uint64_t i = 0; i < ms::roster_limit; ++i) {
      const NodeId id{crypto::hash256({as_bytes(std::to_string(i))}).bytes};
      ByteArray<8> one{}, two{};
      two[0] = 1;
      if (kind == 1) mine.put(id.bytes, one);
      theirs.put(id.bytes, two);
    }
    reconcile::Reconciler asker;
    std::vector<reconcile::Difference> found;
    int rounds = 0;
    for (;; ++rounds) {
      wire::Reconcile question{};
      question.ranges = asker.next(mine);
      if (question.ranges.empty()) break;
      REQUIRE(asker.take(mine, reconcile::answer(theirs, question), found));
    }
    CHECK_EQ(found.size(), ms::roster_limit);
    CHECK_LE(rounds, ms::exchange_rounds);
  }
}

TEST_CASE("membership/return: who was forgotten and is back is learned of without its news") {
  Room room(2);
  room.solo.receive(room.peers[0].id(), [&] {
    wire::MemberRecord goodbye;
    goodbye.incarnation = {6};
    goodbye.leaving = true;
    return wire::Members{{0}, {signed_record(room.peers[0], goodbye)}, {}};
  }());
  REQUIRE_EQ(room.verdict(0), Verdict::left);
  for (Duration passed{}; passed < ms::keep_gone + minutes(2); passed += minutes(1)) {
    room.solo.pass(minutes(1));
    room.solo.step(ms::PeerHeard{room.peers[1].id()});
  }
  REQUIRE_FALSE(room.solo.machine->find(room.peers[0].id()));

  reconcile::RangeSet theirs;  // of the other, who knows its new life
  theirs.put(room.peers[0].id().bytes, ByteArray<8>{7});
  bool asked = false;
  for (int i = 0; i < 300 && !asked; ++i) {
    room.solo.outputs.clear();
    room.solo.step(ms::PeerHeard{room.peers[1].id()});
    room.solo.pass(milliseconds(100));
    for (const ms::SendMessage& sent : room.solo.all<ms::SendMessage>()) {
      const auto message = wire::decode(sent.message);
      if (const auto* question = std::get_if<wire::Reconcile>(&*message))
        room.solo.receive(sent.to, reconcile::answer(theirs, *question));
    }
    for (const ms::SendMessage& sent : room.solo.all<ms::SendMessage>()) {
      const auto message = wire::decode(sent.message);
      const auto* pull = std::get_if<wire::PullMembers>(&*message);
      asked = asked || (pull && pull->subjects == std::vector{wire::prefix_of(room.peers[0].id())});
    }
  }
  CHECK(asked);
}
