// The TCP deframer: the same frames and the same verdict however the bytes were cut into reads.
#include "stream_frames.hpp"
#include "target.hpp"

using namespace kith;
using namespace kith::session;

namespace {

struct Outcome {
  std::vector<Bytes> frames;
  bool broken = false;
  bool operator==(const Outcome&) const = default;
};

class Feed {
 public:
  void read(ByteView bytes) {
    reader_.append(bytes);
    while (const auto frame = reader_.next()) {
      KITH_ASSERT(frame->size() > length_prefix && frame->size() <= wire::stream_frame_limit);
      outcome.frames.push_back(fuzz::copy(*frame));
    }
    outcome.broken = reader_.broken();
    if (!outcome.broken) KITH_ASSERT(reader_.held() < wire::stream_frame_limit);
  }
  Outcome outcome;

 private:
  FrameReader reader_;
};

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  const Bytes one = prefixed(as_bytes("frame"));
  Bytes three;
  for (const std::string_view part : {"a", "bc", "def"}) append(three, prefixed(as_bytes(part)));
  const Bytes large = prefixed(Bytes(4094, 1)), broken = prefixed(Bytes(4095, 1));
  return {fuzz::Script().chunk(Bytes{1, 2}).raw(one),
          fuzz::Script().chunk(Bytes{3, 3, 1}).raw(three),
          fuzz::Script().chunk(Bytes{255}).raw(large), fuzz::Script().chunk({}).raw(broken),
          fuzz::Script().chunk(Bytes{1}).raw(Bytes(4))};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  const ByteView lengths = in.chunk(), bytes = in.rest();
  Feed whole, cut, bytewise;
  whole.read(bytes);
  ByteView rest = bytes;
  for (std::size_t i = 0; !rest.empty(); ++i) {
    const std::size_t wanted = i < lengths.size() ? lengths[i] : rest.size();
    const ByteView part = rest.first(std::min(wanted, rest.size()));
    cut.read(part);
    rest = rest.subspan(part.size());
  }
  KITH_ASSERT(cut.outcome == whole.outcome);
  if (size > 512) return 0;
  for (const Byte& byte : bytes) bytewise.read({&byte, 1});
  KITH_ASSERT(bytewise.outcome == whole.outcome);
  return 0;
}
