// The small facts a node keeps on disk, and their encodings: table `meta`, key: a short name.
#pragma once

#include <string_view>
#include <vector>

#include "kith/base/address.hpp"
#include "kith/base/buffer.hpp"
#include "kith/base/ids.hpp"
#include "kith/base/time.hpp"
#include "kith/dht/dht.hpp"

namespace kith::node {

inline constexpr std::string_view meta_incarnation = "incarnation";  // u64, written by membership
inline constexpr std::string_view meta_synced = "synced";            // u64, unix ms, written by dht
inline constexpr std::string_view meta_seen = "seen";  // u64, unix ms, by dht after a long absence
inline constexpr std::string_view meta_counting = "counted";  // network id, then dht::Counting
inline constexpr std::string_view meta_peers = "peers";       // see SavedPeer

struct SavedPeer {
  PublicKey key;
  Endpoint endpoint;
  bool operator==(const SavedPeer&) const = default;
};
inline constexpr std::size_t saved_peers_limit = 64;

using Meta = std::vector<std::pair<Bytes, Buffer>>;
std::uint64_t meta_number(const Meta& meta, std::string_view name);  // 0 when missing or damaged
Buffer encode_number(std::uint64_t value);
std::vector<SavedPeer> meta_peers_of(const Meta& meta);  // what decodes; a cache may be thrown away
// Empty when it is of another network: a lan network may have been adopted meanwhile.
std::vector<dht::Counting> meta_counting_of(const Meta& meta, const NetworkId& network);
Buffer encode_counting(const std::vector<dht::Counting>& members, const NetworkId& network);
Buffer encode_peers(const std::vector<SavedPeer>& peers);

}  // namespace kith::node
