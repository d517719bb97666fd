// A lookup in a network that the input draws: bounded in flight, it ends once everybody has
// answered or failed, and its result is what a naive sort of those that answered gives.
#include <map>
#include <set>

#include "kith/kad/lookup.hpp"
#include "target.hpp"

using namespace kith;

namespace {

constexpr std::size_t population = 32;

NodeId node(std::size_t number) {
  NodeId id;
  id.bytes[0] = static_cast<Byte>(number * 37);
  id.bytes[31] = static_cast<Byte>(number);
  return id;
}

std::vector<NodeId> neighbours(fuzz::Input& in) {
  std::vector<NodeId> found;
  for (std::size_t left = in.below(20); left > 0; --left)
    found.push_back(node(in.below(population)));
  return found;
}

void check_result(const kad::Lookup& lookup, const kad::Place<32>& target,
                  const std::set<NodeId>& answered, std::size_t k) {
  std::vector<NodeId> all(answered.begin(), answered.end());
  std::sort(all.begin(), all.end(), [&](const NodeId& a, const NodeId& b) {
    return kad::closer(target, a.bytes, b.bytes);
  });
  all.resize(std::min(all.size(), k));
  KITH_ASSERT(lookup.result() == all);
}

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Script steady;
  steady.raw(Bytes(32, 0x11)).u8(4).u8(3).u8(7);
  for (std::size_t i = 0; i < 40; ++i) steady.u8(i * 3).u8(3).u8(i).u8(i + 7).u8(i + 11);
  return {steady, Bytes(32)};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  const kad::Place<32> target = in.array<32>();
  const kad::LookupLimits limits{in.below(16) + 1, 4, 12, population};
  kad::Lookup lookup(target, limits);
  for (std::size_t left = in.below(8); left > 0; --left) lookup.add(node(in.below(population)));

  Instant now{seconds(1)};
  std::vector<NodeId> flying;
  std::set<NodeId> asked, answered;
  for (;;) {
    for (const NodeId& id : lookup.ask(now, [](const NodeId&) { return milliseconds(10); })) {
      KITH_ASSERT(asked.insert(id).second);  // nobody twice
      flying.push_back(id);
    }
    KITH_ASSERT(flying.size() <= limits.cap);
    if (lookup.finished() || flying.empty()) break;
    const std::uint8_t choice = in.u8();
    if (choice & 1) now = std::max(now, *lookup.next_slot());
    const std::size_t which = choice / 4 % flying.size();
    const NodeId peer = flying[which];
    flying.erase(flying.begin() + static_cast<std::ptrdiff_t>(which));
    if (choice & 2) {
      lookup.failed(peer);
    } else {
      lookup.answered(peer, neighbours(in), now);
      answered.insert(peer);
    }
    KITH_ASSERT(asked.size() <= population);
  }
  KITH_ASSERT(lookup.finished());
  KITH_ASSERT(lookup.steps().size() == answered.size());
  check_result(lookup, target, answered, limits.k);
  return 0;
}
