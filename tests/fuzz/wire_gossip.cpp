// Gossip, and the suspicions in it: what both pings and acks carry.
#include "../wire/samples.hpp"
#include "allocated.hpp"
#include "fields.hpp"
#include "target.hpp"

using namespace kith;

kith::fuzz::Seeds fuzz_seeds() {
  wire::Writer one, full;
  wire::write(one, test::sample_gossip());
  wire::Gossip most;
  most.references.assign(wire::references_limit, test::sample_reference());
  most.suspicions.assign(wire::suspicions_limit, test::sample_suspicion());
  wire::write(full, most);
  return {one.take(), full.take(), Bytes(4)};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  const fuzz::Allocated heap;
  wire::Reader reader(bytes);
  const wire::Gossip gossip = wire::read_gossip(reader);
  KITH_ASSERT(heap.bytes() <= 16 * size + 1024);
  if (reader.failed()) return 0;
  KITH_ASSERT(gossip.references.size() <= wire::references_limit);
  KITH_ASSERT(gossip.suspicions.size() <= wire::suspicions_limit);
  wire::Writer writer;
  wire::write(writer, gossip);
  KITH_ASSERT(equal(writer.view(), bytes.first(size - reader.rest().size())));
  return 0;
}
