#include "view.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace kith::test {
namespace {

using Json = nlohmann::ordered_json;

std::string shape_of(const Json& json) {
  if (json.is_string()) return "text";
  if (json.is_number()) return "number";
  if (json.is_boolean()) return "bool";
  if (json.is_null()) return "null";
  std::string out;
  if (json.is_object()) {
    for (const auto& [name, value] : json.items())
      out += (out.empty() ? "" : ",") + name + ":" + shape_of(value);
    return "{" + out + "}";
  }
  std::vector<std::string> kinds;
  for (const Json& item : json) {
    const std::string kind = shape_of(item);
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) kinds.push_back(kind);
  }
  for (const std::string& kind : kinds) out += (out.empty() ? "" : "|") + kind;
  return "[" + out + "]";
}

}  // namespace

bool is_json(std::string_view text) { return Json::accept(text); }

std::string shape(std::string_view json) {
  const Json parsed = Json::parse(json, nullptr, false);
  return parsed.is_discarded() ? "not JSON" : shape_of(parsed);
}

std::string at(std::string_view json, std::string_view pointer) {
  const Json parsed = Json::parse(json, nullptr, false);
  if (parsed.is_discarded()) return "not JSON";
  const Json::json_pointer place{std::string(pointer)};
  if (!parsed.contains(place)) return "absent";
  const Json& value = parsed[place];
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace kith::test
