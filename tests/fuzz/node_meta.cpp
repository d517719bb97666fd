// The meta table: what a damaged or foreign value decodes to is bounded by it and survives a round
// trip, and of another network nothing is taken.
#include "meta.hpp"
#include "target.hpp"

using namespace kith;
using namespace kith::node;

namespace {

Bytes name(std::string_view text) { return fuzz::text(text); }

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  const SavedPeer peer{{}, {IpAddress::v4(10, 0, 0, 1), 4747}};
  return {fuzz::copy(encode_number(7).view()), fuzz::copy(encode_peers({peer, peer}).view()),
          fuzz::copy(encode_counting({{}, {}}, {}).view())};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Buffer value(ByteView(data, size));
  const Meta meta{
      {name(meta_incarnation), value}, {name(meta_peers), value}, {name(meta_counting), value}};
  const std::uint64_t number = meta_number(meta, meta_incarnation);
  if (size == 8) KITH_ASSERT(encode_number(number) == value);
  if (size != 8) KITH_ASSERT(number == 0);
  KITH_ASSERT(meta_number(meta, meta_synced) == 0);

  const auto peers = meta_peers_of(meta);
  KITH_ASSERT(peers.size() <= saved_peers_limit && peers.size() * 50 <= size);
  const Buffer again = encode_peers(peers);
  KITH_ASSERT(equal(again.view(), value.view().first(again.size())));
  KITH_ASSERT(meta_peers_of({{name(meta_peers), again}}) == peers);

  NetworkId network;
  std::copy_n(data, std::min<std::size_t>(size, 32), network.bytes.begin());
  const auto counting = meta_counting_of(meta, network);
  KITH_ASSERT(counting.size() * 81 <= size);
  if (size >= 32) {
    const Buffer members = encode_counting(counting, network);
    KITH_ASSERT(equal(members.view(), value.view().first(members.size())));
  }
  network.bytes[0] ^= 1;
  KITH_ASSERT(meta_counting_of(meta, network).empty() || size < 32);
  return 0;
}
