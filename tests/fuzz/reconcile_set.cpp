// RangeSet against std::map: the same keys, versions, counts and items of any range, and a digest
// that depends on what is in a range only, not on how it came to be there.
#include "kith/reconcile/reconcile.hpp"
#include "target.hpp"

using namespace kith;
using reconcile::Key;
using reconcile::RangeSet;
using reconcile::Version;

namespace {

// Keys that share long prefixes as well as keys that do not.
Key key_of(fuzz::Input& in) {
  Key key{};
  const std::uint8_t shape = in.u8();
  key[shape % 32] = in.u8();
  key[0] = static_cast<Byte>(shape & 0xc0);
  return key;
}

bool in_range(const Key& key, std::uint8_t depth, const Key& prefix) {
  for (std::size_t i = 0; i < depth; ++i) {
    const int shift = i % 2 == 0 ? 4 : 0;
    if (((key[i / 2] ^ prefix[i / 2]) >> shift) & 0x0f) return false;
  }
  return true;
}

void check_range(const RangeSet& set, const std::map<Key, Version>& model, std::uint8_t depth,
                 const Key& prefix) {
  std::vector<wire::RangeItem> expected;
  RangeSet fresh;
  for (auto it = model.rbegin(); it != model.rend(); ++it) {
    if (!in_range(it->first, depth, prefix)) continue;
    expected.push_back({it->first, it->second});
    fresh.put(it->first, it->second);
  }
  std::reverse(expected.begin(), expected.end());
  const wire::RangeDigest digest = set.digest(depth, prefix);
  KITH_ASSERT(set.items(depth, prefix) == expected);
  KITH_ASSERT(digest.count == expected.size() && digest.depth == depth);
  KITH_ASSERT(digest == fresh.digest(depth, prefix));
}

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Script grow, churn;
  for (std::size_t i = 0; i < 60; ++i) grow.u8(0).u8(31).u8(i).u8(1);
  grow.u8(2).u8(62).u8(31).u8(5);
  for (std::size_t i = 0; i < 40; ++i) churn.u8(0).u8(i).u8(i * 7).u8(i);
  for (std::size_t i = 0; i < 30; ++i) churn.u8(1).u8(i).u8(i * 7);
  churn.u8(2).u8(1).u8(0).u8(0);
  return {grow, churn};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, std::min<std::size_t>(size, 300));
  RangeSet set;
  std::map<Key, Version> model;
  int checks = 2;  // each builds the range anew
  while (!in.empty()) {
    const std::size_t what = in.below(3);
    if (what == 0) {
      const Key key = key_of(in);
      const Version version{in.u8()};
      set.put(key, version);
      model[key] = version;
    } else if (what == 1) {
      const Key key = key_of(in);
      set.erase(key);
      model.erase(key);
      KITH_ASSERT(!set.find(key));
    } else {
      const auto depth = static_cast<std::uint8_t>(in.below(65));
      const Key prefix = key_of(in);
      if (checks-- > 0) check_range(set, model, depth, prefix);
    }
    KITH_ASSERT(set.size() == model.size());
  }
  for (const auto& [key, version] : model) {
    const Version* found = set.find(key);
    KITH_ASSERT(found && *found == version);
  }
  check_range(set, model, 0, {});
  return 0;
}
