// The small files beside the database, read back whatever they hold: an identity is the genuine one
// or an error, never a new one in place of a damaged file.
#include <fstream>

#include "keeping.hpp"
#include "keys.hpp"
#include "target.hpp"
#include "temp_dir.hpp"

using namespace kith;
using namespace kith::app;

namespace {

void write_file(const std::filesystem::path& path, ByteView bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

std::string written(const crypto::Identity& identity) {
  return "kith-identity/1 " + to_hex(identity.seed()) + " " + to_hex(identity.public_key().view()) +
         "\n";
}

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  const std::string good = written(*fuzz::identity(1));
  std::string flipped = good;
  flipped[20] = flipped[20] == '0' ? '1' : '0';
  return {fuzz::text("\1" + good), fuzz::text("\1" + flipped),
          fuzz::text("\2" + to_hex(Bytes(16, 3)) + "\n" + to_hex(Bytes(16, 4)) + "\n"),
          fuzz::text("\3"
                     "4747\n"),
          fuzz::text("\4" + to_hex(Bytes(32, 1)) + "\n")};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const test::TempDir dir(true);
  if (size == 0) return 0;
  const ByteView contents(data + 1, size - 1);
  const char* const names[] = {"identity.key", "lan.id", "port", "http.token"};
  const std::size_t which = (data[0] - 1u) % 4;
  write_file(dir.path / names[which], contents);
  if (which == 0) {
    const auto identity = load_identity(dir.path);
    if (!identity) return 0;
    const std::string text = to_text(contents);
    KITH_ASSERT(text.find(to_hex((*identity)->public_key().view())) != std::string::npos);
    const auto again = crypto::Identity::from_seed((*identity)->seed());
    KITH_ASSERT(again.public_key() == (*identity)->public_key());
  } else if (which == 1) {
    const auto lan = load_lan(dir.path);
    if (!lan) return 0;
    KITH_ASSERT(save_lan(dir.path, *lan));
    const auto again = load_lan(dir.path);
    KITH_ASSERT(again && again->current == lan->current && again->previous == lan->previous);
  } else if (which == 2) {
    load_port(dir.path);
  } else {
    const auto token = load_token(dir.path);
    KITH_ASSERT(token && token->size() >= 32);
  }
  return 0;
}
