#include "kith/wire/message.hpp"

#include "fields.hpp"
#include "kith/base/assert.hpp"
#include "kith/base/visit.hpp"

namespace kith::wire {
namespace {

Writer begin(MessageType type) {
  Writer w;
  w.u8(static_cast<std::uint8_t>(type));
  return w;
}

void write_ids(Writer& w, const std::vector<NodeId>& ids) {
  write_list(w, ids, [&](const NodeId& id) { w.id(id); });
}

std::vector<NodeId> read_ids(Reader& r) {
  return read_list(r, base_limit, 32, [](Reader& from) { return from.id<NodeId>(); });
}

// A u32-length payload that shares the received block.
void write_payload(Writer& w, const Buffer& payload) {
  w.u32(static_cast<std::uint32_t>(payload.size())).bytes(payload.view());
}

Buffer read_payload(Reader& r, const Buffer& whole, std::size_t limit) {
  const std::size_t size = r.u32();
  if (size > limit) r.refuse();
  const ByteView raw = r.bytes(r.failed() ? 0 : size);
  if (r.failed() || raw.empty()) return {};
  return whole.slice(static_cast<std::size_t>(raw.data() - whole.data()), raw.size());
}

// --- encoding: one function a message ---------------------------------------------------------

Writer encoded(const Ping& m) {
  Writer w = begin(MessageType::ping);
  write(w, m.envelope);
  write(w, m.gossip);
  return w;
}
Writer encoded(const Ack& m) {
  Writer w = begin(MessageType::ack);
  w.u64(m.request.value).u64(static_cast<std::uint64_t>(m.clock.value));
  write(w, m.gossip);
  return w;
}
Writer encoded(const ProbeRequest& m) {
  Writer w = begin(MessageType::probe_request);
  write(w, m.envelope);
  w.id(m.target);
  return w;
}
Writer encoded(const Nack& m) {
  Writer w = begin(MessageType::nack);
  w.u64(m.request.value);
  return w;
}
Writer encoded(const GossipPush& m) {
  Writer w = begin(MessageType::gossip);
  write(w, m.gossip);
  return w;
}
Writer encoded(const PullMembers& m) {
  Writer w = begin(MessageType::pull_members);
  write(w, m.envelope);
  write_list(w, m.subjects, [&](const IdPrefix& subject) { w.id(subject); });
  return w;
}
Writer encoded(const Members& m) {
  Writer w = begin(MessageType::members);
  w.u64(m.request.value);
  write_list(w, m.records, [&](const Buffer& record) { w.short_bytes(record.view()); });
  write_list(w, m.suspicions, [&](const Suspicion& suspicion) { write(w, suspicion); });
  return w;
}
Writer encoded(const Heard& m) {
  Writer w = begin(MessageType::heard);
  w.id(m.subject).u48(m.incarnation.value);
  return w;
}
Writer encoded(const Reconcile& m) {
  Writer w = begin(MessageType::reconcile);
  write(w, m.envelope);
  w.u8(static_cast<std::uint8_t>(m.topic));
  write_list(w, m.ranges, [&](const RangeDigest& range) { write(w, range); });
  return w;
}
Writer encoded(const Reconciled& m) {
  Writer w = begin(MessageType::reconciled);
  w.u64(m.request.value).u8(static_cast<std::uint8_t>(m.topic));
  write_list(w, m.children, [&](const RangeDigest& child) { write(w, child); });
  write_list(w, m.ranges, [&](const RangeItems& range) { write(w, range); });
  return w;
}
Writer encoded(const Store& m) {
  Writer w = begin(MessageType::store);
  write(w, m.envelope);
  w.bytes(m.base);
  write_payload(w, m.record);
  return w;
}
Writer encoded(const Stored& m) {
  Writer w = begin(MessageType::stored);
  w.u64(m.request.value).u8(static_cast<std::uint8_t>(m.status));
  w.u8(static_cast<std::uint8_t>(m.reason)).u64(m.sequence.value);
  write_ids(w, m.base);
  return w;
}
Writer encoded(const Fetch& m) {
  Writer w = begin(MessageType::fetch);
  write(w, m.envelope);
  w.bytes(m.base).id(m.record).u8(static_cast<std::uint8_t>(m.want));
  return w;
}
Writer encoded(const Fetched& m) {
  Writer w = begin(MessageType::fetched);
  w.u64(m.request.value).u8(static_cast<std::uint8_t>(m.status)).u64(m.sequence.value);
  w.id(m.writer).id(m.content);
  write_payload(w, m.record);
  write_ids(w, m.base);
  return w;
}
Writer encoded(const FindNodes& m) {
  Writer w = begin(MessageType::find_nodes);
  write(w, m.envelope);
  w.bytes(m.target);
  return w;
}
Writer encoded(const NodesFound& m) {
  Writer w = begin(MessageType::nodes_found);
  w.u64(m.request.value);
  write_list(w, m.nodes, [&](const Contact& contact) { write(w, contact); });
  return w;
}

// --- decoding: the mirror image ---------------------------------------------------------------

Ping read_ping(Reader& r) {
  Ping m;
  m.envelope = read_envelope(r);
  m.gossip = read_gossip(r);
  return m;
}
Ack read_ack(Reader& r) {
  Ack m;
  m.request.value = r.u64();
  m.clock.value = static_cast<std::int64_t>(r.u64());
  m.gossip = read_gossip(r);
  return m;
}
ProbeRequest read_probe_request(Reader& r) {
  ProbeRequest m;
  m.envelope = read_envelope(r);
  m.target = r.id<NodeId>();
  return m;
}
PullMembers read_pull_members(Reader& r) {
  PullMembers m;
  m.envelope = read_envelope(r);
  m.subjects = read_list(r, pull_limit, 8, [](Reader& from) { return from.id<IdPrefix>(); });
  return m;
}
Members read_members(Reader& r, const Buffer& whole) {
  Members m;
  m.request.value = r.u64();
  m.records = read_list(r, members_limit, 2, [&](Reader& from) {
    const ByteView raw = from.short_bytes(member_record_limit);
    if (raw.empty()) return Buffer();
    return whole.slice(static_cast<std::size_t>(raw.data() - whole.data()), raw.size());
  });
  m.suspicions = read_list(r, members_limit * 8, 103, read_suspicion);
  return m;
}
Heard read_heard(Reader& r) {
  Heard m;
  m.subject = r.id<IdPrefix>();
  m.incarnation.value = r.u48();
  return m;
}
Reconcile read_reconcile(Reader& r) {
  Reconcile m;
  m.envelope = read_envelope(r);
  m.topic = read_enum(r, Topic::records);
  m.ranges = read_list(r, ranges_limit, 21, read_range_digest);
  return m;
}
Reconciled read_reconciled(Reader& r) {
  Reconciled m;
  m.request.value = r.u64();
  m.topic = read_enum(r, Topic::records);
  m.children = read_list(r, ranges_limit, 21, read_range_digest);
  m.ranges = read_list(r, ranges_limit, 3, read_range_items);
  return m;
}
Store read_store(Reader& r, const Buffer& whole) {
  Store m;
  m.envelope = read_envelope(r);
  m.base = r.array<8>();
  m.record = read_payload(r, whole, record_limit);
  return m;
}
Stored read_stored(Reader& r) {
  Stored m;
  m.request.value = r.u64();
  m.status = read_enum(r, StoreStatus::refused);
  m.reason = read_enum(r, Refusal::equivocation);
  m.sequence.value = r.u64();
  m.base = read_ids(r);
  return m;
}
Fetch read_fetch(Reader& r) {
  Fetch m;
  m.envelope = read_envelope(r);
  m.base = r.array<8>();
  m.record = r.id<RecordId>();
  m.want = read_enum(r, Want::digest);
  return m;
}
Fetched read_fetched(Reader& r, const Buffer& whole) {
  Fetched m;
  m.request.value = r.u64();
  m.status = read_enum(r, FetchStatus::refused);
  m.sequence.value = r.u64();
  m.writer = r.id<NodeId>();
  m.content = r.id<Hash256>();
  m.record = read_payload(r, whole, record_limit);
  m.base = read_ids(r);
  return m;
}
FindNodes read_find_nodes(Reader& r) {
  FindNodes m;
  m.envelope = read_envelope(r);
  m.target = r.array<32>();
  return m;
}
NodesFound read_nodes_found(Reader& r) {
  NodesFound m;
  m.request.value = r.u64();
  m.nodes = read_list(r, nodes_limit, 82, read_contact);
  return m;
}

std::optional<Message> read_message(MessageType type, Reader& r, const Buffer& whole) {
  switch (type) {
    case MessageType::ping:
      return read_ping(r);
    case MessageType::ack:
      return read_ack(r);
    case MessageType::probe_request:
      return read_probe_request(r);
    case MessageType::nack:
      return Nack{{r.u64()}};
    case MessageType::gossip:
      return GossipPush{read_gossip(r)};
    case MessageType::pull_members:
      return read_pull_members(r);
    case MessageType::members:
      return read_members(r, whole);
    case MessageType::reconcile:
      return read_reconcile(r);
    case MessageType::reconciled:
      return read_reconciled(r);
    case MessageType::heard:
      return read_heard(r);
    case MessageType::store:
      return read_store(r, whole);
    case MessageType::stored:
      return read_stored(r);
    case MessageType::fetch:
      return read_fetch(r);
    case MessageType::fetched:
      return read_fetched(r, whole);
    case MessageType::find_nodes:
      return read_find_nodes(r);
    case MessageType::nodes_found:
      return read_nodes_found(r);
  }
  return std::nullopt;
}

}  // namespace

Buffer encode(const Message& message) {
  const Writer w = std::visit([](const auto& m) { return encoded(m); }, message);
  KITH_ASSERT(w.size() <= message_limit);
  return w.buffer();
}

Result<Message, DecodeError> decode(const Buffer& bytes) {
  if (bytes.empty() || bytes.size() > message_limit) return fail(DecodeError::malformed);
  Reader r(bytes.view());
  const auto type = static_cast<MessageType>(r.u8());
  std::optional<Message> message = read_message(type, r, bytes);
  if (!message) return fail(DecodeError::unknown_type);
  if (!r.done()) return fail(DecodeError::malformed);
  return *std::move(message);
}

}  // namespace kith::wire
