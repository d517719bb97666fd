// The network file: what makes a network private. Versioned JSON, kept as secret as a key.
//   {"format":"kith-network/1","name":…,"root":hex 32,"epoch":n,"psk":hex 32,"previous_psk":hex
//   32?,"admin":hex 32}
#pragma once

#include <string>

#include "kith/base/bytes.hpp"
#include "kith/base/result.hpp"

namespace kith::control {

struct NetworkFile {
  std::string name;
  ByteArray<32> root{};  // fixed for life: network id, record ids and beacon tags follow from it
  std::uint64_t epoch = 1;
  ByteArray<32> psk{};  // what rotates
  std::optional<ByteArray<32>> previous_psk;
  ByteArray<32> admin{};  // Ed25519 public key; its secret is in the .admin file
};

// Errors are one line that says what is wrong and where.
Result<NetworkFile, std::string> parse_network_file(std::string_view text);
std::string network_file_json(const NetworkFile& file);
std::string admin_file_json(const std::string& name, const ByteArray<32>& secret_seed);

// 1 to 64 bytes of UTF-8, no control characters or slashes.
bool valid_network_name(std::string_view name);

}  // namespace kith::control
