// wire::decode on anything: canonical, and no allocation that the bytes do not pay for.
#include "../wire/samples.hpp"
#include "allocated.hpp"
#include "target.hpp"

using namespace kith;

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Seeds seeds;
  for (const wire::Message& message : test::sample_messages())
    seeds.push_back(fuzz::copy(wire::encode(message).view()));
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Buffer bytes(ByteView(data, size));
  const fuzz::Allocated heap;
  const auto message = wire::decode(bytes);
  KITH_ASSERT(heap.bytes() <= 64 * size + 4096);
  if (!message) return 0;
  const Buffer again = wire::encode(*message);
  KITH_ASSERT(again == bytes);
  const auto twice = wire::decode(again);
  KITH_ASSERT(twice && *twice == *message);
  return 0;
}
