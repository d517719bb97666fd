// Beacons: only what a member of the network made is believed, and that is canonical.
#include "beacon.hpp"
#include "constants.hpp"
#include "kith/crypto/hash.hpp"
#include "mutate.hpp"
#include "target.hpp"

using namespace kith;
using namespace kith::discovery;

namespace {

const NetworkId network = crypto::network_id(as_bytes("root"), "home");

Beacon sample() {
  Beacon beacon;
  beacon.lan.fill(4);
  beacon.boot.bytes.fill(5);
  return beacon;
}

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  const NetworkId lan = crypto::network_id(sample().lan, "lan");
  fuzz::Seeds seeds{fuzz::Script().u8(0).raw(encode_beacon(sample(), lan).view()),
                    fuzz::Script().u8(1).raw(encode_beacon(sample(), network).view())};
  for (const Bytes& mutation : fuzz::mutations())
    seeds.push_back(fuzz::Script().u8(2).raw(mutation));
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  const std::size_t how = in.below(3);
  const Mode mode = how == 0 ? Mode::lan : Mode::private_;
  const Bytes genuine = fuzz::copy(encode_beacon(sample(), network).view());
  const Bytes bytes = how == 2 ? fuzz::mutated(genuine, in) : fuzz::copy(in.rest());
  const auto beacon = decode_beacon(bytes, mode, network, "lan");
  if (how == 2) KITH_ASSERT(beacon.has_value() == (bytes == genuine));
  if (!beacon) return 0;
  const NetworkId its = mode == Mode::lan ? crypto::network_id(beacon->lan, "lan") : network;
  KITH_ASSERT(encode_beacon(*beacon, its) == Buffer(bytes) && bytes.size() == beacon_size);
  return 0;
}
