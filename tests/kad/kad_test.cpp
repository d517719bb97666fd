#include <set>

#include "kith/base/rng.hpp"
#include "kith/kad/lookup.hpp"
#include "kith/kad/space.hpp"

using namespace kith;
using namespace kith::kad;

namespace {

NodeId node(Byte first, Byte last = 0) {
  NodeId id;
  id.bytes[0] = first;
  id.bytes[31] = last;
  return id;
}

NodeId random_node(Rng& rng) {
  NodeId id;
  for (Byte& byte : id.bytes) byte = static_cast<Byte>(rng.next());
  return id;
}

std::vector<NodeId> closest_ids(const Place<32>& target, std::vector<NodeId> ids,
                                std::size_t count) {
  return closest(target, std::move(ids), count, [](const NodeId& id) { return id.bytes; });
}

// A network in which everybody knows `view` random others and its own `near` closest.
struct World {
  std::map<NodeId, std::vector<NodeId>> tables;
  std::vector<NodeId> ids;

  World(std::size_t size, std::size_t view, Rng& rng) {
    for (std::size_t i = 0; i < size; ++i) ids.push_back(random_node(rng));
    for (const NodeId& id : ids) {
      std::vector<NodeId>& table = tables[id];
      table = closest_ids(id.bytes, ids, 17);
      for (std::size_t i = 0; i < view; ++i) table.push_back(ids[rng.below(ids.size())]);
    }
  }
};

constexpr auto flat_rto = [](const NodeId&) { return Duration(milliseconds(350)); };

}  // namespace

TEST_CASE("kad/space: distance is symmetric, zero only to itself, and counts bits") {
  CHECK_EQ(distance_bits(node(1).bytes, node(1).bytes), 0);
  CHECK_EQ(distance_bits(node(0, 0).bytes, node(0, 1).bytes), 1);
  CHECK_EQ(distance_bits(node(0x80).bytes, node(0).bytes), 256);
  CHECK(closer(node(0).bytes, node(1).bytes, node(2).bytes));
  CHECK_FALSE(closer(node(0).bytes, node(1).bytes, node(1).bytes));
}

TEST_CASE("kad/space: the closest of a set come closest first") {
  const auto found =
      closest_ids(node(0x10).bytes, {node(0xf0), node(0x11), node(0x18), node(0x50)}, 3);
  CHECK_EQ(found, std::vector{node(0x11), node(0x18), node(0x50)});
}

TEST_CASE("kad/lookup: seeded with the whole network it is one round and learns nothing new") {
  Rng rng(3);
  std::vector<NodeId> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(random_node(rng));
  Lookup lookup(node(0).bytes, {8, 8, 12, 256});
  for (const NodeId& id : ids) lookup.add(id);
  const auto round = lookup.ask(Instant{}, flat_rto);
  CHECK_EQ(round, closest_ids(node(0).bytes, ids, 8));
  for (const NodeId& peer : round)
    lookup.answered(peer, closest_ids(node(0).bytes, ids, 16), Instant(milliseconds(9)));
  CHECK(lookup.finished());
  CHECK_EQ(lookup.result(), round);
  for (const LookupStep& step : lookup.steps()) CHECK_EQ(step.fresh, 0);
}

TEST_CASE(
    "kad/lookup: from partial tables and with dead contacts it still finds the closest alive") {
  Rng rng(5);
  World world(2000, 40, rng);
  std::set<NodeId> dead;
  for (const NodeId& id : world.ids)
    if (rng.chance(20, 100)) dead.insert(id);
  int exact = 0;
  constexpr int runs = 50;
  for (int run = 0; run < runs; ++run) {
    const NodeId target = random_node(rng);
    Lookup lookup(target.bytes);
    for (const NodeId& seed : world.tables[world.ids[rng.below(2000)]]) lookup.add(seed);
    Instant now{};
    while (!lookup.finished()) {
      for (const NodeId& peer : lookup.ask(now, flat_rto)) {
        if (dead.contains(peer))
          lookup.failed(peer);
        else
          lookup.answered(peer, closest_ids(target.bytes, world.tables[peer], 16), now);
      }
      now += milliseconds(100);
    }
    std::vector<NodeId> alive;
    for (const NodeId& id : world.ids)
      if (!dead.contains(id)) alive.push_back(id);
    const auto want = closest_ids(target.bytes, alive, 8);
    auto got = lookup.result();
    got.resize(std::min<std::size_t>(got.size(), 8));
    if (got == want) ++exact;
  }
  CHECK_GE(exact, runs * 9 / 10);
}

TEST_CASE("kad/lookup: a silent peer frees its slot after its RTO, not after a fixed timeout") {
  Lookup lookup(node(0).bytes, {4, 1, 3, 16});
  for (Byte i = 1; i <= 4; ++i) lookup.add(node(i));
  CHECK_EQ(lookup.ask(Instant{}, flat_rto), std::vector{node(1)});
  CHECK(lookup.ask(Instant(milliseconds(349)), flat_rto).empty());
  CHECK_EQ(*lookup.next_slot(), Instant(milliseconds(350)));
  CHECK_EQ(lookup.ask(Instant(milliseconds(350)), flat_rto), std::vector{node(2)});
  CHECK_EQ(lookup.ask(Instant(milliseconds(700)), flat_rto), std::vector{node(3)});
  CHECK(lookup.ask(Instant(seconds(9)), flat_rto).empty());  // three in flight: the cap
}

TEST_CASE("kad/lookup: an answer from a peer that was not asked changes nothing") {
  Lookup lookup(node(0).bytes, {2, 1, 1, 16});
  lookup.add(node(1));
  lookup.answered(node(9), {node(2)}, Instant{});
  lookup.answered(node(1), {node(2)}, Instant{});
  CHECK(lookup.steps().empty());
}

TEST_CASE("kad/space: a walk of a sorted range meets everybody in order of distance") {
  Rng rng(11);
  for (int round = 0; round < 200; ++round) {
    std::vector<NodeId> ids;
    for (std::uint64_t i = rng.below(60); i > 0; --i) {
      ids.push_back(random_node(rng));
      if (rng.chance(1, 3)) ids.back().bytes[0] = 0x5a;  // crowded places
    }
    std::sort(ids.begin(), ids.end());
    const NodeId target = rng.chance(1, 2) || ids.empty() ? random_node(rng) : ids.front();
    const std::size_t count = 1 + rng.below(20);
    std::vector<NodeId> met;
    visit_closest(
        target.bytes, ids.begin(), ids.end(),
        [](const NodeId& id) -> const Place<32>& { return id.bytes; },
        [&](const NodeId& id) {
          met.push_back(id);
          return met.size() < count;
        });
    CHECK_EQ(met, closest_ids(target.bytes, ids, count));
  }
}
