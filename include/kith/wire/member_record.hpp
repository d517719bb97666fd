// MemberRecord: what a member says about itself, signed by itself; <= 1 000 bytes.
// Verified and stored as raw bytes; a hash of those bytes names it in gossip.
#pragma once

#include "kith/base/address.hpp"
#include "kith/base/buffer.hpp"
#include "kith/base/ids.hpp"
#include "kith/base/result.hpp"
#include "kith/wire/message.hpp"

namespace kith::wire {

struct Tag {
  std::string key, value;
  bool operator==(const Tag&) const = default;
};

struct MemberRecord {
  PublicKey key;
  Incarnation incarnation;
  BootId boot;
  bool leaving = false;             // its own goodbye: verdict left
  UnixMillis synced;                // until when it has everything that is its; 0: not synced
  std::vector<Endpoint> addresses;  // <= 8, IPv4 and IPv6, best first
  std::string name;                 // shown to others; may hold anything, print it escaped
  std::vector<Tag> tags;
  std::uint16_t protocol_min = 1, protocol_max = 1;
  std::string version;  // of the software, shown only
  Bytes ext;            // TLV for later versions, kept verbatim
  bool operator==(const MemberRecord&) const = default;
};

// The bytes to sign: domain, network id, body. The encoding is body || signature.
Bytes member_record_body(const MemberRecord& record);
Buffer member_record_message(const NetworkId& network, ByteView body);
Buffer encode_member_record(ByteView body, const Signature& signature);

struct DecodedMember {
  MemberRecord record;
  Signature signature;
  std::size_t body_size = 0;  // bytes.first(body_size) is what member_record_message wants
};
Result<DecodedMember, DecodeError> decode_member_record(ByteView bytes);

// What an accuser signs: domain, network id, full subject id, incarnation, record hash, stamp.
Buffer suspicion_message(const NetworkId& network, const NodeId& subject,
                         const Suspicion& suspicion);

}  // namespace kith::wire
