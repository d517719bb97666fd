// Records and rosters: who is known, by which record, for how long, and what is on the disk before.
#include <algorithm>

#include "constants.hpp"
#include "solo.hpp"
#include "world.hpp"

using namespace kith;
using namespace kith::test;
using wire::Verdict;

TEST_CASE("membership: a refutation works on a full disk") {
  World world;
  REQUIRE(world.settle(5));
  world.disk_full = true;
  for (int round = 0; round < 5; ++round) {
    const Incarnation before = world.at(0).find(world.id(2))->record->incarnation;
    world.suspicion_by(3, 2, 0);
    world.run(seconds(3));
    CHECK_GT(world.at(0).find(world.id(2))->record->incarnation, before);
  }
}

TEST_CASE(
    "membership: the dead are forgotten after 24 h and not taken back from those who remember") {
  World world;
  REQUIRE(world.settle(3));
  world.kill(2);
  world.run(seconds(10));
  CHECK_EQ(world.at(0).snapshot().members.size(), 3);
  world.run(hours(24));
  world.run(seconds(30));
  CHECK_EQ(world.at(0).snapshot().members.size(), 2);
  CHECK_EQ(world.at(1).snapshot().members.size(), 2);
}

TEST_CASE("membership: rosters that differ are one after a comparison that was asked for") {
  World world;
  REQUIRE(world.settle(5));
  for (std::size_t i = 1; i <= 5; ++i) world.cut(0, i);
  const std::size_t late = world.add();
  world.meet(late, 1);
  world.run(milliseconds(500));
  world.cut(0, 1, false);
  REQUIRE_FALSE(world.at(0).find(world.id(late)));
  world.step(0, ms::ReconcileRequested{world.id(1)});
  world.run(milliseconds(20));
  CHECK_EQ(world.verdict(0, late), Verdict::alive);
}

TEST_CASE("membership: a forgotten member stays away until it shows a greater incarnation") {
  World world;
  REQUIRE(world.settle(4));
  world.kill(3);
  world.run(seconds(6));
  world.step(0, ms::ForgetRequested{world.id(3)});
  world.run(seconds(60));
  CHECK_FALSE(world.at(0).find(world.id(3)));
  world.restart(3);
  world.meet(3, 1);
  world.run(seconds(2));
  CHECK_EQ(world.verdict(0, 3), Verdict::alive);
}

TEST_CASE("membership: a record with a bad signature, or brought by another, is not a member") {
  Solo solo;
  const crypto::Identity honest = somebody(7), liar = somebody(8);
  Buffer forged = record_of(honest, {5});
  Bytes damaged(forged.view().begin(), forged.view().end());
  damaged.back() ^= 1;
  solo.receive(honest.id(), wire::Members{{0}, {Buffer(damaged)}, {}});
  CHECK_EQ(solo.drops(DropReason::bad_signature), 1);
  solo.receive(liar.id(), wire::Members{{0}, {record_of(honest, {5})}, {}});
  CHECK_EQ(solo.machine->snapshot().members.size(), 1);
  solo.receive(honest.id(), wire::Members{{0}, {record_of(honest, {5})}, {}});
  CHECK_EQ(solo.machine->snapshot().members.size(), 2);
  CHECK_EQ(solo.all<ms::Introduce>().size(), 1);
}

TEST_CASE("membership: the roster takes 4096 and no more; public mode eight of one neighbourhood") {
  Solo solo;
  for (std::uint64_t i = 0; i < ms::roster_limit + 10; ++i) {
    const crypto::Identity peer = somebody(1000 + i);
    solo.receive(peer.id(), wire::Members{{0}, {record_of(peer, {1})}, {}});
  }
  CHECK_EQ(solo.machine->snapshot().members.size(), ms::roster_limit);
  CHECK_EQ(solo.drops(DropReason::limit_reached), 11);
  ms::Config config;
  config.mode = Mode::public_;
  Solo open(config);
  for (std::uint64_t i = 0; i < 20; ++i) {
    const crypto::Identity peer = somebody(1000 + i);
    open.receive(peer.id(), wire::Members{{0}, {record_of(peer, {1})}, {}});
  }
  CHECK_EQ(open.machine->snapshot().members.size(), 1 + ms::public_prefix_limit);
}

// A peer tells of a record under our own key, and shows it when it is asked.
static void show_own(Solo& solo, const NodeId& by, const Buffer& record, Incarnation incarnation) {
  solo.pass(seconds(2));
  solo.receive(
      by, wire::GossipPush{
              {{{wire::prefix_of(solo.identity->id()), incarnation, Verdict::alive, {}}}, {}}});
  for (const ms::SendMessage& sent : solo.all<ms::SendMessage>()) {
    const auto message = wire::decode(sent.message);
    if (const auto* pull = std::get_if<wire::PullMembers>(&*message))
      solo.receive(by, wire::Members{{pull->envelope.request}, {record}, {}});
  }
}

TEST_CASE(
    "membership: an earlier life's greater record is passed by; a twin that answers is told "
    "apart") {
  ms::Config config;
  config.boot.bytes[0] = 1;
  Solo solo(config);
  const auto peer = somebody(50);
  solo.receive(peer.id(), wire::Members{{0}, {record_of(peer, {1})}, {}});
  const Incarnation first = solo.incarnation();
  BootId other;
  other.bytes[0] = 2;
  const auto show = [&](Incarnation incarnation, Incarnation start) {
    Bytes ext{0x01, 8, 0, 0, 0, 0, 0, 0, 0, 0};
    store_le(ext.data() + 2, start.value);
    show_own(solo, peer.id(), record_of(*solo.identity, incarnation, other, 0, ext), incarnation);
  };
  const Incarnation wiped{first.value + 50};
  show(wiped, {first.value + 40});
  CHECK_GT(solo.incarnation(), wiped);
  CHECK(solo.all<ms::TwinSeen>().empty());  // an earlier life cannot answer
  const Incarnation answered = solo.incarnation().next();
  show(answered, {first.value + 40});
  REQUIRE_EQ(solo.all<ms::TwinSeen>().size(), 1);
  CHECK_FALSE(solo.all<ms::TwinSeen>().front().younger);  // it started after us: it must stop
  CHECK_GT(solo.incarnation(), answered);
}

TEST_CASE("membership: another record of ours under one incarnation does not stand") {
  Solo solo;
  const auto peer = somebody(50);
  solo.receive(peer.id(), wire::Members{{0}, {record_of(peer, {1})}, {}});
  const Incarnation used = solo.incarnation();
  Buffer other;  // the greatest of many is greater than ours, and whom all others would go by
  wire::RecordHash hash{};
  for (std::uint16_t subnet = 1; subnet < 100; ++subnet) {
    const Buffer one = record_of(*solo.identity, used, {}, subnet);
    if (const auto its = crypto::hash64({one.view()}); its > hash) other = one, hash = its;
  }
  solo.receive(
      peer.id(),
      wire::GossipPush{{{{wire::prefix_of(solo.identity->id()), used, Verdict::alive, hash}}, {}}});
  for (const ms::SendMessage& sent : solo.all<ms::SendMessage>()) {
    const auto message = wire::decode(sent.message);
    if (const auto* pull = std::get_if<wire::PullMembers>(&*message))
      solo.receive(peer.id(), wire::Members{{pull->envelope.request}, {other}, {}});
  }
  CHECK_GT(solo.incarnation(), used);
}

TEST_CASE("membership: of twins the younger knows it, whatever a later version says besides") {
  ms::Config config;
  config.boot.bytes[0] = 1;
  Solo solo(config);
  const auto peer = somebody(50);
  solo.receive(peer.id(), wire::Members{{0}, {record_of(peer, {1})}, {}});
  BootId other;
  other.bytes[0] = 2;
  // An unknown TLV, then the twin's first incarnation: long before ours.
  const Bytes ext{0x7f, 2, 9, 9, 0x01, 8, 5, 0, 0, 0, 0, 0, 0, 0};
  for (int i = 0; i < 2; ++i) {
    const Incarnation above{solo.incarnation().value + 50};
    show_own(solo, peer.id(), record_of(*solo.identity, above, other, 0, ext), above);
  }
  REQUIRE_EQ(solo.all<ms::TwinSeen>().size(), 1);
  CHECK(solo.all<ms::TwinSeen>().front().younger);
}

TEST_CASE("membership: our record says the versions and TLVs that the configuration gives it") {
  ms::Config config;
  config.versions = {1, 2};
  config.ext = {0x7f, 1, 9};
  const Solo solo(config);
  const auto record = solo.machine->find(solo.identity->id())->record;
  CHECK_EQ(record->protocol_max, 2);
  REQUIRE_EQ(record->ext.size(), 13);
  CHECK(equal(ByteView(record->ext).last(3), config.ext));
  config.ext.resize(200);  // does not fit: left out, or the record could not be sent
  CHECK_EQ(Solo(config).machine->find(solo.identity->id())->record->ext.size(), 10);
}

TEST_CASE(
    "membership: an incarnation is used only after its mark is on disk, or the disk has refused") {
  ByteArray<32> seed{};
  seed[0] = 9;
  ms::Membership machine(
      ms::Config{}, std::make_shared<const crypto::Identity>(crypto::Identity::from_seed(seed)),
      Rng(1));
  ms::Membership::Outbox out;
  const Now now{Instant(seconds(1)), UnixMillis{1'800'000'000'000}};
  machine.expire(now, out);
  REQUIRE_EQ(out.size(), 1);
  const Persist write = std::get<Persist>(out.items()[0]);
  CHECK_GE(load_le<std::uint64_t>(write.value.data()),
           1'800'000'000'000 + ms::incarnation_headroom);
  out.clear();
  machine.step(DiskRefused{write.token, DiskRefusal::full}, now, out);
  REQUIRE_EQ(out.size(), 1);
  CHECK(std::holds_alternative<Compute>(out.items()[0]));
}

TEST_CASE("membership: nothing configured is too long for a record") {
  ms::Config config;
  config.name = std::string(500, 'n');
  config.version = std::string(500, 'v');
  for (int i = 0; i < 100; ++i) config.tags.push_back({std::string(12, 'k'), std::string(13, 'v')});
  config.ext = Bytes(ms::ext_bytes_limit, 0);
  for (int i = 0; i < 100; ++i)
    config.addresses.push_back({IpAddress::v4(1, 2, 3, static_cast<Byte>(i)), 1});
  Solo solo(config);
  REQUIRE(solo.machine->find(solo.identity->id()));
  std::vector<wire::IdPrefix> dead;
  for (std::uint64_t i = 0; i < 40; ++i) dead.push_back(wire::prefix_of(somebody(i).id()));
  solo.step(ms::SelfChanged{{}, UnixMillis{7}, dead});
  const wire::MemberRecord& record = *solo.machine->find(solo.identity->id())->record;
  CHECK_EQ(record.tags.size(), wire::member_tags_limit);
  CHECK_EQ(record.synced, UnixMillis{7});
  dead.resize(wire::releases_limit);
  CHECK_EQ(ms::releases_of(record), dead);
}

TEST_CASE("membership: a peer that was met and never introduced is pinged until it is known") {
  Solo solo;
  const crypto::Identity peer = somebody(7);
  const auto pings = [&] {
    std::size_t count = 0;
    for (const ms::SendMessage& sent : solo.all<ms::SendMessage>())
      count +=
          sent.to == peer.id() && std::holds_alternative<wire::Ping>(*wire::decode(sent.message));
    return count;
  };
  solo.step(ms::PeerEstablished{peer.id(), peer.public_key()});
  solo.pass(seconds(20));  // our introduction and our questions were lost, and so was all of its
  CHECK_GE(pings(), 3);
}

TEST_CASE("membership: a stranger that asks is asked for its record") {
  Solo solo;
  const crypto::Identity stranger = somebody(7);
  const auto asked = [&] {
    std::size_t count = 0;
    for (const ms::SendMessage& sent : solo.all<ms::SendMessage>()) {
      const auto message = wire::decode(sent.message);
      const auto* pull = std::get_if<wire::PullMembers>(&*message);
      count += pull && sent.to == stranger.id() &&
               pull->subjects == std::vector{wire::prefix_of(stranger.id())};
    }
    return count;
  };
  solo.receive(stranger.id(), wire::Ping{{{1}, 1000, Lane::membership, 0}, {}});
  CHECK_EQ(asked(), 1);
  solo.receive(stranger.id(), wire::Members{{0}, {record_of(stranger, {5})}, {}});
  solo.pass(seconds(1));
  solo.receive(stranger.id(), wire::Ping{{{2}, 1000, Lane::membership, 0}, {}});
  CHECK_EQ(asked(), 1);
}
