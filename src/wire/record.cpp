#include "kith/wire/record.hpp"

#include "fields.hpp"
#include "kith/base/assert.hpp"

namespace kith::wire {
namespace {

constexpr std::uint8_t record_format = 1;
constexpr std::uint8_t flag_tombstone = 1;
constexpr std::string_view record_domain = "kith record";

}  // namespace

Bytes record_head(const Record& record) {
  Writer w;
  w.u8(record_format).id(record.id).u8(static_cast<std::uint8_t>(record.kind));
  w.u8(record.tombstone ? flag_tombstone : 0).u64(record.sequence.value);
  w.u64(static_cast<std::uint64_t>(record.expiry.value)).id(record.writer).id(record.content);
  w.short_bytes(record.ext);
  return w.take();
}

Buffer record_message(const NetworkId& network, ByteView head) {
  return Writer().bytes(as_bytes(record_domain)).id(network).bytes(head).buffer();
}

Buffer encode_record(ByteView head, ByteView value, const Signature& signature) {
  KITH_ASSERT(value.size() <= value_limit);
  return Writer().short_bytes(head).bytes(value).id(signature).buffer();
}

Result<DecodedRecord, DecodeError> decode_record(const Buffer& bytes) {
  if (bytes.size() > record_limit) return fail(DecodeError::malformed);
  Reader outer(bytes.view());
  const ByteView head = outer.short_bytes(ext_limit + 128);
  if (outer.failed() || outer.rest().size() < Signature::size) return fail(DecodeError::malformed);
  const std::size_t value_size = outer.rest().size() - Signature::size;
  if (value_size > value_limit) return fail(DecodeError::malformed);

  DecodedRecord out;
  out.head = bytes.slice(2, head.size());
  out.record.value = bytes.slice(2 + head.size(), value_size);
  out.signature = Signature::from(outer.rest().last(Signature::size));

  Reader r(head);
  if (r.u8() != record_format) return fail(DecodeError::unknown_type);
  out.record.id = r.id<RecordId>();
  out.record.kind = read_enum(r, Kind::owned);
  const std::uint8_t flags = r.u8();
  if (flags > flag_tombstone) r.refuse();
  out.record.tombstone = flags == flag_tombstone;
  out.record.sequence.value = r.u64();
  out.record.expiry.value = static_cast<std::int64_t>(r.u64());
  out.record.writer = r.id<PublicKey>();
  out.record.content = r.id<Hash256>();
  const ByteView ext = r.short_bytes(ext_limit);
  out.record.ext.assign(ext.begin(), ext.end());
  const bool sane = out.record.expiry.value >= 0 && out.record.sequence.value < json_safe_limit &&
                    !(out.record.tombstone && value_size > 0);
  if (!r.done() || !sane) return fail(DecodeError::malformed);
  return out;
}

}  // namespace kith::wire
