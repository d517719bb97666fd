// Every number of the session room, with its unit and its reason; but for Tuning's, in the door.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kith/session/session.hpp"

namespace kith::session {

// --- from the specification (PROTOCOL.md 2) -----------------------------------------------------

inline constexpr int rekey_jitter_part = 12;  // of the time, either way: fleets must not march
inline constexpr Duration reject_after = seconds(180);
// The responder's keys are older by the way of message 2, and age on while a packet is under way.
inline constexpr Duration send_until = reject_after - seconds(5);
inline constexpr std::uint64_t reject_after_messages = 1ull << 48;

// WireGuard waits 5 s + <= 334 ms between tries; somebody in front of a new machine should not. A
// round is four tries, each with fresh keys and this long a wait for its answer. Only the pause
// between rounds of renewing a live session keeps WireGuard's figure.
inline constexpr Duration try_waits[] = {milliseconds(250), milliseconds(500), seconds(1),
                                         milliseconds(1250)};
inline constexpr int tries_per_round = 4;  // 3 s in all, then the peer counts as silent
inline constexpr Duration round_pause = seconds(5);
inline constexpr Duration round_pause_jitter = milliseconds(334);

inline constexpr Duration ask_first_wait = milliseconds(250);  // who-are-you, then doubling
inline constexpr Duration ask_give_up = seconds(3);

inline constexpr Duration cookie_secret_life = seconds(120);
inline constexpr Duration cookie_use = seconds(115);  // by its holder: before it expires there
inline constexpr Duration load_memory = seconds(1);   // cookies are demanded this long after load
inline constexpr Duration loop_lag_mark = milliseconds(20);
inline constexpr std::size_t jobs_mark = 256 / 8;  // an eighth of job_queue_limit

inline constexpr std::uint64_t stream_rekey_bytes = 64ull << 20;
inline constexpr Duration stream_rekey_after = minutes(10);
inline constexpr Duration stream_idle = seconds(60);
inline constexpr Duration half_open_life = seconds(10);
inline constexpr std::size_t half_open_limit = 1024;
inline constexpr std::size_t half_open_per_prefix = 8;  // IPv4 or link-local address, IPv6 /56
inline constexpr std::size_t half_open_bytes = 4096;

// --- our limits
// -----------------------------------------------------------------------------------

inline constexpr std::size_t peers_limit = 4096;      // known, least recently used forgotten first
inline constexpr std::size_t sessions_limit = 1024;   // with keys
inline constexpr std::size_t responses_limit = 1024;  // answered message 1s that wait for data
inline constexpr std::size_t stamps_limit = 4096;  // greatest (incarnation, counter) an initiator
inline constexpr std::size_t dials_limit = 256;
inline constexpr std::size_t streams_limit = 1024 + half_open_limit;
inline constexpr std::size_t endpoints_limit = 16;  // a peer: 8 of its record, and hints

inline constexpr std::size_t queued_messages = 64;  // a peer, while its session is made
inline constexpr std::size_t queued_bytes = 256 * 1024;
inline constexpr std::size_t stream_messages = 256;  // a peer, behind stream credit
inline constexpr std::size_t stream_bytes = 1024 * 1024;
inline constexpr std::size_t reassembly_bytes = 64 << 20;  // unfinished, all streams
inline constexpr std::size_t stream_credit_limit = 256 * 1024;

inline constexpr Duration race_stagger = milliseconds(50);  // to a peer's next address
inline constexpr Duration response_life = seconds(10);      // then the initiator has given up
// Keys of two handshakes this close, each begun by another side, crossed. Longer than a round trip.
inline constexpr Duration crossing = seconds(1);
inline constexpr Duration job_life = seconds(10);  // an order the world never answered
// WireGuard's passive keepalive (10 s) and its deafness (15 s), shortened: a peer that was killed
// and restarted has lost our keys and cannot say so; within 2.5 s of silence we make new ones.
inline constexpr Duration keepalive_after = seconds(1);
inline constexpr Duration deaf_after = milliseconds(2500);
inline constexpr Duration stream_dial_wait = seconds(2);  // a TCP connect, per address
inline constexpr Duration stream_handshake_wait = seconds(3);
inline constexpr Duration stream_linger = seconds(5);     // for the other side's goodbye
inline constexpr Duration stream_stall = seconds(10);     // messages wait, no credit comes
inline constexpr Duration confirm_interval = seconds(1);  // refused datagram -> stream dial
inline constexpr std::size_t outputs_budget = 1024;       // of one expire()

static_assert(send_until > Tuning{}.rekey_after + Tuning{}.rekey_after / rekey_jitter_part);
static_assert(cookie_use < cookie_secret_life);

}  // namespace kith::session
