#include "kith/reconcile/reconcile.hpp"

#include <algorithm>

#include "kith/base/rng.hpp"

using namespace kith;
using namespace kith::reconcile;

namespace {

Key random_key(Rng& rng) {
  Key key;
  for (std::size_t i = 0; i < key.size(); i += 8) store_le(key.data() + i, rng.next());
  return key;
}

Version version_of(std::uint64_t number) {
  Version version;
  store_le(version.data(), number);
  return version;
}

struct Exchange {
  std::vector<Difference> differences;
  std::size_t messages = 0;  // questions and answers
  std::size_t ranges = 0, items = 0;
};

Exchange exchange(const RangeSet& mine, const RangeSet& theirs) {
  Exchange result;
  Reconciler asker;
  while (true) {
    wire::Reconcile question;
    question.ranges = asker.next(mine);
    if (question.ranges.empty()) break;
    const wire::Reconciled reply = answer(theirs, question);
    REQUIRE_LE(question.ranges.size(), question_limit);
    REQUIRE_LE(reply.children.size(), wire::ranges_limit);
    result.messages += 2;
    result.ranges += question.ranges.size() + reply.children.size();
    for (const wire::RangeItems& range : reply.ranges) result.items += range.items.size();
    REQUIRE(asker.take(mine, reply, result.differences));
    REQUIRE_LT(result.messages, 20'000);
  }
  CHECK(asker.finished());
  return result;
}

using Model = std::map<Key, Version>;

std::size_t true_difference(const Model& a, const Model& b) {
  std::size_t count = 0;
  for (const auto& [key, version] : a)
    if (const auto it = b.find(key); it == b.end() || it->second != version) ++count;
  for (const auto& [key, version] : b) count += a.contains(key) ? 0 : 1;
  return count;
}

RangeSet set_of(const Model& model) {
  RangeSet set;
  for (const auto& [key, version] : model) set.put(key, version);
  return set;
}

}  // namespace

TEST_CASE("reconcile/range_set: digests depend on the content and not on its history") {
  Rng rng(1);
  Model model;
  RangeSet lived;
  for (int i = 0; i < 3000; ++i) {
    const Key key = random_key(rng);
    lived.put(key, version_of(rng.next()));
    if (rng.chance(1, 3)) {
      lived.erase(key);
    } else {
      const Version version = version_of(rng.next());
      lived.put(key, version);
      model[key] = version;
    }
  }
  while (model.size() > 40) {  // down through the merges
    lived.erase(model.begin()->first);
    model.erase(model.begin());
    if (model.size() % 500 == 0) CHECK_EQ(lived.digest(0, {}), set_of(model).digest(0, {}));
  }
  const RangeSet fresh = set_of(model);
  CHECK_EQ(lived.size(), model.size());
  for (const auto& [key, version] : model) {
    REQUIRE(lived.find(key));
    CHECK_EQ(*lived.find(key), version);
    for (const std::uint8_t depth :
         {std::uint8_t{0}, std::uint8_t{1}, std::uint8_t{2}, std::uint8_t{7}, std::uint8_t{64}})
      CHECK_EQ(lived.digest(depth, key), fresh.digest(depth, key));
  }
}

TEST_CASE("reconcile/range_set: a digest is the sum of its sixteen children") {
  Rng rng(2);
  RangeSet set;
  for (int i = 0; i < 5000; ++i) set.put(random_key(rng), version_of(1));
  std::uint32_t count = 0;
  std::size_t items = 0;
  for (Byte digit = 0; digit < 16; ++digit) {
    Key prefix{};
    prefix[0] = static_cast<Byte>(digit << 4);
    count += set.digest(1, prefix).count;
    items += set.items(1, prefix).size();
  }
  CHECK_EQ(count, 5000);
  CHECK_EQ(items, 5000);
}

TEST_CASE("reconcile/range_set: keys that share 60 nibbles still split apart") {
  RangeSet set;
  for (int i = 0; i < 400; ++i) {
    Key key{};
    key[30] = static_cast<Byte>(i >> 8);
    key[31] = static_cast<Byte>(i);
    set.put(key, version_of(7));
  }
  CHECK_EQ(set.size(), 400);
  CHECK_EQ(set.digest(64, Key{}).count, 1);
}

TEST_CASE("reconcile: two sets in agreement cost one question of one range and an empty answer") {
  Rng rng(3);
  Model model;
  for (int i = 0; i < 2000; ++i) model[random_key(rng)] = version_of(rng.next());
  const Exchange result = exchange(set_of(model), set_of(model));
  CHECK_EQ(result.messages, 2);
  CHECK_EQ(result.ranges, 1);
  CHECK(result.differences.empty());
}

TEST_CASE("reconcile: random pairs of sets find exactly what differs, in O(d log n) ranges") {
  Rng rng(4);
  for (int round = 0; round < 200; ++round) {
    const std::uint64_t size = rng.below(3000);
    const std::uint64_t changes = rng.below(60);
    Model mine;
    for (std::uint64_t i = 0; i < size; ++i) mine[random_key(rng)] = version_of(rng.next());
    Model theirs = mine;
    for (std::uint64_t i = 0; i < changes; ++i) {
      const Key at = random_key(rng);
      const auto near = theirs.lower_bound(at);
      const std::uint64_t kind = rng.below(4);
      if (kind == 0)
        mine[at] = version_of(rng.next());
      else if (kind == 1 || near == theirs.end())
        theirs[at] = version_of(rng.next());
      else if (kind == 2)
        theirs.erase(near);
      else
        near->second = version_of(rng.next());
    }
    const Exchange result = exchange(set_of(mine), set_of(theirs));
    const std::size_t d = true_difference(mine, theirs);
    CHECK_EQ(result.differences.size(), d);
    for (const Difference& difference : result.differences) {
      const auto a = mine.find(difference.key);
      const auto b = theirs.find(difference.key);
      CHECK_EQ(difference.mine.has_value(), a != mine.end());
      CHECK_EQ(difference.theirs.has_value(), b != theirs.end());
      if (difference.mine) CHECK_EQ(*difference.mine, a->second);
      if (difference.theirs) CHECK_EQ(*difference.theirs, b->second);
      CHECK_NE(difference.mine, difference.theirs);
    }
    // log16(3000) < 3 levels of 17 ranges each, and at most 16 items at the end of every path.
    CHECK_LE(result.ranges, 1 + d * 3 * 17);
    CHECK_LE(result.items, (d + 1) * few_items);
  }
}

TEST_CASE("reconcile: an empty set learns a large one, and a large one what an empty one lacks") {
  Rng rng(5);
  Model model;
  for (int i = 0; i < 20'000; ++i) model[random_key(rng)] = version_of(1);
  const RangeSet full = set_of(model);
  CHECK_EQ(exchange(RangeSet{}, full).differences.size(), model.size());
  CHECK_EQ(exchange(full, RangeSet{}).differences.size(), model.size());
}

TEST_CASE("reconcile: an answer to ranges that were not asked changes nothing") {
  Rng rng(6);
  RangeSet mine;
  mine.put(random_key(rng), version_of(1));
  Reconciler asker;
  std::vector<Difference> out;
  REQUIRE_EQ(asker.next(mine).size(), 1);
  using Depths = std::array<std::uint8_t, 4>;
  for (const auto depth : Depths{5, 64, 65, 255}) {  // the last two are no depths at all
    wire::Reconciled lie;
    lie.ranges.push_back({depth, random_key(rng), {}});
    CHECK_FALSE(asker.take(mine, lie, out));
  }
  CHECK(out.empty());
  CHECK_FALSE(asker.finished());
  CHECK_EQ(asker.next(mine).size(), 1);  // the question stands
}

TEST_CASE("reconcile: an answer that tells one range twice is none, so no key differs twice") {
  RangeSet mine;
  Reconciler asker;
  std::vector<Difference> out;
  REQUIRE_EQ(asker.next(mine).size(), 1);
  const wire::RangeItems items{0, {}, {{Key{}, version_of(1)}}};
  const wire::RangeDigest child{1, {}, 99, {}};
  for (const int which : {0, 1, 2}) {
    wire::Reconciled lie;
    if (which != 1) lie.ranges = {items, items};
    if (which != 0) lie.children = {child, child};
    if (which == 2) lie.ranges.pop_back(), lie.children.pop_back();
    CHECK_FALSE(asker.take(mine, lie, out));
  }
  CHECK(out.empty());
}

TEST_CASE("reconcile: who looks for its own only asks for no range where it has nothing") {
  Rng rng(7);
  RangeSet mine, theirs;
  const Key key = random_key(rng);
  mine.put(key, version_of(1));
  for (int i = 0; i < 20'000; ++i) theirs.put(random_key(rng), version_of(1));
  Reconciler asker(true);
  std::vector<Difference> out;
  std::size_t ranges = 0;
  while (!asker.finished()) {
    wire::Reconcile question;
    question.ranges = asker.next(mine);
    ranges += question.ranges.size();
    REQUIRE(asker.take(mine, answer(theirs, question), out));
  }
  CHECK_LE(ranges, 5);
  CHECK(std::any_of(out.begin(), out.end(), [&](const Difference& one) {
    return one.key == key && one.mine && !one.theirs;
  }));
}

TEST_CASE("reconcile: a liar whose every digest differs is bounded") {
  RangeSet mine;
  Reconciler asker;
  std::vector<Difference> out;
  std::size_t rounds = 0;
  while (rounds < 2000) {
    const auto ranges = asker.next(mine);
    if (ranges.empty()) break;
    wire::Reconciled lie;
    for (const wire::RangeDigest& range : ranges) {
      if (range.depth == 64) continue;
      for (std::size_t digit = 0; digit < 16; ++digit) {
        wire::RangeDigest child{static_cast<std::uint8_t>(range.depth + 1), range.prefix, 99, {}};
        Byte& byte = child.prefix[range.depth / 2u];
        byte = static_cast<Byte>(range.depth % 2 == 0 ? digit << 4 : byte | digit);
        lie.children.push_back(child);
      }
    }
    REQUIRE(asker.take(mine, lie, out));
    ++rounds;
  }
  CHECK(out.empty());
}

TEST_CASE("reconcile: a question beyond the limits is answered within them") {
  Rng rng(7);
  RangeSet mine;
  for (int i = 0; i < 20'000; ++i) mine.put(random_key(rng), version_of(1));
  wire::Reconcile question;
  for (std::size_t i = 0; i < wire::ranges_limit; ++i)
    question.ranges.push_back({static_cast<std::uint8_t>(rng.below(256)), random_key(rng), 1, {}});
  const wire::Reconciled reply = answer(mine, question);
  CHECK_LE(reply.children.size(), wire::ranges_limit);
  CHECK_LE(reply.ranges.size(), wire::ranges_limit);
  std::size_t items = 0;
  for (const wire::RangeItems& range : reply.ranges) items += range.items.size();
  CHECK_LE(items, wire::items_limit);
}
