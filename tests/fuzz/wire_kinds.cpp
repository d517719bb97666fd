// Every message kind in turn: the first byte names a sample, the rest overwrites its bytes, so that
// the fields deep inside a body are tried without finding the way there first.
#include "../wire/samples.hpp"
#include "target.hpp"

using namespace kith;

namespace {

const std::vector<Bytes>& encoded() {
  static const std::vector<Bytes> all = [] {
    std::vector<Bytes> made;
    for (const wire::Message& message : test::sample_messages())
      made.push_back(fuzz::copy(wire::encode(message).view()));
    return made;
  }();
  return all;
}

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Seeds seeds;
  for (std::size_t i = 0; i < encoded().size(); ++i)
    seeds.push_back(fuzz::Script().u8(i).u16(21).u8(2).u8(0xff).u8(0xff));
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  Bytes bytes = encoded()[in.below(encoded().size())];
  while (!in.empty()) {
    const std::size_t at = in.u16() % (bytes.size() + 1);
    const std::uint8_t what = in.u8();
    if (what & 0x80) {
      bytes.resize(at);
      if (bytes.empty()) break;
    }
    const ByteView patch = in.take(what & 0x1f);
    bytes.resize(std::max(bytes.size(), at + patch.size()));
    std::copy(patch.begin(), patch.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
  }
  const Buffer mutated(bytes);
  if (const auto message = wire::decode(mutated)) KITH_ASSERT(wire::encode(*message) == mutated);
  return 0;
}
