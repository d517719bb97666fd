// Scenario: everything that is done to a simulated world, as a list of events: faults, clients'
// operations, the end of trouble. A seed is expanded to one (plan.hpp), a run plays one, a failure
// is replayed and shrunk as one. Readable text; what it says is all there is to know.
//
// It consults no chance. Where a fault befalls a share of packets, which ones is a pure function of
// (salt, link, time): taking an event away leaves the fate of every other packet alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kith/base/result.hpp"
#include "kith/base/time.hpp"

namespace kith::sim {

using HostIndex = std::uint32_t;

enum class Act : std::uint8_t {
  // Processes. `hosts`: whom it befalls.
  start,     // for the first time
  kill,      // kill -9; its ports refuse. Started again after `span`, if there is one
  pause,     // SIGSTOP for `span`
  sleep,     // the machine stands still for `span`: what is sent to it meanwhile is lost
  slow,      // every step takes `amount` us for `span`
  leave,     // drains, says goodbye, ends; started again after `span`, if there is one
  wipe,      // kill, the data directory is lost but for the key; started again after `span`
  rollback,  // kill, the disk is as it was `amount` ms ago; started again after `span`
  twin,      // a second process with the same key and a copy of the disk, for `span`
  lie,       // a member's machine is compromised for `span`: it tells the lies of `amount` (Lie)
  newer,     // restarted as a release of tomorrow; as today's again after `span`, if there is one
  rare,      // what is rare otherwise is frequent, for `span`: `amount` holds bits of Rare
  // The network. Of all links, or those from and to `hosts`, for `span`.
  loss,       // `amount` per mille of datagrams; a stream's bytes come 0.2 s later instead
  duplicate,  // per mille
  replay,     // per mille come once more up to 5 s later
  reorder,    // per mille are late by up to 50 ms
  corrupt,    // per mille have a bit flipped
  truncate,   // per mille lose their end
  delay,      // + `amount` us, one way
  mtu,        // datagrams above `amount` bytes vanish
  squeeze,    // a host sends at most `amount` bytes a second
  // Cuts. `hosts` are one side.
  cut,     // no packet between them and the others
  bridge,  // the same, but host `amount` reaches all: the two sides agree on nobody but it
  ring,    // of all: each reaches a majority, its nearest by number, and no two reach the same one
  mute,    // nothing from them arrives anywhere
  deaf,    // nothing arrives at them
  clog,    // what is sent between them and the others waits until the end
  // Clocks and disks.
  step_clock,  // the wall clock jumps by `amount` ms (negative: back)
  drift,       // the wall clock gains `amount` ppm
  disk_slow,   // a commit takes `amount` us
  disk_full,   // writes are refused
  disk_busy,   // `amount` per mille of reads and writes are refused
  rot,         // `amount` per mille of the stored records are damaged: quarantined when read
  // Clients: at `hosts[0]`, key number `amount`; from `owned_keys` on it is what host `amount` -
  // `owned_keys` owns, and alone may write.
  put,  // `size` bytes, that expire after `span` if there is one
  get,
  erase,
  // The end of the safety phase: all trouble ends, but `hosts` are gone for good (killed or cut).
  heal,
};

inline constexpr std::int64_t owned_keys = 1'000'000;
// What a liar tells others; bits of `amount`. Its node is the real one: what goes wrong is what its
// packets say.
enum class Lie : std::uint8_t {
  silence,   // answers of one kind, chosen by chance a span, are never sent
  accuse,    // signs suspicions of the healthy and the dead, dated now, long ago, in centuries
  forge,     // records of others, altered or by its own hand, certificates; two of itself; alibis
  replay,    // old records, suspicions and answers once more; records that have expired
  misroute,  // contacts, bases and range digests made up: empty, cyclic, itself for everything
  receipts,  // says stored where it holds something else, none or an older version of what it has
  clocks,    // answers with absurd wall clocks
  storm,     // asks for everything, all the time
};
inline constexpr std::size_t lie_count = static_cast<std::size_t>(Lie::storm) + 1;
constexpr std::int64_t bit_of(Lie lie) { return std::int64_t{1} << static_cast<int>(lie); }

inline constexpr std::size_t act_count = static_cast<std::size_t>(Act::heal) + 1;

// Branches that ordinary runs hardly ever take [FoundationDB's BUGGIFY]. Not `if (testing)` in the
// code under test: each is a world, or a configuration, that a daemon may meet as well.
enum class Rare : std::uint8_t {
  // The world's, at once; over when the core heals.
  slow_jobs,      // each takes 10 ms
  small_credit,   // a stream takes one frame until the other end has read it
  load,           // the loop lags and jobs queue, once a second: cookies are demanded
  skips,          // time is said to have been skipped, and was not
  late_receipts,  // what is on the disk is said to be so up to 1.5 s later
  // The node's Tuning, as of its next start.
  new_keys,       // after 3 s or 20 datagrams
  by_stream,      // all but the smallest messages
  small_gossip,   // to two members at once, four suspicions at most
  eager_sync,     // anti-entropy every second, of records every three
  lazy_sync,      // every minute, of records every hour
  narrow_repair,  // one record after the other
  hasty,          // requests are resent within 20 ms
  few_resends,    // one a second; with none a lost answer costs repair 20 s, and heals too late
};
inline constexpr std::size_t rare_count = static_cast<std::size_t>(Rare::few_resends) + 1;
constexpr std::int64_t bit_of(Rare rare) { return std::int64_t{1} << static_cast<unsigned>(rare); }

struct Event {
  Duration at{};  // since the world began
  Act act = Act::start;
  std::vector<HostIndex> hosts;  // sorted, each once
  Duration span{};               // zero: for ever, or at once
  std::int64_t amount = 0;
  std::uint32_t size = 0;
  bool operator==(const Event&) const = default;
};

// How long something takes that chance decides: evenly between two times, or by quantiles that were
// measured. Neighbouring points are equally far apart in probability; the first is the least.
struct Spread {
  std::vector<Duration> points;  // ascending, 2 to points_limit
  static constexpr std::size_t points_limit = 1000;
  bool operator==(const Spread&) const = default;
};

struct Scenario {
  std::uint64_t salt = 1;  // of packet fates, node seeds and identities
  HostIndex hosts = 8;
  Duration length = seconds(60);
  Spread latency{{microseconds(150), microseconds(600)}};  // one way
  Spread disk{{microseconds(400), milliseconds(2)}};       // a commit
  Spread job{{microseconds(60), microseconds(60)}};        // a signature or a verification
  Duration step{};            // CPU of a step: its orders leave when that is over
  std::vector<Event> events;  // by time
  bool operator==(const Scenario&) const = default;
};

std::string_view to_string(Act act);
std::string_view to_string(Lie lie);
std::string_view to_string(Rare rare);
std::string to_string(const Event& event);        // one line, without its end
std::string to_string(const Scenario& scenario);  // a file
// The error says what is wrong in which line.
Result<Scenario, std::string> parse_scenario(std::string_view text);

}  // namespace kith::sim
