// Discovery: finding first peers and staying findable. LAN beacons, join targets and saved peers
// all end in dials; nothing heard here is trusted, the handshake decides (PROTOCOL.md 6).
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "kith/base/address.hpp"
#include "kith/base/buffer.hpp"
#include "kith/base/dropped.hpp"
#include "kith/base/ids.hpp"
#include "kith/base/lane.hpp"
#include "kith/base/machine.hpp"
#include "kith/base/result.hpp"
#include "kith/base/rng.hpp"

namespace kith::discovery {

// "host", "host:port", "[v6]:port", "key@host:port"; the key in z-base-32 (52 characters).
struct Target {
  std::string text;  // as given
  std::string host;  // name or address, no brackets
  std::uint16_t port = 0;
  std::optional<PublicKey> pin;
};
enum class TargetError : std::uint8_t { empty, bad_key, bad_port, bad_host };
Result<Target, TargetError> parse_target(std::string_view text);
std::string_view to_string(TargetError error);

// An interface as the world sees it.
struct Interface {
  std::uint32_t index = 0;
  std::string name;
  bool up = true, loopback = false, multicast = true;
  std::vector<Subnet> subnets;  // its addresses with their prefixes; tentative ones excluded
  std::vector<IpAddress> gateways;
  bool operator==(const Interface&) const = default;
};

// A lan network among others: who wins is decided by records, then by the smaller id.
struct Lan {
  ByteArray<16> id{};
  bool holds_records = false;
  bool operator==(const Lan&) const = default;
};
bool beats(const Lan& a, const Lan& b);

struct Config {
  Mode mode = Mode::lan;
  std::string network_name;
  NetworkId network;
  Lan lan;                       // lan mode only; holds_records: this node does
  bool adopted_records = false;  // we came to this lan network because it holds records
  BootId boot;
  NodeId self;
  bool beacon = true;
  bool trust_first = false;
  std::vector<Endpoint> listen;  // bound; the beacon covers what they cover
  std::vector<std::string> lan_exclude{"docker*", "br-*", "virbr*", "veth*",
                                       "tun*",    "tap*", "wg*",    "tailscale*"};
  std::vector<Target> join;
  // Last run's peers: each is tried until it has answered, in company for ten minutes at most.
  std::vector<Target> saved;
};

// --- inputs -----------------------------------------------------------------------------------
struct BeaconReceived {
  Endpoint from;  // the sender's own UDP port
  std::uint32_t interface = 0;
  ByteView bytes;
};
struct InterfacesChanged {
  std::vector<Interface> interfaces;
};
struct Resolved {  // empty: the name does not resolve now
  Token token;
  std::vector<IpAddress> addresses;
};
struct DialFinished {
  Ticket ticket;
  bool ok = false;
  bool permanent = false;  // wrong key, unpinned, self: trying again changes nothing
  NodeId peer;
};
struct JoinRequested {  // by the user: dials now, and keeps the target for ever
  Ticket user;          // handed back in Dialling and Unresolved
  Target target;
  bool trust_first = false;
  // Until then: take over its lan network even though ours holds records.
  std::optional<Instant> adopt_until{};
};
struct LanHeard {  // a dial or who-are-you told of another lan network
  Lan lan;
  Endpoint from;
  std::optional<Ticket> dial;  // the dial of ours that was answered so, if it was one
};
struct RecordsHeld {  // by this node
  bool any = false;
};
struct LiveChanged {  // members alive, this node included
  std::size_t live = 1;
};

using Input = std::variant<BeaconReceived, InterfacesChanged, Resolved, DialFinished, JoinRequested,
                           LanHeard, RecordsHeld, LiveChanged>;

// --- outputs ----------------------------------------------------------------------------------
struct SendBeacon {  // to the group (and broadcast) of an interface, or by unicast to `to`
  std::uint32_t interface = 0;
  Buffer bytes;
  std::optional<Endpoint> to;
};
struct Resolve {
  Token token;
  std::shared_ptr<const std::string> host;
};
struct Dial {
  Ticket ticket;
  Endpoint endpoint;
  std::optional<PublicKey> pin;
  bool trust_first = false;
};
struct Unresolved {  // for the join table
  Ticket user;       // 0: not a user's
  std::shared_ptr<const Target> target;
};
struct Dialling {  // for the join table: this ticket belongs to that target
  Ticket ticket, user;
  Endpoint endpoint;
  std::shared_ptr<const Target> target;
};
struct AdoptLan {
  Lan lan;
  bool forced = false;  // our own records are given up for it
};
struct NetworkHolds {  // whether our lan network holds records: ours, or others' that we know of
  bool any = false;
};
struct SubnetsEligible {  // lan mode: whom the session layer may talk to
  std::vector<Subnet> subnets;
  std::vector<IpAddress> gateways;
};
struct AddressesFound {  // what to advertise, best first, at most 8
  std::vector<Endpoint> addresses;
};

using Output = std::variant<SendBeacon, Resolve, Dial, Unresolved, Dialling, AdoptLan, NetworkHolds,
                            SubnetsEligible, AddressesFound, Dropped>;

struct Snapshot {
  std::vector<std::pair<Lan, Endpoint>> other_lans;  // heard and not ours: stay apart
  std::size_t targets = 0;
  std::uint64_t beacons_sent = 0, beacons_heard = 0;
};

class Discovery {
 public:
  using Input = discovery::Input;
  using Output = discovery::Output;
  using Outbox = kith::Outbox<Output>;

  Discovery(Config config, Rng rng);
  ~Discovery();
  Discovery(Discovery&&) noexcept;

  void start(Now now, Outbox& out);
  void step(const Input& input, Now now, Outbox& out);
  void expire(Now now, Outbox& out);
  std::optional<Instant> next_deadline() const;
  Snapshot snapshot() const;
  // Whether the lan network heard at `place` holds records, as ours does: they stay apart.
  bool apart_from(const Endpoint& place) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith::discovery
