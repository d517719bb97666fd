// Dropped: what hostile, lossy or confused peers cause. Counted in kith_dropped_total{reason},
// never logged per packet, never thrown. One list for the house so that metrics need no table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kith {

enum class DropReason : std::uint8_t {
  unknown_frame,       // first byte names no frame type
  malformed,           // wrong length or field out of range
  unknown_session,     // receiver index names no session
  bad_mac,             // mac1 or mac2 does not verify
  not_authentic,       // the AEAD did not open
  replayed,            // counter already seen or below the window
  replayed_handshake,  // (incarnation, counter) of a message 1 not greater than before
  not_local,           // lan mode: the source is in none of our subnets
  wrong_network,       // who-are-you or beacon of another network
  under_load,          // queue full, or answered by a cookie
  too_large,           // longer than a frame or message may be
  unknown_message,     // sealed and authentic, but of a type we do not know
  unexpected,          // a reply nobody asked for, or late
  expired,             // the request's deadline had passed
  bad_signature,       // a record, suspicion or certificate that does not verify
  not_member,          // a request that only members may make
  stale,               // older than what we hold
  limit_reached,       // a bounded table is full
  send_failed,         // the local socket refused the datagram
  own_message,         // our own beacon or identity seen from outside
  count_               // not a reason
};

inline constexpr std::size_t drop_reason_count = static_cast<std::size_t>(DropReason::count_);
std::string_view to_string(DropReason reason);

struct Dropped {
  DropReason reason;
};

}  // namespace kith
