// Every number of membership, with its unit and its reason; but for Tuning's, in the door.
#pragma once

#include "kith/base/job.hpp"
#include "kith/base/time.hpp"
#include "kith/wire/constants.hpp"

namespace kith::membership {

// --- from the specification (PROTOCOL.md 3) ---------------------------------------------------

inline constexpr std::size_t ring_count = 8;      // observers of a member, at most
inline constexpr std::size_t everyone_limit = 9;  // up to here everyone observes everyone

inline constexpr Duration probe_interval = seconds(1);  // x (health + 1)
inline constexpr Duration probe_timeout_min = milliseconds(50);
inline constexpr Duration probe_timeout_max_lan = milliseconds(500);
inline constexpr Duration probe_timeout_max_far = milliseconds(1500);  // private and public mode
inline constexpr Duration probe_timeout_unknown = milliseconds(350);   // no round trip measured yet
inline constexpr Duration indirect_timeout = milliseconds(500);        // for helpers and the stream
inline constexpr std::size_t helper_count = 3;                         // k [SWIM 3.2]
inline constexpr int nack_percent = 80;  // of the time the asker waits

inline constexpr int health_max = 8;  // S [Lifeguard IV.A]

inline constexpr std::size_t quorum = 3;         // suspicions that make a certificate
inline constexpr std::size_t quorum_public = 5;  // where anybody may be a neighbour on the rings
inline constexpr std::size_t gate_max = 3;       // m: other peers that must have been heard

inline constexpr Duration refusal_window = seconds(1);  // the port is closed: process death
inline constexpr Duration silence_window = seconds(3);  // a node paused 2.5 s is not dead
// Whoever accuses has asked before, so long at most in good health.
inline constexpr Duration question_time = probe_timeout_max_lan + indirect_timeout;
inline constexpr int suspicion_max_factor = 6;  // beta [Lifeguard IV.B]
inline constexpr int alone_windows = 4;         // without any witness

inline constexpr Duration push_interval = milliseconds(200);  // and only while there is news
inline constexpr unsigned retransmit_factor = 4;              // x ceil(log2(n + 1)) sendings ...
inline constexpr unsigned retransmit_max = 2 * ring_count;    // ... and no more than have a session

inline constexpr std::size_t roster_limit = 4096;
inline constexpr std::size_t public_prefix_limit = 8;  // members a /24 or /56 in public mode
inline constexpr Duration keep_gone = hours(24);       // dead and left are remembered so long
inline constexpr Duration announce_min = seconds(1);
inline constexpr Duration announce_max = seconds(60);
inline constexpr Duration announce_per_live = milliseconds(500);

inline constexpr std::size_t leave_fanout = 16;
inline constexpr Duration leave_wait = milliseconds(300);  // then the goodbye counts as said

inline constexpr std::uint64_t incarnation_headroom = 1000;  // reserved ahead on disk
// How far a life whose mark the disk refused may leap ahead: 17 minutes of the clock that
// incarnations go by, so that two such lives meet once in a million.
inline constexpr std::uint64_t incarnation_leap = std::uint64_t{1} << 20;
inline constexpr std::uint64_t incarnation_limit = 1ull << 48;  // 6 bytes on the wire

// --- our limits -------------------------------------------------------------------------------

inline constexpr Duration exchange_retry = milliseconds(500);
inline constexpr int exchange_tries = 3;            // of one question
inline constexpr int exchange_rounds = 128;         // covers a whole roster_limit of differences
inline constexpr std::size_t exchanges_limit = 16;  // at once; the periodic one catches up the rest

inline constexpr Duration case_poll = milliseconds(250);  // an open case is looked at no less often
inline constexpr Duration refute_interval = seconds(1);   // a liar costs one signature a second
inline constexpr Duration outsider_interval = seconds(10);  // one that is no observer of ours less
inline constexpr Duration correct_interval = milliseconds(500);  // "you are stale", to one peer
inline constexpr Duration pull_interval =
    milliseconds(300);                                   // the same subject is not asked sooner
inline constexpr Duration hint_interval = seconds(1);    // hints about one subject that we send
inline constexpr Duration hint_gap = milliseconds(100);  // ... and that we follow by a probe
inline constexpr Duration settle_time = seconds(5);  // a verdict's own suspicions still circulate
inline constexpr Duration push_delay =
    milliseconds(10);                              // the first push: gathers what comes together
inline constexpr Duration disk_wait = seconds(1);  // then a silent disk counts as refused
inline constexpr Duration disk_retry = seconds(10);
inline constexpr Duration lag_limit = milliseconds(100);  // loop lag that counts against ourselves

inline constexpr std::size_t probes_limit = 64;      // in flight, relayed ones apart
inline constexpr std::size_t relays_limit = 64;      // probes we run for others
inline constexpr std::size_t jobs_limit = 128;       // half of the world's queue (base/job.hpp)
inline constexpr std::size_t gossip_limit = 2048;    // items waiting to be spread
inline constexpr std::size_t misfits_limit = 16;     // items that do not fit, in one datagram
inline constexpr std::size_t accusers_limit = 16;    // in one case
inline constexpr std::size_t certificate_limit = 8;  // suspicions kept of a dead member
inline constexpr std::size_t hints_limit = 64;  // peers that we have no record of, announced to
inline constexpr std::size_t sessions_limit = 1024;  // peers met before our first record was signed
inline constexpr std::size_t forgotten_limit = 4096;
inline constexpr std::size_t refused_limit = 1024;  // accusations of members that we heard since
inline constexpr std::size_t ring_walk_limit = 8;   // suspects passed over on one ring
// Ring places by which two views may differ when one judges the other's right to accuse.
inline constexpr std::size_t observer_slack = 3;
inline constexpr std::size_t everyone_slack = 4;  // the same around everyone_limit

inline constexpr std::size_t reference_bytes = 23;
inline constexpr std::size_t suspicion_bytes = 103;
inline constexpr std::size_t tag_bytes_limit = 400;  // of all our tags, so that a record fits
// Of a configured extension, besides our own two, so that it does.
inline constexpr std::size_t ext_bytes_limit = 38;

inline constexpr Duration clock_off_max = minutes(1);  // further off, the peers' median is right
inline constexpr std::size_t clock_samples_min = 3;

// No node of this protocol ran earlier: a board without a clock battery starts here.
inline constexpr std::int64_t build_date_ms = 1'767'225'600'000;  // 2026-01-01
inline constexpr std::int64_t clock_max_ms = 1ll << 47;           // year 6429: fits 6 bytes
inline constexpr std::int64_t stamp_max_ms = clock_max_ms / 2;    // told ones: ours are later
inline constexpr std::size_t clock_samples_limit = 64;  // members; the latest answers count
inline constexpr Duration clock_sample_life = minutes(15);

static_assert(refusal_window < silence_window);
static_assert(silence_window > milliseconds(2500));
static_assert(probe_timeout_max_lan + indirect_timeout <
              silence_window);  // all observers can ask in time
static_assert(alone_windows <
              suspicion_max_factor);  // or a case would be withdrawn before its verdict
static_assert(quorum_public <= ring_count && quorum_public <= certificate_limit);
static_assert(certificate_limit <= accusers_limit && certificate_limit <= wire::suspicions_limit);
static_assert(jobs_limit < job_queue_limit);

}  // namespace kith::membership
