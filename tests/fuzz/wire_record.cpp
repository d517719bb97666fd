// DHT records: canonical head, a value that shares the received block, nothing left over.
#include "../wire/samples.hpp"
#include "allocated.hpp"
#include "target.hpp"

using namespace kith;

kith::fuzz::Seeds fuzz_seeds() {
  const auto encoded = [](const wire::Record& record) {
    return fuzz::copy(wire::encode_record(wire::record_head(record), record.value.view(),
                                          test::id_of<Signature>(1))
                          .view());
  };
  wire::Record gone = test::sample_record();
  gone.tombstone = true;
  gone.value = Buffer();
  return {encoded(test::sample_record()), encoded(gone)};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Buffer bytes(ByteView(data, size));
  const fuzz::Allocated heap;
  const auto decoded = wire::decode_record(bytes);
  KITH_ASSERT(heap.bytes() <= size + 2048);
  if (!decoded) return 0;
  const wire::Record& record = decoded->record;
  KITH_ASSERT(record.sequence.value < json_safe_limit);
  KITH_ASSERT(record.value.size() <= wire::value_limit && record.ext.size() <= wire::ext_limit);
  KITH_ASSERT(!record.tombstone || record.value.empty());
  KITH_ASSERT(equal(wire::record_head(record), decoded->head.view()));
  KITH_ASSERT(wire::encode_record(decoded->head.view(), record.value.view(), decoded->signature) ==
              bytes);
  return 0;
}
