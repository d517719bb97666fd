#include <algorithm>
#include <map>

#include "kith/base/assert.hpp"
#include "kith/base/bounded.hpp"
#include "kith/base/buffer.hpp"
#include "kith/base/bytes.hpp"
#include "kith/base/deadline_queue.hpp"
#include "kith/base/dropped.hpp"
#include "kith/base/flat_map.hpp"
#include "kith/base/ids.hpp"
#include "kith/base/machine.hpp"
#include "kith/base/result.hpp"
#include "kith/base/rng.hpp"
#include "kith/base/time.hpp"
#include "kith/base/visit.hpp"

using namespace kith;

TEST_CASE("base/bytes: hex survives the round trip and refuses odd or foreign digits") {
  CHECK_EQ(to_hex(Bytes{0x00, 0xab, 0xff}), "00abff");
  CHECK_EQ(*from_hex("00ABff"), Bytes{0x00, 0xab, 0xff});
  CHECK_FALSE(from_hex("0"));
  CHECK_FALSE(from_hex("0g"));
}

TEST_CASE("base/ids: z-base-32 is canonical: one text for one value") {
  NodeId id;
  for (std::size_t i = 0; i < id.bytes.size(); ++i) id.bytes[i] = static_cast<Byte>(i * 37 + 11);
  const std::string text = to_string(id);
  CHECK_EQ(text.size(), 52);
  CHECK(equal(*from_zbase32(text), id.view()));
  std::string padded = text;
  padded.back() = padded.back() == 'y' ? 'b' : static_cast<char>(padded.back());
  CHECK_FALSE(from_zbase32("yb0"));  // 0 is not in the alphabet
  CHECK_FALSE(from_zbase32("y"));    // five bits are no byte
  CHECK_FALSE(from_zbase32("yb"));   // ten bits: the last two must be zero
}

TEST_CASE("base/rng: the same seed draws the same values; a fork is independent") {
  Rng a(7), b(7);
  for (int i = 0; i < 100; ++i) CHECK_EQ(a.next(), b.next());
  Rng child = a.fork();
  CHECK_NE(child.next(), a.next());
  for (int i = 0; i < 1000; ++i) CHECK_LT(a.below(3), 3);
  for (int i = 0; i < 1000; ++i) {
    const Duration d = a.between(milliseconds(1), milliseconds(2));
    CHECK_GE(d, milliseconds(1));
    CHECK_LE(d, milliseconds(2));
  }
}

TEST_CASE("base/rng: the first draw is fixed, so traces hold across compilers") {
  CHECK_EQ(Rng(0).next(), 11091344671253066420ull);
}

TEST_CASE("base/buffer: slices share bytes and outlive the whole") {
  Buffer part;
  {
    const Buffer whole(as_bytes("hello world"));
    part = whole.slice(6, 5);
  }
  CHECK_EQ(as_text(part.view()), "world");
  CHECK_EQ(part.first(2).size(), 2);
  CHECK_EQ(as_text(part.from(3).view()), "ld");
  CHECK(Buffer().empty());
  CHECK(Buffer(ByteView{}) == Buffer());
}

TEST_CASE("base/deadline_queue: moving a key leaves no stale timer behind") {
  DeadlineQueue<int> queue;
  queue.set(1, Instant(seconds(5)));
  queue.set(2, Instant(seconds(5)));
  queue.set(1, Instant(seconds(9)));
  CHECK_EQ(*queue.next(), Instant(seconds(5)));
  CHECK_EQ(queue.pop_due(Instant(seconds(5))), 2);
  CHECK_FALSE(queue.pop_due(Instant(seconds(8))));
  CHECK_EQ(queue.pop_due(Instant(seconds(9))), 1);
  CHECK_FALSE(queue.next());
}

TEST_CASE("base/deadline_queue: agrees with the obvious one, however often keys move") {
  DeadlineQueue<int> queue;
  std::map<int, Instant> plain;
  Rng rng(7);
  for (int i = 0; i < 20'000; ++i) {
    const auto key = static_cast<int>(rng.below(20));
    const Instant at{Duration(static_cast<std::int64_t>(rng.below(1000)))};
    const std::uint64_t what = rng.below(4);
    if (what < 2) {
      queue.set(key, at);
      plain[key] = at;
    } else if (what == 2) {
      queue.cancel(key);
      plain.erase(key);
    } else {
      const auto first = std::min_element(plain.begin(), plain.end(), [](auto& a, auto& b) {
        return std::pair(a.second, a.first) < std::pair(b.second, b.first);
      });
      const auto due = queue.pop_due(at);
      REQUIRE_EQ(due.has_value(), first != plain.end() && first->second <= at);
      if (due) {
        REQUIRE_EQ(*due, first->first);
        plain.erase(first);
      }
    }
    REQUIRE_EQ(queue.size(), plain.size());
    std::optional<Instant> next;
    for (const auto& [other, when] : plain) next = earlier(next, when);
    REQUIRE_EQ(queue.next(), next);
    REQUIRE_EQ(queue.when(key).has_value(), plain.contains(key));
  }
}

TEST_CASE("base/flat_map: ids are found wherever they lie, evenly or all in one place") {
  Rng rng(12);
  for (const bool even : {true, false}) {
    FlatMap<NodeId, int> flat;
    std::map<NodeId, int> tree;
    const auto draw = [&] {
      NodeId id;
      if (even) store_le(id.bytes.data(), rng.next());
      if (!even) id.bytes = {0xff, 0xff, 0xff, static_cast<Byte>(rng.below(4))};
      id.bytes[31] = static_cast<Byte>(rng.below(200));
      return id;
    };
    for (int i = 0; i < 1'000; ++i) {
      const NodeId id = draw();
      REQUIRE_EQ(flat.try_emplace(id, i).second, tree.try_emplace(id, i).second);
      const NodeId other = draw();
      REQUIRE_EQ(flat.lower_bound(other) - flat.begin(),
                 std::distance(tree.begin(), tree.lower_bound(other)));
      REQUIRE(flat.find(id)->second == tree.find(id)->second);
    }
    REQUIRE_EQ(flat.lower_bound(NodeId{}) - flat.begin(), 0);
  }
}

TEST_CASE("base/flat_map: agrees with std::map") {
  FlatMap<std::uint64_t, int> flat;
  std::map<std::uint64_t, int> tree;
  Rng rng(8);
  for (int i = 0; i < 5'000; ++i) {
    const std::uint64_t key = rng.below(64);
    if (rng.chance(1, 3)) {
      REQUIRE_EQ(flat.erase(key), tree.erase(key));
    } else {
      const auto [mine, fresh] = flat.try_emplace(key, i);
      const auto [theirs, new_there] = tree.try_emplace(key, i);
      REQUIRE_EQ(fresh, new_there);
      REQUIRE_EQ(mine->second, theirs->second);
    }
    REQUIRE(std::equal(flat.begin(), flat.end(), tree.begin(), tree.end(), [](auto& a, auto& b) {
      return a.first == b.first && a.second == b.second;
    }));
    const auto found = std::as_const(flat).find(key);
    REQUIRE_EQ(found != flat.end(), tree.contains(key));
    if (found != flat.end()) REQUIRE(found == std::as_const(flat).lower_bound(key));
    const auto above = flat.upper_bound(key);
    REQUIRE_EQ(above == flat.end() ? 99 : above->first,
               tree.upper_bound(key) == tree.end() ? 99 : tree.upper_bound(key)->first);
  }
}

TEST_CASE("base/ids: are ordered as their bytes are") {
  NodeId a, b;
  for (std::size_t i = 0; i < NodeId::size; ++i) {
    a = b = {};
    b.bytes[i] = 0x80;  // as signed bytes this would be the other way round
    a.bytes[i] = 0x7f;
    if (i + 1 < NodeId::size) a.bytes[i + 1] = 0xff;
    CHECK(a < b);
    CHECK_FALSE(b < a);
    CHECK(a == NodeId(a));
  }
}

TEST_CASE("base/bounded: a full queue refuses, a full LRU map forgets the oldest") {
  BoundedQueue<int> queue(1);
  CHECK(queue.push(1));
  CHECK_FALSE(queue.push(2));
  LruMap<int, int> map(2);
  map.put(1, 10);
  map.put(2, 20);
  CHECK(map.find(1));
  map.put(3, 30);
  CHECK_FALSE(map.find(2));
  CHECK_EQ(*map.find(1), 10);
}

TEST_CASE("base/time: wall time prints as RFC 3339 with milliseconds") {
  CHECK_EQ(to_rfc3339(UnixMillis{0}), "1970-01-01T00:00:00.000Z");
  CHECK_EQ(to_rfc3339(UnixMillis{1'700'000'000'123}), "2023-11-14T22:13:20.123Z");
}

TEST_CASE("base/outbox: what the sink pushes is drained in the same turn") {
  Outbox<int> out;
  out.push(3);
  std::vector<int> seen;
  out.drain([&](int value) {
    seen.push_back(value);
    if (value > 0) out.push(value - 1);
  });
  CHECK_EQ(seen, std::vector{3, 2, 1, 0});
  CHECK(out.empty());
}

TEST_CASE("base/dropped: every reason has a name") {
  for (std::size_t i = 0; i < drop_reason_count; ++i)
    CHECK_FALSE(to_string(static_cast<DropReason>(i)).empty());
}

TEST_CASE("base/visit: match picks the alternative that is there") {
  const std::variant<int, std::string> value = std::string("x");
  CHECK_EQ(match(value, [](int) { return 1; }, [](const std::string&) { return 2; }), 2);
}
