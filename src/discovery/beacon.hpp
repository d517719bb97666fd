// Beacon: the one datagram of LAN discovery. Says "a member of this network runs here" to those who
// know the network, and nothing to anybody else. Byte-exact in PROTOCOL.md, "Beacon".
#pragma once

#include "kith/discovery/discovery.hpp"

namespace kith::discovery {

struct Beacon {
  bool holds_records = false;
  ByteArray<16> lan{};  // lan mode; zero otherwise
  BootId boot;
};

Buffer encode_beacon(const Beacon& beacon, const NetworkId& network);

enum class BeaconError : std::uint8_t { malformed, wrong_network };
// In lan mode the network id follows from the beacon's own lan id and the network's name, so that
// machines that were started apart can find each other and agree.
Result<Beacon, BeaconError> decode_beacon(ByteView bytes, Mode mode, const NetworkId& network,
                                          std::string_view network_name);

}  // namespace kith::discovery
