// One suspicion: canonical, and what is signed names each of its fields.
#include "../wire/samples.hpp"
#include "fields.hpp"
#include "target.hpp"

using namespace kith;

namespace {

bool in_order(const wire::Suspicion& a, const wire::Suspicion& b) {
  return a.subject.incarnation == b.subject.incarnation && a.subject.record == b.subject.record &&
         a.stamp == b.stamp;
}

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  wire::Writer writer;
  wire::write(writer, test::sample_suspicion());
  wire::write(writer, test::sample_suspicion());
  return {writer.take()};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  wire::Reader reader(bytes);
  const wire::Suspicion first = wire::read_suspicion(reader);
  if (reader.failed()) return 0;
  wire::Writer writer;
  wire::write(writer, first);
  KITH_ASSERT(equal(writer.view(), bytes.first(size - reader.rest().size())));

  const wire::Suspicion second = wire::read_suspicion(reader);
  if (reader.failed()) return 0;
  const NetworkId network = test::id_of<NetworkId>(1);
  const NodeId subject = test::id_of<NodeId>(2);
  KITH_ASSERT(in_order(first, second) == (wire::suspicion_message(network, subject, first) ==
                                          wire::suspicion_message(network, subject, second)));
  return 0;
}
