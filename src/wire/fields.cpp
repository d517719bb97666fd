#include "fields.hpp"

namespace kith::wire {
namespace {

void write_reference(Writer& w, const Reference& reference) {
  w.id(reference.subject).u48(reference.incarnation.value);
  w.u8(static_cast<std::uint8_t>(reference.verdict)).bytes(reference.record);
}

Reference read_reference(Reader& r) {
  Reference reference;
  reference.subject = r.id<IdPrefix>();
  reference.incarnation.value = r.u48();
  reference.verdict = read_enum(r, Verdict::left);
  reference.record = r.array<8>();
  return reference;
}

constexpr std::size_t reference_size = 8 + 6 + 1 + 8;
constexpr std::size_t suspicion_size = reference_size + 8 + 8 + 64;
constexpr std::size_t nibbles_limit = 64;

void write_prefix(Writer& w, std::uint8_t depth, const ByteArray<32>& prefix) {
  w.u8(depth).bytes(ByteView(prefix).first((depth + 1u) / 2));
}

void read_prefix(Reader& r, std::uint8_t& depth, ByteArray<32>& prefix) {
  depth = r.u8();
  if (depth > nibbles_limit) return r.refuse();
  const std::size_t size = (depth + 1u) / 2;
  const ByteView raw = r.bytes(size);
  if (!raw.empty()) std::memcpy(prefix.data(), raw.data(), size);
  // Canonical: the unused half of the last byte is zero.
  if (depth % 2 == 1 && (prefix[size - 1] & 0x0f) != 0) r.refuse();
}

}  // namespace

void write(Writer& w, const Envelope& envelope) {
  w.u64(envelope.request.value).u32(envelope.deadline_ms);
  w.u8(static_cast<std::uint8_t>(envelope.lane)).u64(envelope.trace);
}

Envelope read_envelope(Reader& r) {
  Envelope envelope;
  envelope.request.value = r.u64();
  envelope.deadline_ms = r.u32();
  envelope.lane = read_enum(r, Lane::repair);
  envelope.trace = r.u64();
  return envelope;
}

void write(Writer& w, const Suspicion& suspicion) {
  write_reference(w, suspicion.subject);
  w.id(suspicion.accuser).u64(static_cast<std::uint64_t>(suspicion.stamp.value));
  w.id(suspicion.signature);
}

Suspicion read_suspicion(Reader& r) {
  Suspicion suspicion;
  suspicion.subject = read_reference(r);
  suspicion.accuser = r.id<IdPrefix>();
  suspicion.stamp.value = static_cast<std::int64_t>(r.u64());
  suspicion.signature = r.id<Signature>();
  return suspicion;
}

void write(Writer& w, const Gossip& gossip) {
  write_list(w, gossip.references, [&](const Reference& item) { write_reference(w, item); });
  write_list(w, gossip.suspicions, [&](const Suspicion& item) { write(w, item); });
}

Gossip read_gossip(Reader& r) {
  Gossip gossip;
  gossip.references = read_list(r, references_limit, reference_size, read_reference);
  gossip.suspicions = read_list(r, suspicions_limit, suspicion_size, read_suspicion);
  return gossip;
}

void write(Writer& w, const RangeDigest& digest) {
  write_prefix(w, digest.depth, digest.prefix);
  w.u32(digest.count).bytes(digest.fingerprint);
}

RangeDigest read_range_digest(Reader& r) {
  RangeDigest digest;
  read_prefix(r, digest.depth, digest.prefix);
  digest.count = r.u32();
  digest.fingerprint = r.array<16>();
  return digest;
}

void write(Writer& w, const RangeItems& range) {
  write_prefix(w, range.depth, range.prefix);
  write_list(w, range.items, [&](const RangeItem& item) { w.bytes(item.key).bytes(item.version); });
}

RangeItems read_range_items(Reader& r) {
  RangeItems range;
  read_prefix(r, range.depth, range.prefix);
  range.items = read_list(r, items_limit, 40, [](Reader& from) {
    RangeItem item;
    item.key = from.array<32>();
    item.version = from.array<8>();
    return item;
  });
  return range;
}

void write(Writer& w, const Endpoint& endpoint) {
  // The scope names an interface of one host only: it does not travel.
  w.bytes(endpoint.ip.bytes).u16(endpoint.port);
}

Endpoint read_endpoint(Reader& r) {
  Endpoint endpoint;
  endpoint.ip.bytes = r.array<16>();
  endpoint.port = r.u16();
  return endpoint;
}

void write(Writer& w, const Contact& contact) {
  w.id(contact.id).id(contact.key);
  write(w, contact.endpoint);
}

Contact read_contact(Reader& r) {
  Contact contact;
  contact.id = r.id<NodeId>();
  contact.key = r.id<PublicKey>();
  contact.endpoint = read_endpoint(r);
  return contact;
}

}  // namespace kith::wire
