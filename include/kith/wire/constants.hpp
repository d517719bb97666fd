// Every number of the wire formats. The byte-exact document is src/PROTOCOL.md.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kith::wire {

// --- from the specification -------------------------------------------------------------------

// The protocol versions that a release speaks: all from min to max. Two that have one in common
// talk, in the greatest such. This release speaks the first one only.
struct Versions {
  std::uint16_t min = 1, max = 1;
  bool operator==(const Versions&) const = default;
};

// First byte of a datagram or of a stream frame (PROTOCOL.md "Frames").
enum class FrameType : std::uint8_t {
  who_are_you = 0x01,      // asks an address for its public key; padded to who_are_you_size
  i_am = 0x02,             // the answer, never longer than the question
  handshake_init = 0x03,   // Noise IKpsk2 message 1 + mac1 + mac2
  handshake_reply = 0x04,  // Noise IKpsk2 message 2
  cookie = 0x05,           // under load: prove your address first
  sealed = 0x06,           // receiver index, counter, ciphertext, tag
  bencode = 0x64,          // 'd': Mainline, later
};

inline constexpr std::size_t datagram_limit =
    1200;  // UDP payload: fits every IPv6 path unfragmented
inline constexpr std::size_t who_are_you_size = 160;
inline constexpr std::size_t sealed_header = 13;  // type 1, receiver index 4, counter 8
inline constexpr std::size_t aead_tag = 16;
inline constexpr std::size_t sealed_overhead = sealed_header + aead_tag;
inline constexpr std::size_t datagram_message_limit = datagram_limit - sealed_overhead;  // 1171
inline constexpr std::size_t stream_frame_limit = 4096;  // sealed frame on TCP, header included

// First byte of a message inside a sealed frame.
enum class MessageType : std::uint8_t {
  ping = 0x01,
  ack = 0x02,
  probe_request = 0x03,
  nack = 0x04,
  gossip = 0x05,
  pull_members = 0x06,
  members = 0x07,
  reconcile = 0x08,
  reconciled = 0x09,
  heard = 0x0a,
  store = 0x10,
  stored = 0x11,
  fetch = 0x12,
  fetched = 0x13,
  find_nodes = 0x14,
  nodes_found = 0x15,
};

// --- our limits -------------------------------------------------------------------------------

inline constexpr std::size_t name_limit = 512;         // bytes of a DHT name (key)
inline constexpr std::size_t value_limit = 64 * 1024;  // bytes of a value
inline constexpr std::size_t ext_limit = 256;          // bytes of a record's extension area
inline constexpr std::size_t record_limit = value_limit + ext_limit + 256;
inline constexpr std::size_t member_record_limit = 1000;  // so that one fits a datagram
inline constexpr std::size_t member_addresses_limit = 8;
inline constexpr std::size_t member_name_limit = 64;
inline constexpr std::size_t member_tags_limit = 16;
inline constexpr std::size_t releases_limit = 10;         // dead that a member's `synced` names
inline constexpr std::size_t references_limit = 64;       // in one gossip
inline constexpr std::size_t suspicions_limit = 16;       // in one gossip
inline constexpr std::size_t pull_limit = 64;             // id prefixes in one pull
inline constexpr std::size_t members_limit = 64;          // records in one answer
inline constexpr std::size_t ranges_limit = 256;          // ranges in one reconcile message
inline constexpr std::size_t items_limit = 512;           // items in one reconcile answer
inline constexpr std::size_t base_limit = 8;              // NodeIds of a base
inline constexpr std::size_t nodes_limit = 16;            // contacts in one nodes_found
inline constexpr std::size_t message_limit = 128 * 1024;  // any message, on a stream

static_assert(value_limit + ext_limit < record_limit && record_limit < message_limit);

}  // namespace kith::wire
