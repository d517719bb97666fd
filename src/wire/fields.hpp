// The fields that several messages share, written and read in one place.
#pragma once

#include "kith/wire/codec.hpp"
#include "kith/wire/message.hpp"

namespace kith::wire {

void write(Writer& w, const Envelope& envelope);
void write(Writer& w, const Gossip& gossip);
void write(Writer& w, const Suspicion& suspicion);
void write(Writer& w, const RangeDigest& digest);
void write(Writer& w, const RangeItems& range);
void write(Writer& w, const Endpoint& endpoint);
void write(Writer& w, const Contact& contact);

Envelope read_envelope(Reader& r);
Gossip read_gossip(Reader& r);
Suspicion read_suspicion(Reader& r);
RangeDigest read_range_digest(Reader& r);
RangeItems read_range_items(Reader& r);
Endpoint read_endpoint(Reader& r);
Contact read_contact(Reader& r);

// An enumerator in [0, last]; anything else refuses the message.
template <class Enum>
Enum read_enum(Reader& r, Enum last) {
  const std::uint8_t raw = r.u8();
  if (raw > static_cast<std::uint8_t>(last)) r.refuse();
  return static_cast<Enum>(raw);
}

// A u16 count of items, at most `limit`, each at least `item_size` bytes: no allocation from a
// length field that the remaining bytes could not fill.
template <class Read>
auto read_list(Reader& r, std::size_t limit, std::size_t item_size, Read read) {
  std::vector<decltype(read(r))> items;
  const std::size_t count = r.u16();
  if (count > limit || count * item_size > r.rest().size()) {
    r.refuse();
    return items;
  }
  items.reserve(count);
  for (std::size_t i = 0; i < count && !r.failed(); ++i) items.push_back(read(r));
  return items;
}

template <class Items, class Write>
void write_list(Writer& w, const Items& items, Write write_item) {
  w.u16(static_cast<std::uint16_t>(items.size()));
  for (const auto& item : items) write_item(item);
}

}  // namespace kith::wire
