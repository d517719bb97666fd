// Every number of discovery, with its unit and reason.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "kith/base/time.hpp"

namespace kith::discovery {

// --- from the specification (PROTOCOL.md 6) ---------------------------------------------------

inline constexpr std::uint16_t default_port = 4747;
inline constexpr std::array<Duration, 4> burst{Duration(0), milliseconds(250), seconds(1),
                                               seconds(3)};
inline constexpr Duration beacon_interval = seconds(30);
inline constexpr int beacon_jitter_percent = 20;
inline constexpr std::size_t answers_aimed_at = 4;       // of all who hear a new boot id
inline constexpr Duration answer_interval = seconds(1);  // a source
inline constexpr std::size_t advertised_limit = 8;

// --- our limits -------------------------------------------------------------------------------

inline constexpr std::uint8_t beacon_type = 0x07;  // first byte: apart from every frame type
inline constexpr std::uint8_t beacon_version = 1;
inline constexpr std::size_t beacon_size = 1 + 1 + 1 + 8 + 16 + 8 + 16;
inline constexpr std::size_t places_limit = 1024;  // boot ids, each at its address, remembered
inline constexpr std::size_t lans_limit = 16;      // other lan networks shown in status
// Dials in flight that beacons caused: of the session's 256, so that forged ones leave room for the
// user's join; and for one host no more than a fraction. Who finds none left has its next beacon.
inline constexpr std::size_t beacon_dials_limit = 64;
inline constexpr std::ptrdiff_t beacon_dials_per_source = 4;
inline constexpr std::size_t targets_limit = 256;
inline constexpr std::size_t addresses_limit = 8;           // dialled of one resolved name
inline constexpr Duration retry_first = milliseconds(250);  // while alone; doubles
inline constexpr Duration retry_alone_max = seconds(5);
inline constexpr Duration retry_joined = seconds(60);  // seeds heal a split nobody else can
// A saved peer that does not answer while others do may be starting still, without a memory of us.
inline constexpr Duration saved_patience = minutes(10);
// Two that join each other at once must not swap networks for ever: the one whose network would
// win waits this long (drawn between the two) before it takes the other's.
inline constexpr Duration yield_min = milliseconds(150);
inline constexpr Duration yield_max = milliseconds(400);
// A network that we came to for its records: so long we believe that it has them, though we have
// met none of its members yet. Afterwards, alone, we are as free as at the first start.
inline constexpr Duration believe = seconds(10);
inline constexpr Duration adopting = seconds(1);  // the world carries out an adoption or refuses it
inline constexpr Duration other_lan_life = seconds(100);  // three beacons missed: it is gone
inline constexpr Duration redial_after = seconds(10);     // the same place beaconing on
// Who answered is a member now, and membership tells of its loss. Once in so long it is dialled all
// the same, for what membership never took up; of twenty beacons one costs a handshake.
inline constexpr Duration meet_again = minutes(10);
static_assert(redial_after < beacon_interval && meet_again > beacon_interval);

}  // namespace kith::discovery
