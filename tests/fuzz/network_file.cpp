// Network files: what parses is written as a file that parses to the same; a refusal is one line.
#include "kith/control/network_file.hpp"

#include "kith/control/parse.hpp"
#include "target.hpp"

using namespace kith;
using namespace kith::control;

namespace {

bool same(const NetworkFile& a, const NetworkFile& b) {
  return a.name == b.name && a.root == b.root && a.epoch == b.epoch && a.psk == b.psk &&
         a.previous_psk == b.previous_psk && a.admin == b.admin;
}

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  NetworkFile file;
  file.name = "home";
  NetworkFile rotated = file;
  rotated.previous_psk.emplace();
  rotated.epoch = 2;
  return {fuzz::text(network_file_json(file)), fuzz::text(network_file_json(rotated)),
          fuzz::text(R"({"format":"kith-network/2"})"), fuzz::text(R"({"format":1e999})")};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text({data, size});
  const auto file = parse_network_file(text);
  if (!file) {
    KITH_ASSERT(!file.error().empty() && escape_controls(file.error()) == file.error());
    return 0;
  }
  KITH_ASSERT(valid_network_name(file->name) && file->epoch > 0);
  const auto again = parse_network_file(network_file_json(*file));
  KITH_ASSERT(again && same(*again, *file));
  return 0;
}
