// Hex and z-base-32: decoding is the inverse of encoding, and only canonical text decodes.
#include "target.hpp"

using namespace kith;

namespace {

bool lower(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'F'; });
}

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  return {fuzz::text("00ff10Ab"), fuzz::text(to_zbase32(Bytes(32, 0x5a))),
          fuzz::text(to_zbase32(Bytes(5, 0xff))), fuzz::text("yy"), fuzz::text("y")};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  const std::string_view text = as_text(bytes);
  KITH_ASSERT(from_hex(to_hex(bytes)) == fuzz::copy(bytes));
  KITH_ASSERT(from_zbase32(to_zbase32(bytes)) == fuzz::copy(bytes));
  if (const auto decoded = from_hex(text)) {
    KITH_ASSERT(decoded->size() * 2 == size);
    KITH_ASSERT(!lower(text) || to_hex(*decoded) == text);
  }
  if (const auto decoded = from_zbase32(text)) KITH_ASSERT(to_zbase32(*decoded) == text);
  return 0;
}
