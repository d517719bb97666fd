// Keeping: the small files beside the database: identity, lan id, last port, API token.
#pragma once

#include <filesystem>
#include <memory>

#include "kith/base/result.hpp"
#include "kith/crypto/identity.hpp"
#include "kith/storage/storage.hpp"

namespace kith::app {

// Why a file that a person wrote cannot be read, in a few words.
std::string unreadable(storage::FileError error);

// identity.key: made on the first start; a damaged or foreign file is an error, never replaced.
Result<std::shared_ptr<const crypto::Identity>, std::string> load_identity(
    const std::filesystem::path& data);

// lan.id: the random id that stands for a lan network's root, and the one before it: a crash
// between this file and the database must not lock us out.
struct LanFile {
  ByteArray<16> current{};
  std::optional<ByteArray<16>> previous;
};
Result<LanFile, std::string> load_lan(const std::filesystem::path& data);
bool save_lan(const std::filesystem::path& data, const LanFile& lan);

std::uint16_t load_port(const std::filesystem::path& data);  // 0: none
bool save_port(const std::filesystem::path& data, std::uint16_t port);

Result<std::string, std::string> load_token(
    const std::filesystem::path& data);  // made when missing

}  // namespace kith::app
