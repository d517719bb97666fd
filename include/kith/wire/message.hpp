// Message: everything one authenticated node says to another, and encode/decode between it and
// bytes. Stateless, total, bounded: decode never allocates from a length it has not checked, takes
// exactly the bytes there are, and decode(encode(x)) == x.
//
// Payloads are Buffers that share the received block: decoding a value copies nothing.
#pragma once

#include <variant>

#include "kith/base/address.hpp"
#include "kith/base/buffer.hpp"
#include "kith/base/ids.hpp"
#include "kith/base/lane.hpp"
#include "kith/base/result.hpp"
#include "kith/base/time.hpp"
#include "kith/wire/constants.hpp"

namespace kith::wire {

// In front of every request: deadlines propagate, stale work is shed, retries are idempotent.
struct Envelope {
  RequestId request;
  std::uint32_t deadline_ms = 0;  // time the asker will still wait
  Lane lane = Lane::data;
  std::uint64_t trace = 0;  // 0: not traced
  bool operator==(const Envelope&) const = default;
};

// --- membership -------------------------------------------------------------------------------

enum class Verdict : std::uint8_t { alive = 0, suspect = 1, dead = 2, left = 3 };

using IdPrefix = Id<struct IdPrefixTag, 8>;  // the first 8 bytes of a NodeId
using RecordHash = ByteArray<8>;             // crypto::hash64 of a member record's bytes

inline IdPrefix prefix_of(const NodeId& id) {
  return IdPrefix::from(id.view().first(IdPrefix::size));
}

// 23 bytes: what gossip carries about a member. The record itself is pulled on a miss.
struct Reference {
  IdPrefix subject;
  Incarnation incarnation;  // 6 bytes on the wire
  Verdict verdict = Verdict::alive;
  RecordHash record{};
  bool operator==(const Reference&) const = default;
};

// 103 bytes: a signed accusation. q of them by distinct observers of one incarnation are the
// certificate that makes a member dead.
struct Suspicion {
  Reference subject;  // verdict: suspect
  IdPrefix accuser;
  UnixMillis stamp;     // of the accuser's hybrid clock (PROTOCOL.md 4)
  Signature signature;  // over suspicion_message()
  bool operator==(const Suspicion&) const = default;
};

struct Gossip {
  std::vector<Reference> references;  // <= references_limit
  std::vector<Suspicion> suspicions;  // <= suspicions_limit
  bool operator==(const Gossip&) const = default;
};

struct Ping {
  Envelope envelope;
  Gossip gossip;
  bool operator==(const Ping&) const = default;
};
struct Ack {
  RequestId request;
  UnixMillis clock;  // the answerer's own wall clock, uncorrected; 0: it was never set
  Gossip gossip;
  bool operator==(const Ack&) const = default;
};
struct ProbeRequest {  // "ping that one for me"; answered by Ack or Nack
  Envelope envelope;
  NodeId target;
  bool operator==(const ProbeRequest&) const = default;
};
struct Nack {
  RequestId request;
  bool operator==(const Nack&) const = default;
};
struct GossipPush {
  Gossip gossip;
  bool operator==(const GossipPush&) const = default;
};
struct PullMembers {
  Envelope envelope;
  std::vector<IdPrefix> subjects;
  bool operator==(const PullMembers&) const = default;
};
struct Members {
  RequestId request;
  std::vector<Buffer> records;        // encoded MemberRecords
  std::vector<Suspicion> suspicions;  // certificates of the dead among them
  bool operator==(const Members&) const = default;
};
// "I opened an authentic packet of the subject after your suspicion": refuses to join a verdict.
struct Heard {
  IdPrefix subject;
  Incarnation incarnation;
  bool operator==(const Heard&) const = default;
};

// --- reconcile: one mechanism for the roster and for DHT records ------------------------------

enum class Topic : std::uint8_t { roster = 0, records = 1 };

// All keys that share the first `depth` nibbles of `prefix`, and a digest of what is there.
struct RangeDigest {
  std::uint8_t depth = 0;  // 0..64
  ByteArray<32> prefix{};  // bits past depth are zero; ceil(depth / 2) bytes on the wire
  std::uint32_t count = 0;
  ByteArray<16> fingerprint{};  // sum of the item fingerprints, modulo 2^128
  bool operator==(const RangeDigest&) const = default;
};
struct RangeItem {
  ByteArray<32> key{};
  ByteArray<8> version{};  // a hash of what the key holds
  bool operator==(const RangeItem&) const = default;
};
// The responder's whole content of one range that differs: `complete` even when it is empty.
struct RangeItems {
  std::uint8_t depth = 0;
  ByteArray<32> prefix{};
  std::vector<RangeItem> items;
  bool operator==(const RangeItems&) const = default;
};

struct Reconcile {
  Envelope envelope;
  Topic topic = Topic::roster;
  std::vector<RangeDigest> ranges;
  bool operator==(const Reconcile&) const = default;
};
struct Reconciled {
  RequestId request;
  Topic topic = Topic::roster;
  std::vector<RangeDigest> children;  // of large ranges that differ: 16 each, empty ones included
  std::vector<RangeItems> ranges;     // of small ranges that differ
  bool operator==(const Reconciled&) const = default;
};

// --- DHT --------------------------------------------------------------------------------------

using BaseDigest = ByteArray<8>;  // of the sorted ids of a base; zero: does not ask to be counted

enum class StoreStatus : std::uint8_t {
  stored = 0,    // on this replica's disk
  stale = 1,     // it holds a greater version: `sequence`
  not_base = 2,  // its base differs: `base`
  refused = 3,   // `reason`
};
enum class Refusal : std::uint8_t {
  none = 0,
  full = 1,
  busy = 2,
  bad_record = 3,     // signature, length, clock or kind
  not_permitted = 4,  // kind or writer that this network does not allow
  equivocation = 5,   // same owner, same sequence, another value
};

struct Store {
  Envelope envelope;
  BaseDigest base{};
  Buffer record;  // raw bytes, never re-encoded
  bool operator==(const Store&) const = default;
};
struct Stored {
  RequestId request;
  StoreStatus status = StoreStatus::stored;
  Refusal reason = Refusal::none;
  Sequence sequence;         // what the replica holds now
  std::vector<NodeId> base;  // the replica's own base when not_base
  bool operator==(const Stored&) const = default;
};

enum class Want : std::uint8_t { value = 0, digest = 1 };
enum class FetchStatus : std::uint8_t { found = 0, none = 1, not_base = 2, refused = 3 };

struct Fetch {
  Envelope envelope;
  BaseDigest base{};
  RecordId record;
  Want want = Want::value;
  bool operator==(const Fetch&) const = default;
};
struct Fetched {
  RequestId request;
  FetchStatus status = FetchStatus::none;
  Sequence sequence;  // of the record held; zero when none
  NodeId writer;
  Hash256 content;           // H(value), so that digests compare whole versions
  Buffer record;             // when the value was wanted
  std::vector<NodeId> base;  // when not_base
  bool operator==(const Fetched&) const = default;
};

struct Contact {
  NodeId id;
  PublicKey key;
  Endpoint endpoint;
  bool operator==(const Contact&) const = default;
};
struct FindNodes {
  Envelope envelope;
  ByteArray<32> target{};
  bool operator==(const FindNodes&) const = default;
};
struct NodesFound {
  RequestId request;
  std::vector<Contact> nodes;  // <= nodes_limit, closest first
  bool operator==(const NodesFound&) const = default;
};

using Message =
    std::variant<Ping, Ack, ProbeRequest, Nack, GossipPush, PullMembers, Members, Heard, Reconcile,
                 Reconciled, Store, Stored, Fetch, Fetched, FindNodes, NodesFound>;

enum class DecodeError : std::uint8_t {
  malformed,     // nothing was taken from it
  unknown_type,  // a later version's message: ignored and counted
};

Buffer encode(const Message& message);
Result<Message, DecodeError> decode(const Buffer& bytes);

}  // namespace kith::wire
