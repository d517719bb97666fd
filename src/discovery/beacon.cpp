#include "beacon.hpp"

#include "constants.hpp"
#include "kith/crypto/hash.hpp"
#include "kith/wire/codec.hpp"

namespace kith::discovery {
namespace {

constexpr std::uint8_t flag_holds_records = 1;

ByteArray<8> tag_of(const NetworkId& network, const BootId& boot) {
  return crypto::keyed_hash64(network.view(), {as_bytes("kith beacon"), boot.view()});
}

}  // namespace

Buffer encode_beacon(const Beacon& beacon, const NetworkId& network) {
  wire::Writer w;
  w.u8(beacon_type).u8(beacon_version).u8(beacon.holds_records ? flag_holds_records : 0);
  w.bytes(tag_of(network, beacon.boot)).bytes(beacon.lan).id(beacon.boot);
  const ByteArray<16> mac =
      crypto::keyed_hash128(network.view(), {as_bytes("kith beacon mac"), w.view()});
  w.bytes(mac);
  return w.buffer();
}

Result<Beacon, BeaconError> decode_beacon(ByteView bytes, Mode mode, const NetworkId& network,
                                          std::string_view network_name) {
  wire::Reader r(bytes);
  const std::uint8_t type = r.u8(), version = r.u8(), flags = r.u8();
  const ByteArray<8> tag = r.array<8>();
  Beacon beacon;
  beacon.lan = r.array<16>();
  beacon.boot = r.id<BootId>();
  const ByteArray<16> mac = r.array<16>();
  if (!r.done() || type != beacon_type || version != beacon_version || flags > flag_holds_records)
    return fail(BeaconError::malformed);
  beacon.holds_records = flags == flag_holds_records;
  const NetworkId its = mode == Mode::lan ? crypto::network_id(beacon.lan, network_name) : network;
  if (!crypto::same_secret(tag_of(its, beacon.boot), tag)) return fail(BeaconError::wrong_network);
  const ByteView signed_part = bytes.first(beacon_size - 16);
  const ByteArray<16> expected =
      crypto::keyed_hash128(its.view(), {as_bytes("kith beacon mac"), signed_part});
  if (!crypto::same_secret(expected, mac)) return fail(BeaconError::wrong_network);
  return beacon;
}

}  // namespace kith::discovery
