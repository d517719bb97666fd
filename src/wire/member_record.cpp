#include "kith/wire/member_record.hpp"

#include "fields.hpp"
#include "kith/base/assert.hpp"

namespace kith::wire {
namespace {

constexpr std::uint8_t member_format = 1;
constexpr std::uint8_t flag_leaving = 1;
constexpr std::string_view member_domain = "kith member";
constexpr std::string_view suspicion_domain = "kith suspicion";

std::string read_text(Reader& r, std::size_t limit) { return to_text(r.short_bytes(limit)); }

Tag read_tag(Reader& r) {
  Tag tag;
  tag.key = read_text(r, member_name_limit);
  tag.value = read_text(r, 255);
  return tag;
}

}  // namespace

Bytes member_record_body(const MemberRecord& record) {
  Writer w;
  w.u8(member_format).id(record.key).u48(record.incarnation.value).id(record.boot);
  w.u8(record.leaving ? flag_leaving : 0).u64(static_cast<std::uint64_t>(record.synced.value));
  write_list(w, record.addresses, [&](const Endpoint& endpoint) { write(w, endpoint); });
  w.short_bytes(as_bytes(record.name));
  write_list(w, record.tags, [&](const Tag& tag) {
    w.short_bytes(as_bytes(tag.key)).short_bytes(as_bytes(tag.value));
  });
  w.u16(record.protocol_min).u16(record.protocol_max);
  w.short_bytes(as_bytes(record.version)).short_bytes(record.ext);
  KITH_ASSERT(w.size() + Signature::size <= member_record_limit);
  return w.take();
}

Buffer member_record_message(const NetworkId& network, ByteView body) {
  return Writer().bytes(as_bytes(member_domain)).id(network).bytes(body).buffer();
}

Buffer encode_member_record(ByteView body, const Signature& signature) {
  return Writer().bytes(body).id(signature).buffer();
}

Result<DecodedMember, DecodeError> decode_member_record(ByteView bytes) {
  if (bytes.size() > member_record_limit) return fail(DecodeError::malformed);
  Reader r(bytes);
  DecodedMember out;
  MemberRecord& record = out.record;
  if (r.u8() != member_format) return fail(DecodeError::unknown_type);
  record.key = r.id<PublicKey>();
  record.incarnation.value = r.u48();
  record.boot = r.id<BootId>();
  const std::uint8_t flags = r.u8();
  if (flags > flag_leaving) r.refuse();
  record.leaving = flags == flag_leaving;
  record.synced.value = static_cast<std::int64_t>(r.u64());
  record.addresses = read_list(r, member_addresses_limit, 18, read_endpoint);
  record.name = read_text(r, member_name_limit);
  record.tags = read_list(r, member_tags_limit, 4, read_tag);
  record.protocol_min = r.u16();
  record.protocol_max = r.u16();
  record.version = read_text(r, member_name_limit);
  const ByteView ext = r.short_bytes(ext_limit);
  record.ext.assign(ext.begin(), ext.end());
  out.body_size = bytes.size() - r.rest().size();
  out.signature = r.id<Signature>();
  if (!r.done() || record.synced.value < 0) return fail(DecodeError::malformed);
  return out;
}

Buffer suspicion_message(const NetworkId& network, const NodeId& subject,
                         const Suspicion& suspicion) {
  Writer w;
  w.bytes(as_bytes(suspicion_domain)).id(network).id(subject);
  w.u48(suspicion.subject.incarnation.value).bytes(suspicion.subject.record);
  w.u64(static_cast<std::uint64_t>(suspicion.stamp.value));
  return w.buffer();
}

}  // namespace kith::wire
