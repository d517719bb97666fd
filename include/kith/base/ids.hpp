// Ids: fixed-size names that the type system keeps apart, and strong integers that count things.
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstdint>

#include "kith/base/bytes.hpp"

namespace kith {

template <class Tag, std::size_t N>
struct Id {
  static constexpr std::size_t size = N;
  static_assert(N % 8 == 0);
  ByteArray<N> bytes{};

  constexpr bool operator==(const Id& other) const {  // asked so often that a call shows
    using Words = std::array<std::uint64_t, N / 8>;
    const auto mine = std::bit_cast<Words>(bytes), theirs = std::bit_cast<Words>(other.bytes);
    std::uint64_t differ = 0;
    for (std::size_t i = 0; i < mine.size(); ++i) differ |= mine[i] ^ theirs[i];
    return differ == 0;
  }
  constexpr std::strong_ordering operator<=>(const Id& other) const {  // as memcmp
    // Ids are hashes and keys: the first eight bytes nearly always decide, without a call.
    const auto mine = load_be<std::uint64_t>(bytes.data());
    const auto theirs = load_be<std::uint64_t>(other.bytes.data());
    if constexpr (N == 8) return mine <=> theirs;
    return mine != theirs ? mine <=> theirs : bytes <=> other.bytes;
  }
  constexpr ByteView view() const { return bytes; }
  constexpr bool is_zero() const { return *this == Id{}; }

  // Precondition: from.size() == N.
  static Id from(ByteView from) {
    Id id;
    std::memcpy(id.bytes.data(), from.data(), N);
    return id;
  }
};

// Where an id stands among all, in 2^-32: ids are hashes, spread evenly.
template <class Tag, std::size_t N>
std::uint32_t quantile(const Id<Tag, N>& id) {
  return load_be<std::uint32_t>(id.bytes.data());
}

using NodeId = Id<struct NodeIdTag, 32>;        // BLAKE2b-256("kith node" || public key)
using PublicKey = Id<struct PublicKeyTag, 32>;  // Ed25519
using NetworkId = Id<struct NetworkIdTag, 32>;  // keyed BLAKE2b(root, name)
using RecordId = Id<struct RecordIdTag, 32>;    // a record's place in the key space
using BootId = Id<struct BootIdTag, 8>;         // random, new at every process start
using Signature = Id<struct SignatureTag, 64>;  // Ed25519
using Hash256 = Id<struct Hash256Tag, 32>;      // BLAKE2b-256

template <class Tag>
struct Number {
  std::uint64_t value = 0;
  constexpr auto operator<=>(const Number&) const = default;
  constexpr Number next() const { return {value + 1}; }
};

using Ticket = Number<struct TicketTag>;            // names one user operation in flight
using Token = Number<struct TokenTag>;              // pairs an order to the world with its answer
using Incarnation = Number<struct IncarnationTag>;  // a member's own version counter, < 2^53
using Sequence = Number<struct SequenceTag>;        // a record's version, < 2^53
using RequestId = Number<struct RequestIdTag>;      // pairs a request on the wire with its reply

inline constexpr std::uint64_t json_safe_limit = 1ull << 53;  // JSON numbers are doubles

// z-base-32: 52 characters for 32 bytes, no padding, no look-alikes [zooko 2009].
std::string to_zbase32(ByteView bytes);
std::optional<Bytes> from_zbase32(std::string_view text);

inline std::string to_string(const NodeId& id) { return to_zbase32(id.view()); }
inline std::string short_name(const NodeId& id) { return to_string(id).substr(0, 8); }

}  // namespace kith
