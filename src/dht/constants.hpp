// Every number of the DHT, with its unit and reason; but for Tuning's, in the door.
#pragma once

#include "kith/base/ids.hpp"
#include "kith/base/time.hpp"
#include "kith/wire/constants.hpp"

namespace kith::dht {

// --- from the specification (PROTOCOL.md 4) ---------------------------------------------------

inline constexpr std::size_t replicas = 8;                  // R: members closest to a record id
inline constexpr std::size_t neighbourhood = 2 * replicas;  // whose syncs settle a death
inline constexpr Duration retire_after = minutes(10);       // for a death nobody could settle
inline constexpr Duration repair_delay = seconds(5);        // lower clamp of median session / 20
inline constexpr int base_retries = 3;                      // after `not_base`, then unknown
inline constexpr Duration tombstone_life = hours(30 * 24);
inline constexpr Duration away_limit = hours(29 * 24);  // then shared records are dropped
inline constexpr Duration future_limit = hours(24);     // a sequence further ahead is refused
// ms: a replica takes no later expiry. A JSON number is exact up to here, and a wait for it still
// fits a Duration.
inline constexpr std::int64_t expiry_limit = json_safe_limit;
inline constexpr Duration public_ttl_max = hours(7 * 24);
// By the writer's clock; a receiver's may be behind it.
inline constexpr Duration public_ttl_slack = hours(1);
inline constexpr seconds retry_memory{10};

// --- our limits -------------------------------------------------------------------------------

// A fresh node that has met no synced member for this long goes first (the smallest live id does).
// Longer than the second beacon (0.25 s) and a handshake, shorter than a person's patience.
inline constexpr Duration lone_settle = milliseconds(700);
// With saved peers or join targets it gives them time for two dial attempts.
inline constexpr Duration lone_settle_expecting = seconds(4);
inline constexpr int stale_retries =
    4;  // two writers at once: the specification's one is not enough for many
inline constexpr Duration base_retry_first = milliseconds(120);  // doubles: gossip needs a few hops
inline constexpr Duration unreachable_retry = milliseconds(500);  // a replica that restarts
inline constexpr std::size_t operations_limit = 1024;             // client operations in flight
inline constexpr std::size_t requests_limit = 16 * 1024;
inline constexpr std::size_t pending_limit =
    8 * 1024;                                       // stores waiting for the disk or a signature
inline constexpr std::size_t receipts_limit = 256;  // waiting for one version to be on disk
inline constexpr std::size_t members_limit = 4096;  // the roster's view limit
// Forgotten members whose retired stamp is kept, here and on disk; the longest forgotten go.
inline constexpr std::size_t retired_limit = 256;
inline constexpr std::size_t lost_limit = 4096;   // ids whose copy here rotted; beyond: any id
inline constexpr std::size_t forget_window = 64;  // orders at a time; storage takes 1024
inline constexpr std::size_t names_limit = 4096;  // names remembered for events
inline constexpr Duration expired_grace =
    hours(24);  // an expired record still suppresses older ones
// How long a member remembered from the last run may go unmentioned by a live majority: they tell
// their rosters within a few seconds of our return.
inline constexpr Duration awaited_grace = seconds(30);
// After a change of who counts, before it is told to the disk; and 1 ms a member, for large
// rosters.
inline constexpr Duration counting_delay = milliseconds(100);
inline constexpr Duration sync_retry = seconds(1);
// Who was asked for its base counts the asker for so long, until it hears of its stamp; the asker
// goes by that for less, so that the stamp has time to arrive.
inline constexpr Duration promise_life = seconds(30);
inline constexpr Duration promise_use = seconds(15);
// To one that publishes nothing: for so long, and then for five times as long none. A round that
// asks for it takes seconds, and one that fails is begun again within 30 s.
inline constexpr Duration promises_total = minutes(3), promises_pause = 5 * promises_total;
inline constexpr std::size_t promises_limit = 256;  // members of which that is known
// How often a node may publish past a death without the delay of a repair: once in that delay, but
// so many times in a row. A few members that are killed together are killed again as they return.
inline constexpr int hurries_at_once = 3;
inline constexpr Duration left_out_delay = minutes(1);  // the same, for who is left out of bases
inline constexpr Duration poll_timeout = seconds(5);
inline constexpr Duration exchange_timeout = seconds(20);  // of an exchange that resolves nothing
// Questions of an exchange besides one for each difference that it resolves. One difference takes
// as many as its range is deep, some 5 in a hundred thousand records and at most 64; where there
// are many, 16 ranges share a question.
inline constexpr std::size_t exchange_questions = 256;
inline constexpr Duration resend_at_least_every = seconds(2);
inline constexpr std::size_t repair_window_busy = 4;  // fetches in flight while clients are served
inline constexpr std::size_t strays_window = 8;       // gets at once of what strayed here
inline constexpr std::size_t strays_window_busy = 1;
inline constexpr std::size_t datagram_resend_limit = wire::datagram_message_limit;

// A replica that claims a version has 3 RTO to show it, and so long at least: 64 KiB at half a
// Mbit/s.
inline constexpr Duration show_at_least = seconds(1);

// Of one writer in a public network. 16 MiB are a 64th of the storage a daemon opens (1 GiB), or
// 250 values of the largest size; 1024 records of any size keep the index below 1 MiB a writer. A
// node among few holds all records of a writer, one among N holds 8 in N of them.
inline constexpr std::size_t writer_records_limit = 1024;
inline constexpr std::size_t writer_bytes_limit = std::size_t{16} << 20;
inline constexpr std::size_t writer_repair_factor = 2;
// What repair was offered beyond that is not fetched again for a while, however often it is seen.
inline constexpr std::size_t declined_limit = 4096;
inline constexpr Duration declined_memory = hours(1);

static_assert(away_limit < tombstone_life, "nothing deleted may come back");
static_assert(lone_settle > milliseconds(250));
static_assert(writer_bytes_limit >= 128 * wire::record_limit);

}  // namespace kith::dht
