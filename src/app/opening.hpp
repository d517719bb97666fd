// Opening: everything a daemon needs from the machine before its first packet, in the order in
// which it can fail: network file, data directory, identity, lan id, database, ports.
#pragma once

#include <memory>

#include "daemon.hpp"
#include "keeping.hpp"
#include "kith/node/node.hpp"
#include "kith/runtime/ports.hpp"
#include "kith/storage/storage.hpp"

namespace kith::app {

// The meta entry that says since when this node holds what is its to hold: true of one network
// only.
inline constexpr std::string_view synced_entry = "synced";

struct Opened {
  std::filesystem::path data, socket;
  std::shared_ptr<const crypto::Identity> identity;
  LanFile lan;        // lan mode
  node::Config node;  // all but the machine's addresses
  std::unique_ptr<storage::Storage> storage;
  std::vector<runtime::BoundPort> ports;
  std::string token;  // of the loopback API, when asked for
  std::vector<std::string> warnings;
};

// What a person wrote, the network file included; touches nothing, so it may be asked beside a
// running daemon (--check-config). open_everything() begins with it.
Result<Opened, Exit> check_written(const Settings& settings);
Result<Opened, Exit> open_everything(const Settings& settings);
NetworkId network_of(const node::Config& config);
std::string default_name(const Settings& settings);

}  // namespace kith::app
