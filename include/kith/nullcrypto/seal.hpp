// The stand-in's hash, and what its seals are: the text as it is, then a tag of two words. The
// first is the key's hash plus the counter, the second a hash of the first, the associated data and
// the text. So who holds one sealed frame can seal another under that key: a compromised machine
// says what it likes in its own sessions (sim/liar.hpp). Whoever holds none is found out as ever.
//
// All of it inline: the simulator asks it of frames that the real crypto may have sealed, and is
// told that they are no such thing.
#pragma once

#include <optional>

#include "kith/base/bytes.hpp"

namespace kith::nullcrypto {

constexpr std::uint64_t mixed(std::uint64_t word) {
  word += 0x9e3779b97f4a7c15ull;
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ull;
  word = (word ^ (word >> 27)) * 0x94d049bb133111ebull;
  return word ^ (word >> 31);
}

class Mixer {
 public:
  explicit Mixer(std::uint64_t domain) : state_(mixed(domain)) {}
  Mixer& add(ByteView bytes) {
    std::uint64_t state = state_ ^ bytes.size();
    for (; bytes.size() >= 8; bytes = bytes.subspan(8))
      state =
          (state ^ (state >> 29) ^ load_le<std::uint64_t>(bytes.data())) * 0x9ddfea08eb382d69ull;
    std::uint64_t rest = 0;
    for (const Byte byte : bytes) rest = rest << 8 | byte;
    state_ = mixed(state ^ rest);
    return *this;
  }
  template <std::size_t N>
  ByteArray<N> take() const {
    static_assert(N % 8 == 0);
    ByteArray<N> out;
    for (std::size_t i = 0; i < N / 8; ++i) store_le(out.data() + 8 * i, mixed(state_ + i));
    return out;
  }
  std::uint64_t word() const { return mixed(state_); }

 private:
  std::uint64_t state_;
};

inline constexpr std::size_t tag_size = 16;

// Precondition: out.size() == text.size() + tag_size; out may start where text does.
inline void seal(std::uint64_t first, ByteView associated, ByteView text, MutableBytes out) {
  const std::uint64_t second = Mixer(first).add(associated).add(text).word();
  if (!text.empty()) std::memmove(out.data(), text.data(), text.size());
  store_le(out.data() + text.size(), first);
  store_le(out.data() + text.size() + 8, second);
}

struct Opened {
  std::uint64_t first = 0;  // + 1 seals with the next counter
  ByteView text;
};
// nullopt: it was not sealed so, or altered since.
inline std::optional<Opened> opened(ByteView associated, ByteView sealed) {
  if (sealed.size() < tag_size) return std::nullopt;
  const ByteView text = sealed.first(sealed.size() - tag_size);
  const Byte* tag = sealed.data() + text.size();
  const Opened it{load_le<std::uint64_t>(tag), text};
  const std::uint64_t second = Mixer(it.first).add(associated).add(text).word();
  if (second != load_le<std::uint64_t>(tag + 8)) return std::nullopt;
  return it;
}

}  // namespace kith::nullcrypto
