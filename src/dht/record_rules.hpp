// The rules of a record: where it lives, which version wins, what a replica refuses.
// Precedence is decided here and nowhere else.
#pragma once

#include <compare>

#include "kith/base/lane.hpp"
#include "kith/base/time.hpp"
#include "kith/wire/record.hpp"

namespace kith::dht {

// One version of a record. The greatest wins: sequence first, then the writer, so that two writers
// of one sequence agree; the content last, so that even an equivocating writer has one winner.
struct Version {
  Sequence sequence;
  NodeId writer;
  Hash256 content;
  auto operator<=>(const Version&) const = default;
};

Version version_of(const wire::Record& record);
ByteArray<8> fingerprint(const Version& version);  // for reconcile

// A record's id is keyed by the network's root over (kind, owner, label), label itself keyed over
// the name: an owned record can show its label (ext TLV) and prove its owner without its name.
Hash256 label_of(ByteView root, std::string_view name);
RecordId place_of(ByteView root, wire::Kind kind, const NodeId& owner, const Hash256& label);

Bytes label_ext(const Hash256& label);  // the ext of an owned record
std::optional<Hash256> label_in(ByteView ext);

bool within_future_limit(Sequence sequence, UnixMillis wall);  // else no replica takes it
// It expires so late that no replica takes it, whatever its clock says.
bool lasts_too_long(const wire::Record& record, Mode mode);
// Everything but the signature.
wire::Refusal check(const wire::Record& record, ByteView root, Mode mode, UnixMillis wall);

// From then on (ms) it is dead weight: expired or deleted so long ago that no replica can still
// lack the news; 0: never. What is deleted is so for good: its expiry says nothing.
std::int64_t purge_time(Sequence sequence, bool tombstone, UnixMillis expiry);
bool purgeable(const wire::Record& record, UnixMillis wall);
bool expired(UnixMillis expiry, UnixMillis wall);

}  // namespace kith::dht
