#include "kith/base/ids.hpp"

namespace kith {
namespace {

constexpr std::string_view alphabet = "ybndrfg8ejkmcpqxot1uwisza345h769";

}  // namespace

std::string to_zbase32(ByteView bytes) {
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (const Byte b : bytes) {
    bits = (bits << 8) | b;
    held += 8;
    while (held >= 5) {
      held -= 5;
      out.push_back(alphabet[(bits >> held) & 31]);
    }
  }
  if (held > 0) out.push_back(alphabet[(bits << (5 - held)) & 31]);
  return out;
}

std::optional<Bytes> from_zbase32(std::string_view text) {
  Bytes out;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const auto digit = alphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = (bits << 5) | static_cast<std::uint32_t>(digit);
    held += 5;
    if (held >= 8) {
      held -= 8;
      out.push_back(static_cast<Byte>(bits >> held));
    }
  }
  // Canonical only: whole characters, and the padding bits are zero.
  const bool whole = held < 5;
  const bool zero_padding = (bits & ((1u << held) - 1)) == 0;
  if (!whole || !zero_padding) return std::nullopt;
  return out;
}

}  // namespace kith
