// A stream's seal: frames open in their order to what went in, ratchets included; a changed,
// repeated or missing frame ends it.
#include "mutate.hpp"
#include "stream_frames.hpp"
#include "target.hpp"

using namespace kith;
using namespace kith::session;

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Seeds seeds{fuzz::Script()
                        .u8(1)
                        .chunk(as_bytes("one"))
                        .u8(0)
                        .u8(ratchet_flag)
                        .chunk(as_bytes("two"))
                        .u8(0)
                        .u8(bye_flag)
                        .chunk({})
                        .u8(0)};
  for (const Bytes& mutation : fuzz::mutations())
    seeds.push_back(fuzz::Script().u8(2).chunk(as_bytes("hello")).raw(mutation));
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  const Instant now{seconds(5)};
  const crypto::AeadKey key(ByteArray<32>{1});
  StreamCipher sender(key, now), receiver(key, now);
  while (!in.empty()) {
    const Byte control = in.u8();
    const ByteView chunk = in.chunk();
    const Bytes sealed = fuzz::copy(sender.seal(control, chunk, now).view());
    KITH_ASSERT(sealed.size() <= wire::stream_frame_limit);
    const Bytes arrived = fuzz::mutated(sealed, in);
    const auto opened = receiver.open(arrived, now);
    KITH_ASSERT(opened.has_value() == (arrived == sealed));
    if (!opened) break;  // the session closes such a stream
    KITH_ASSERT((*opened)[0] == control && equal(ByteView(*opened).subspan(1), chunk));
  }
  return 0;
}
