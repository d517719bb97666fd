// Join targets as people write them: what is accepted names a host, a port and perhaps a key, and
// written out again it is the same target.
#include "kith/discovery/discovery.hpp"
#include "target.hpp"

using namespace kith;

namespace {

std::string written(const discovery::Target& target) {
  std::string out;
  if (target.pin) out += to_zbase32(target.pin->view()) + "@";
  const bool v6 = target.host.find(':') != std::string::npos;
  out += v6 ? "[" + target.host + "]" : target.host;
  return out + ":" + std::to_string(target.port);
}

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Seeds seeds{fuzz::text(to_zbase32(Bytes(32, 7)) + "@host.example:4747")};
  for (const std::string_view text :
       {"host", "host:1", "[fe80::1%2]:4747", "[::1]", "10.0.0.1:65535", "@host", "host:", "a:b:c"})
    seeds.push_back(fuzz::text(text));
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto target = discovery::parse_target(as_text({data, size}));
  if (!target) {
    KITH_ASSERT(!discovery::to_string(target.error()).empty());
    return 0;
  }
  KITH_ASSERT(target->text == as_text({data, size}));
  KITH_ASSERT(target->port != 0 && !target->host.empty() && target->host.size() <= 253);
  const auto again = discovery::parse_target(written(*target));
  KITH_ASSERT(again && again->host == target->host && again->port == target->port);
  KITH_ASSERT(again->pin == target->pin);
  return 0;
}
