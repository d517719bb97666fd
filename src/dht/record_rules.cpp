#include "record_rules.hpp"

#include "constants.hpp"
#include "kith/crypto/hash.hpp"
#include "kith/dht/dht.hpp"
#include "kith/wire/codec.hpp"

namespace kith::dht {
namespace {

constexpr std::uint8_t ext_label = 1;  // TLV: type 1, length 1, 32 bytes

}  // namespace

Version version_of(const wire::Record& record) {
  return {record.sequence, crypto::node_id(record.writer), record.content};
}

ByteArray<8> fingerprint(const Version& version) {
  ByteArray<8> sequence;
  store_le(sequence.data(), version.sequence.value);
  return crypto::hash64({sequence, version.writer.view(), version.content.view()});
}

Hash256 label_of(ByteView root, std::string_view name) {
  return crypto::keyed_hash256(root, {as_bytes("kith name"), as_bytes(name)});
}

RecordId place_of(ByteView root, wire::Kind kind, const NodeId& owner, const Hash256& label) {
  const ByteArray<1> kind_byte{static_cast<Byte>(kind)};
  const Hash256 place = crypto::keyed_hash256(
      root, {as_bytes("kith record id"), kind_byte, owner.view(), label.view()});
  return RecordId::from(place.view());
}

RecordId record_id(ByteView root, wire::Kind kind, const NodeId& owner, std::string_view name) {
  const NodeId of = kind == wire::Kind::owned ? owner : NodeId{};
  return place_of(root, kind, of, label_of(root, name));
}

Bytes label_ext(const Hash256& label) {
  return wire::Writer().u8(ext_label).u8(32).id(label).take();
}

std::optional<Hash256> label_in(ByteView ext) {
  wire::Reader r(ext);
  while (!r.failed() && !r.rest().empty()) {
    const std::uint8_t type = r.u8();
    const ByteView body = r.bytes(r.u8());
    if (type == ext_label && body.size() == Hash256::size) return Hash256::from(body);
  }
  return std::nullopt;
}

bool within_future_limit(Sequence sequence, UnixMillis wall) {
  const auto ahead = static_cast<std::int64_t>(sequence.value);
  return ahead >= 0 && ahead <= wall.value + to_millis(future_limit);
}

bool lasts_too_long(const wire::Record& record, Mode mode) {
  if (record.expiry.value > expiry_limit) return true;
  const auto written = static_cast<std::int64_t>(record.sequence.value);
  return mode == Mode::public_ && record.tombstone &&
         record.expiry.value > written + to_millis(tombstone_life);
}

wire::Refusal check(const wire::Record& record, ByteView root, Mode mode, UnixMillis wall) {
  using wire::Refusal;
  if (crypto::hash256({record.value.view()}) != record.content) return Refusal::bad_record;
  if (!within_future_limit(record.sequence, wall)) return Refusal::bad_record;
  if (lasts_too_long(record, mode)) return Refusal::bad_record;
  if (record.kind == wire::Kind::owned) {
    const auto label = label_in(record.ext);
    const NodeId owner = crypto::node_id(record.writer);
    if (!label || place_of(root, record.kind, owner, *label) != record.id)
      return Refusal::not_permitted;
  }
  if (mode != Mode::public_) return Refusal::none;
  const bool bounded =
      record.expiry.value > 0 &&
      record.expiry.value <= wall.value + to_millis(public_ttl_max) + to_millis(public_ttl_slack);
  if (record.kind != wire::Kind::owned || !(bounded || record.tombstone))
    return Refusal::not_permitted;
  return Refusal::none;
}

bool expired(UnixMillis expiry, UnixMillis wall) {
  return expiry.value != 0 && expiry.value <= wall.value;
}

std::int64_t purge_time(Sequence sequence, bool tombstone, UnixMillis expiry) {
  if (tombstone) return static_cast<std::int64_t>(sequence.value) + to_millis(tombstone_life);
  return expiry.value == 0 ? 0 : expiry.value + to_millis(expired_grace);
}

bool purgeable(const wire::Record& record, UnixMillis wall) {
  const std::int64_t at = purge_time(record.sequence, record.tombstone, record.expiry);
  return at != 0 && at <= wall.value;
}

}  // namespace kith::dht
