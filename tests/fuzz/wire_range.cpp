// The parts of reconcile messages and contacts: range digests, range items, endpoints.
#include "../wire/samples.hpp"
#include "allocated.hpp"
#include "fields.hpp"
#include "target.hpp"

using namespace kith;

namespace {

template <class Part>
void round_trip(ByteView bytes, Part (*read)(wire::Reader&)) {
  const fuzz::Allocated heap;
  wire::Reader reader(bytes);
  const Part part = read(reader);
  KITH_ASSERT(heap.bytes() <= 16 * bytes.size() + 1024);
  if (reader.failed()) return;
  wire::Writer writer;
  wire::write(writer, part);
  KITH_ASSERT(equal(writer.view(), bytes.first(bytes.size() - reader.rest().size())));
  wire::Reader again(writer.view());
  KITH_ASSERT(read(again) == part && again.done());
}

template <class Part>
Bytes seed(std::size_t kind, const Part& part) {
  wire::Writer writer;
  writer.u8(static_cast<std::uint8_t>(kind));
  wire::write(writer, part);
  return writer.take();
}

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  wire::RangeDigest odd{3, {}, 7, {1, 2, 3}};
  odd.prefix = {0xab, 0xc0};
  wire::RangeItems items{64, test::id_of<NodeId>(9).bytes, {{}, {}}};
  return {seed(0, odd), seed(1, items), seed(2, Endpoint{IpAddress::v4(10, 0, 0, 1), 4747}),
          seed(3, wire::Contact{test::id_of<NodeId>(6), test::id_of<PublicKey>(7), {}})};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView bytes(data + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      round_trip(bytes, wire::read_range_digest);
      break;
    case 1:
      round_trip(bytes, wire::read_range_items);
      break;
    case 2:
      round_trip(bytes, wire::read_endpoint);
      break;
    default:
      round_trip(bytes, wire::read_contact);
  }
  return 0;
}
