// Member records: canonical, bounded, and a signature covers every byte but itself.
#include "../wire/samples.hpp"
#include "allocated.hpp"
#include "target.hpp"

using namespace kith;

kith::fuzz::Seeds fuzz_seeds() {
  const auto encoded = [](const wire::MemberRecord& record) {
    return fuzz::copy(
        wire::encode_member_record(wire::member_record_body(record), test::id_of<Signature>(1))
            .view());
  };
  wire::MemberRecord bare;
  return {encoded(test::sample_member()), encoded(bare)};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  const fuzz::Allocated heap;
  const auto decoded = wire::decode_member_record(bytes);
  KITH_ASSERT(heap.bytes() <= 64 * size + 4096);
  if (!decoded) return 0;
  const wire::MemberRecord& record = decoded->record;
  KITH_ASSERT(size <= wire::member_record_limit);
  KITH_ASSERT(record.addresses.size() <= wire::member_addresses_limit);
  KITH_ASSERT(record.tags.size() <= wire::member_tags_limit);
  KITH_ASSERT(decoded->body_size + Signature::size == size);
  const Bytes body = wire::member_record_body(record);
  KITH_ASSERT(equal(body, bytes.first(decoded->body_size)));
  KITH_ASSERT(equal(wire::encode_member_record(body, decoded->signature).view(), bytes));
  return 0;
}
