// Datagrams under keys: of what was sealed, every frame opens once and to what it was; anything
// else, in any order and at any time, opens never.
#include <set>

#include "keypair.hpp"
#include "mutate.hpp"
#include "target.hpp"

using namespace kith;
using namespace kith::session;

namespace {

constexpr std::size_t frames_count = 8;

crypto::AeadKey key_of(Byte fill) {
  ByteArray<32> raw;
  raw.fill(fill);
  return crypto::AeadKey(raw);
}

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Script in_order;
  for (std::size_t i = 0; i < frames_count; ++i) in_order.u8(i).u8(0);
  fuzz::Seeds seeds{in_order};
  for (const Bytes& mutation : fuzz::mutations())
    seeds.push_back(fuzz::Script().u8(2).raw(mutation).u8(2).u8(0));
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Instant start{seconds(100)};
  noise::Transport ours{key_of(1), key_of(2), {}}, theirs{key_of(2), key_of(1), {}};
  Keypair sender(ours, {1, 2, true, start, start + Tuning{}.rekey_after});
  Keypair receiver(theirs, {2, 1, false, start, start});
  std::vector<Bytes> messages, frames;
  for (std::size_t i = 0; i < frames_count; ++i) {
    messages.push_back(Bytes(i * 7, static_cast<Byte>(i)));
    frames.push_back(fuzz::copy(sender.seal(messages.back()).view()));
  }

  fuzz::Input in(data, size);
  Instant now = start;
  std::set<std::size_t> opened;
  while (!in.empty()) {
    const std::size_t choice = in.u8();
    const std::size_t which = choice % frames_count;
    if (choice & 0x80) now += seconds(in.u8());
    const Bytes frame = fuzz::mutated(frames[which], in);
    const auto header = parse_sealed(frame);
    KITH_ASSERT(header.has_value() ==
                (frame.size() >= wire::sealed_overhead && frame.size() <= wire::datagram_limit));
    if (!header) continue;
    const auto message = receiver.open(frame, *header, now);
    const bool genuine = frame == frames[which];
    const bool alive = now < start + reject_after;
    KITH_ASSERT(message.has_value() == (genuine && alive && !opened.contains(which)));
    if (!message) continue;
    KITH_ASSERT(equal(message->view(), messages[which]));
    opened.insert(which);
  }
  return 0;
}
