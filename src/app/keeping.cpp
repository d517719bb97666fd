#include "keeping.hpp"

#include <charconv>

#include "kith/crypto/hash.hpp"
#include "kith/runtime/clock.hpp"
#include "kith/storage/storage.hpp"

namespace kith::app {
namespace {

using Error = Failure<std::string>;
constexpr std::string_view identity_format = "kith-identity/1";
constexpr std::size_t small_file = 4096;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.remove_suffix(1);
  return text;
}

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  text = trimmed(text);
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find_first_of(" \n"));
    out.emplace_back(word);
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  return out;
}

std::string why(storage::FileError error) {
  switch (error) {
    case storage::FileError::missing:
      return "it does not exist";
    case storage::FileError::permission:
      return "permission denied; run as its owner or choose another --data-dir";
    case storage::FileError::no_space:
      return "no space left on the disk";
    case storage::FileError::too_large:
      return "it is too large to be one";
    case storage::FileError::not_a_file:
      return "it is not a file; move it away";
    case storage::FileError::io:
      return "the disk reported an error";
    default:
      return "it could not be used";
  }
}

template <std::size_t N>
std::optional<ByteArray<N>> hex_array(std::string_view hex) {
  const auto bytes = from_hex(hex);
  if (!bytes || bytes->size() != N) return std::nullopt;
  ByteArray<N> out;
  std::copy(bytes->begin(), bytes->end(), out.begin());
  return out;
}

}  // namespace

std::string unreadable(storage::FileError error) {
  switch (error) {
    case storage::FileError::missing:
      return "no such file";
    case storage::FileError::permission:
      return "permission denied";
    case storage::FileError::too_large:
      return "too large to be one";
    case storage::FileError::not_a_file:
      return "not a file";
    default:
      return "the disk reported an error";
  }
}

Result<std::shared_ptr<const crypto::Identity>, std::string> load_identity(
    const std::filesystem::path& data) {
  const auto path = data / "identity.key";
  const auto file = storage::read_file(path, small_file);
  if (!file && file.error() != storage::FileError::missing)
    return Error(path.string() + ": cannot read the identity: " + why(file.error()));
  if (!file) {
    const auto identity = crypto::Identity::from_seed(runtime::system_entropy());
    const std::string text = std::string(identity_format) + " " + to_hex(identity.seed()) + " " +
                             to_hex(identity.public_key().view()) + "\n";
    const auto written = storage::write_file(path, as_bytes(text), false);
    if (!written)
      return Error(path.string() + ": cannot write the identity: " + why(written.error()));
    return std::make_shared<const crypto::Identity>(identity);
  }
  const std::vector<std::string> parts = words(as_text(*file));
  const auto seed = parts.size() == 3 ? hex_array<32>(parts[1]) : std::nullopt;
  const Error damaged(
      path.string() +
      ": the identity is damaged; restore it from a backup, or move it away to become a new node");
  if (!seed || parts[0] != identity_format) return damaged;
  auto identity = std::make_shared<const crypto::Identity>(crypto::Identity::from_seed(*seed));
  if (to_hex(identity->public_key().view()) != parts[2]) return damaged;
  return identity;
}

Result<LanFile, std::string> load_lan(const std::filesystem::path& data) {
  const auto path = data / "lan.id";
  const auto file = storage::read_file(path, small_file);
  LanFile lan;
  if (!file) {
    if (file.error() != storage::FileError::missing)
      return Error(path.string() + ": cannot read the lan id: " + why(file.error()));
    const ByteArray<32> random = runtime::system_entropy();
    std::copy_n(random.begin(), lan.current.size(), lan.current.begin());
    // On disk before a database is made for it: one without its lan id is nobody's.
    const auto written =
        storage::write_file(path, as_bytes(to_hex(lan.current) + "\n"), /*overwrite=*/false);
    if (!written)
      return Error(path.string() + ": cannot write the lan id: " + why(written.error()));
    return lan;
  }
  const std::vector<std::string> parts = words(as_text(*file));
  const auto current = parts.empty() ? std::nullopt : hex_array<16>(parts[0]);
  if (!current) return Error(path.string() + ": damaged; move it away to start a new lan network");
  lan.current = *current;
  if (parts.size() > 1) lan.previous = hex_array<16>(parts[1]);
  return lan;
}

bool save_lan(const std::filesystem::path& data, const LanFile& lan) {
  std::string text = to_hex(lan.current) + "\n";
  if (lan.previous) text += to_hex(*lan.previous) + "\n";
  return storage::write_file(data / "lan.id", as_bytes(text)).has_value();
}

std::uint16_t load_port(const std::filesystem::path& data) {
  const auto file = storage::read_file(data / "port", 16);
  if (!file) return 0;
  const std::string_view text = trimmed(as_text(*file));
  std::uint16_t port = 0;
  std::from_chars(text.data(), text.data() + text.size(), port);
  return port;
}

bool save_port(const std::filesystem::path& data, std::uint16_t port) {
  return storage::write_file(data / "port", as_bytes(std::to_string(port) + "\n")).has_value();
}

Result<std::string, std::string> load_token(const std::filesystem::path& data) {
  const auto path = data / "http.token";
  if (const auto file = storage::read_file(path, small_file)) {
    const std::string token(trimmed(as_text(*file)));
    if (token.size() >= 32) return token;
  }
  const std::string token = to_hex(runtime::system_entropy());
  if (const auto written = storage::write_file(path, as_bytes(token + "\n")); !written)
    return Error(path.string() + ": cannot write the API token: " + why(written.error()));
  return token;
}

}  // namespace kith::app
