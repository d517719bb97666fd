#include "kith/control/network_file.hpp"

#include <nlohmann/json.hpp>

#include "kith/control/parse.hpp"

namespace kith::control {
namespace {

constexpr std::string_view format = "kith-network/1";
using Json = nlohmann::ordered_json;

Result<ByteArray<32>, std::string> secret_in(const Json& json, const char* name) {
  if (!json.contains(name) || !json[name].is_string())
    return Failure<std::string>(std::string("/") + name + ": 64 hex digits are missing");
  const auto bytes = from_hex(json[name].get<std::string>());
  if (!bytes || bytes->size() != 32)
    return Failure<std::string>(std::string("/") + name + ": not 64 hex digits");
  ByteArray<32> out;
  std::copy(bytes->begin(), bytes->end(), out.begin());
  return out;
}

}  // namespace

bool valid_network_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || !valid_utf8(name)) return false;
  return escape_controls(name) == name && name.find('/') == std::string_view::npos;
}

Result<NetworkFile, std::string> parse_network_file(std::string_view text) {
  const auto json = Json::parse(text, nullptr, false);  // takes a NUL for the end
  if (text.contains('\0') || json.is_discarded() || !json.is_object())
    return Failure<std::string>("not a JSON object");
  const auto stated = json.value("format", Json());
  if (!stated.is_string())
    return Failure<std::string>(
        "/format: missing; a network file is made by: kith network new NAME");
  if (stated != format)
    return Failure<std::string>("/format: \"" + escape_controls(stated.get<std::string>()) +
                                "\" is not " + std::string(format));
  NetworkFile file;
  if (!json.contains("name") || !json["name"].is_string() ||
      !valid_network_name(json["name"].get<std::string>()))
    return Failure<std::string>("/name: 1 to 64 printable bytes of UTF-8 without a slash");
  file.name = json["name"].get<std::string>();
  const auto root = secret_in(json, "root"), psk = secret_in(json, "psk"),
             admin = secret_in(json, "admin");
  for (const auto* part : {&root, &psk, &admin})
    if (!*part) return Failure<std::string>(part->error());
  file.root = *root;
  file.psk = *psk;
  file.admin = *admin;
  if (!json.contains("epoch") || !json["epoch"].is_number_unsigned() || json["epoch"] == 0u)
    return Failure<std::string>("/epoch: a positive number is missing");
  file.epoch = json["epoch"].get<std::uint64_t>();
  if (json.contains("previous_psk")) {
    const auto previous = secret_in(json, "previous_psk");
    if (!previous) return Failure<std::string>(previous.error());
    file.previous_psk = *previous;
  }
  return file;
}

std::string network_file_json(const NetworkFile& file) {
  Json json{{"format", format},
            {"name", file.name},
            {"root", to_hex(file.root)},
            {"epoch", file.epoch},
            {"psk", to_hex(file.psk)}};
  if (file.previous_psk) json["previous_psk"] = to_hex(*file.previous_psk);
  json["admin"] = to_hex(file.admin);
  return json.dump(2) + "\n";
}

std::string admin_file_json(const std::string& name, const ByteArray<32>& secret_seed) {
  const Json json{
      {"format", "kith-network-admin/1"}, {"name", name}, {"secret", to_hex(secret_seed)}};
  return json.dump(2) + "\n";
}

}  // namespace kith::control
