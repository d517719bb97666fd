#include "meta.hpp"

#include "kith/wire/codec.hpp"

namespace kith::node {
namespace {

const Buffer* find(const Meta& meta, std::string_view name) {
  for (const auto& [key, value] : meta)
    if (equal(key, as_bytes(name))) return &value;
  return nullptr;
}

}  // namespace

std::uint64_t meta_number(const Meta& meta, std::string_view name) {
  const Buffer* value = find(meta, name);
  if (!value) return 0;
  wire::Reader r(value->view());
  const std::uint64_t number = r.u64();
  return r.done() ? number : 0;
}

Buffer encode_number(std::uint64_t value) { return wire::Writer().u64(value).buffer(); }

std::vector<SavedPeer> meta_peers_of(const Meta& meta) {
  std::vector<SavedPeer> peers;
  const Buffer* value = find(meta, meta_peers);
  if (!value) return peers;
  wire::Reader r(value->view());
  while (!r.failed() && !r.rest().empty() && peers.size() < saved_peers_limit) {
    SavedPeer peer;
    peer.key = r.id<PublicKey>();
    peer.endpoint.ip.bytes = r.array<16>();
    peer.endpoint.port = r.u16();
    if (!r.failed()) peers.push_back(peer);
  }
  return peers;
}

std::vector<dht::Counting> meta_counting_of(const Meta& meta, const NetworkId& network) {
  std::vector<dht::Counting> members;
  const Buffer* value = find(meta, meta_counting);
  if (!value) return members;
  wire::Reader r(value->view());
  if (r.id<NetworkId>() != network) return members;
  while (!r.failed() && !r.rest().empty()) {
    dht::Counting member;
    member.id = r.id<NodeId>();
    member.key = r.id<PublicKey>();
    member.synced = {static_cast<std::int64_t>(r.u64())};
    member.incarnation = {r.u64()};
    const std::uint8_t as = r.u8();
    if (r.failed() || as > static_cast<std::uint8_t>(dht::Counting::As::promised))
      break;  // damaged: what came before it stands
    member.as = static_cast<dht::Counting::As>(as);
    members.push_back(member);
  }
  return members;
}

Buffer encode_counting(const std::vector<dht::Counting>& members, const NetworkId& network) {
  wire::Writer w;
  w.id(network);
  for (const dht::Counting& member : members)
    w.id(member.id)
        .id(member.key)
        .u64(static_cast<std::uint64_t>(member.synced.value))
        .u64(member.incarnation.value)
        .u8(static_cast<std::uint8_t>(member.as));
  return w.buffer();
}

Buffer encode_peers(const std::vector<SavedPeer>& peers) {
  wire::Writer w;
  for (const SavedPeer& peer : peers)
    w.id(peer.key).bytes(peer.endpoint.ip.bytes).u16(peer.endpoint.port);
  return w.buffer();
}

}  // namespace kith::node
