// Two sets reconciled over the wire find exactly what differs, within the limits of the messages;
// an answer that a liar made up costs a bounded number of questions.
#include "../wire/samples.hpp"
#include "kith/reconcile/reconcile.hpp"
#include "target.hpp"

using namespace kith;
using reconcile::Key;
using reconcile::RangeSet;
using reconcile::Version;

namespace {

constexpr int rounds_limit = 400;

void fill(RangeSet& set, std::map<Key, Version>& model, fuzz::Input in) {
  while (!in.empty()) {
    Key key{};
    const std::uint8_t shape = in.u8();
    key[shape % 4] = in.u8();
    key[31] = static_cast<Byte>(shape >> 4);
    const Version version{static_cast<Byte>(in.u8() & 3)};
    set.put(key, version);
    model[key] = version;
  }
}

std::map<Key, std::pair<std::optional<Version>, std::optional<Version>>> difference(
    const std::map<Key, Version>& mine, const std::map<Key, Version>& theirs) {
  std::map<Key, std::pair<std::optional<Version>, std::optional<Version>>> out;
  for (const auto& [key, version] : mine) out[key].first = version;
  for (const auto& [key, version] : theirs) out[key].second = version;
  std::erase_if(out, [](const auto& entry) { return entry.second.first == entry.second.second; });
  return out;
}

template <class Body>
Body over_the_wire(const Body& body) {
  const auto decoded = wire::decode(wire::encode(wire::Message(body)));
  KITH_ASSERT(decoded.has_value());
  return std::get<Body>(*decoded);
}

void honest(const RangeSet& mine, const RangeSet& theirs, const std::map<Key, Version>& a,
            const std::map<Key, Version>& b) {
  reconcile::Reconciler asker;
  std::vector<reconcile::Difference> found;
  for (int round = 0; !asker.finished(); ++round) {
    KITH_ASSERT(round < rounds_limit);
    const auto ranges = asker.next(mine);
    KITH_ASSERT(ranges.size() <= reconcile::question_limit);
    if (ranges.empty()) break;
    const wire::Reconcile question{test::sample_envelope(), wire::Topic::roster, ranges};
    const wire::Reconciled answer = reconcile::answer(theirs, over_the_wire(question));
    KITH_ASSERT(asker.take(mine, over_the_wire(answer), found));
  }
  auto expected = difference(a, b);
  KITH_ASSERT(found.size() == expected.size());
  for (const auto& item : found)
    KITH_ASSERT(expected.at(item.key) == std::pair(item.mine, item.theirs));
}

void liar(const RangeSet& mine, fuzz::Input in) {
  reconcile::Reconciler asker;
  std::vector<reconcile::Difference> found;
  for (int round = 0; round < 32 && !in.empty(); ++round) {
    const auto ranges = asker.next(mine);
    KITH_ASSERT(ranges.size() <= reconcile::question_limit);
    const auto decoded = wire::decode(Buffer(in.long_chunk()));
    const auto* answer = decoded ? std::get_if<wire::Reconciled>(&*decoded) : nullptr;
    if (answer) asker.take(mine, *answer, found);
    const auto* question = decoded ? std::get_if<wire::Reconcile>(&*decoded) : nullptr;
    if (!question) continue;
    const wire::Reconciled reply = reconcile::answer(mine, *question);
    KITH_ASSERT(reply.children.size() <= wire::ranges_limit);
    KITH_ASSERT(reply.ranges.size() <= wire::ranges_limit);
    KITH_ASSERT(over_the_wire(reply) == reply);
  }
}

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Script a, b;
  for (std::size_t i = 0; i < 70; ++i) {
    a.u8(i * 5).u8(i * 31).u8(1);
    b.u8(i * 5).u8(i * 31).u8(i % 9 == 0 ? 2 : 1);
  }
  fuzz::Seeds seeds{fuzz::Script().long_chunk(Bytes(a)).long_chunk(Bytes(b)),
                    fuzz::Script().long_chunk(Bytes(a)).long_chunk({})};
  for (const wire::Message& message : test::sample_messages())
    if (message.index() >= 8 && message.index() <= 9)
      seeds.push_back(fuzz::Script().long_chunk(Bytes(a)).long_chunk({}).long_chunk(
          wire::encode(message).view()));
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, std::min<std::size_t>(size, 500));
  RangeSet mine, theirs;
  std::map<Key, Version> a, b;
  const ByteView first = in.long_chunk(), second = in.long_chunk();
  fill(mine, a, {first.data(), first.size()});
  fill(theirs, b, {second.data(), second.size()});
  honest(mine, theirs, a, b);
  honest(theirs, mine, b, a);
  liar(mine, in);
  return 0;
}
