// Addresses as people write them: what parses prints as something that parses to the same, and
// Subnet::contains agrees with comparing bit by bit.
#include "kith/base/address.hpp"
#include "target.hpp"

using namespace kith;

namespace {

bool naive_contains(const Subnet& subnet, const IpAddress& ip) {
  for (int bit = 0; bit < subnet.prefix; ++bit) {
    const auto at = static_cast<std::size_t>(bit / 8);
    if (((subnet.ip.bytes[at] ^ ip.bytes[at]) >> (7 - bit % 8)) & 1) return false;
  }
  return true;
}

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Seeds seeds{fuzz::Script().u8(97).raw(Bytes(32, 0xaa))};
  for (const std::string_view text :
       {"10.0.0.1:4747", "[fe80::1%3]:4747", "::ffff:1.2.3.4", "2001:db8::1", "255.255.255.255",
        "[::]:0", "1.2.3.4:65535", "fe80::%4294967295"})
    seeds.push_back(fuzz::text(text));
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text({data, size});
  if (const auto ip = parse_ip(text)) {
    const auto again = parse_ip(to_string(*ip));
    KITH_ASSERT(again && *again == *ip);
    KITH_ASSERT(ip->scope == 0 || (ip->is_link_local() && !ip->is_v4()));
  }
  if (const auto endpoint = parse_endpoint(text)) {
    const auto again = parse_endpoint(to_string(*endpoint));
    KITH_ASSERT(again && *again == *endpoint);
  }
  fuzz::Input in(data, size);
  Subnet subnet;
  subnet.prefix = static_cast<int>(in.below(129));
  subnet.ip.bytes = in.array<16>();
  const IpAddress other{in.array<16>(), 0};
  KITH_ASSERT(subnet.contains(other) == naive_contains(subnet, other));
  KITH_ASSERT(parse_ip(to_string(other)) == other);
  return 0;
}
