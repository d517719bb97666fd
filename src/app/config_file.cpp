// Configuration files: JSON with comments, keys are the long flags with '_'.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "kith/control/parse.hpp"
#include "settings.hpp"

namespace kith::app {
namespace {

struct Place {
  std::size_t line = 1, column = 1;
};

Place place_at(std::string_view text, std::size_t offset) {
  Place place;
  for (const char c : text.substr(0, std::min(offset, text.size()))) {
    if (c == '\n')
      place = {place.line + 1, 1};
    else
      ++place.column;
  }
  return place;
}

// Past the comment that begins at `at`; `at` itself when none does.
std::size_t past_comment(std::string_view text, std::size_t at) {
  const bool line = text.substr(at).starts_with("//");
  if (!line && !text.substr(at).starts_with("/*")) return at;
  const std::size_t end = text.find(line ? "\n" : "*/", at + 2);
  return end == std::string_view::npos ? text.size() : end + (line ? 1 : 2);
}

std::size_t past_blank(std::string_view text, std::size_t at) {
  for (;;) {
    std::size_t next = past_comment(text, at);
    while (next < text.size() &&
           (text[next] == ' ' || text[next] == '\t' || text[next] == '\r' || text[next] == '\n'))
      ++next;
    if (next == at || next >= text.size()) return next;
    at = next;
  }
}

// Where a key of the outermost object stands. The parser has accepted the text, so strings and
// comments are well formed; only their ends must be found.
std::size_t offset_of_key(std::string_view text, std::string_view key) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (const std::size_t end = past_comment(text, i); end != i) {
      i = end - 1;
      continue;
    }
    if (c != '"') continue;
    const std::size_t start = i++;
    while (i < text.size() && text[i] != '"') i += text[i] == '\\' ? 2 : 1;
    const std::size_t after = past_blank(text, std::min(i + 1, text.size()));
    const bool is_key = depth == 1 && after < text.size() && text[after] == ':';
    if (is_key && text.substr(start + 1, i - start - 1) == key) return start;
  }
  return 0;
}

std::string flag_of(std::string key) {
  std::replace(key.begin(), key.end(), '_', '-');
  return key;
}

std::string key_of(std::string flag) {
  std::replace(flag.begin(), flag.end(), '-', '_');
  return flag;
}

std::vector<std::string> known_keys() {
  std::vector<std::string> keys;
  for (const Option& option : options()) keys.push_back(key_of(option.name));
  return keys;
}

constexpr std::string_view environment_prefix = "KITH_";

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return text;
}

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  return text;
}

// A variable's value: lists by comma.
std::vector<std::string> split(const Option& option, std::string text) {
  if (option.kind != Option::Kind::list) return {std::move(text)};
  std::vector<std::string> values;
  while (!text.empty()) {
    values.push_back(text.substr(0, text.find(',')));
    text.erase(0, std::min(text.size(), values.back().size() + 1));
  }
  return values;
}

std::string unknown_variable(const std::string& name, const std::string& flag) {
  const auto guess = control::nearest(key_of(flag), known_keys());
  const std::string hint =
      guess ? " (did you mean " + std::string(environment_prefix) + upper(*guess) + "?)" : "";
  return "unknown environment variable " + control::escape_controls(name) + hint + ": ignored";
}

using Json = nlohmann::ordered_json;

Result<std::vector<std::string>, std::string> values_of(const Option& option, const Json& value) {
  if (option.kind == Option::Kind::flag) {
    if (!value.is_boolean()) return Failure<std::string>("must be true or false");
    return std::vector<std::string>{value.get<bool>() ? "true" : "false"};
  }
  if (option.kind == Option::Kind::text) {
    if (!value.is_string()) return Failure<std::string>("must be a string");
    return std::vector{value.get<std::string>()};
  }
  if (!value.is_array()) return Failure<std::string>("must be an array of strings");
  std::vector<std::string> out;
  for (const Json& item : value) {
    if (!item.is_string()) return Failure<std::string>("must be an array of strings");
    out.push_back(item.get<std::string>());
  }
  return out;
}

}  // namespace

Result<Layer, std::string> layer_from_file(const std::string& path, const std::string& text) {
  const auto at = [&](std::size_t offset) {
    const Place place = place_at(text, offset);
    return path + ":" + std::to_string(place.line) + ":" + std::to_string(place.column) + ": ";
  };
  // The parser takes a NUL for the end and looks no further.
  if (const std::size_t nul = text.find('\0'); nul != std::string::npos)
    return Failure<std::string>(at(nul) + "/: a NUL byte; a configuration is text");
  Json json;
  try {
    json = Json::parse(text, nullptr, true, true);
  } catch (const Json::parse_error& error) {
    const std::size_t offset = error.byte > 0 ? error.byte - 1 : 0;
    return Failure<std::string>(
        at(offset) + "/: not valid JSON here; comments are fine, trailing commas are not");
  } catch (const Json::out_of_range&) {
    return Failure<std::string>(at(0) + "/: a number in it is too large for any setting");
  }
  if (!json.is_object())
    return Failure<std::string>(at(0) + "/: the configuration is one JSON object");
  Layer layer;
  for (const auto& [key, value] : json.items()) {
    const std::string where = at(offset_of_key(text, key)) + "/" + control::escape_controls(key);
    const Option* option = find_option(flag_of(key));
    if (!option || key.find('-') != std::string::npos) {
      const auto guess = control::nearest(key, known_keys());
      return Failure<std::string>(
          where + ": unknown key" +
          (guess ? "; did you mean \"" + *guess + "\"?" : "; kithd --help lists them"));
    }
    const auto values = values_of(*option, value);
    if (!values) return Failure<std::string>(where + ": " + values.error());
    layer[option->name] = {*values, where};
  }
  return layer;
}

Environment layer_from_environment(const std::vector<std::string>& variables) {
  Environment out;
  for (const std::string& variable : variables) {
    const auto equals = variable.find('=');
    if (!variable.starts_with(environment_prefix) || equals == std::string::npos) continue;
    const std::string name = variable.substr(0, equals);
    const std::string flag = flag_of(lower(name.substr(environment_prefix.size())));
    if (flag == "config" || flag == "api" || flag == "token")
      continue;  // read by main; the command line's
    if (const Option* option = find_option(flag))
      out.layer[option->name] = {split(*option, variable.substr(equals + 1)), name};
    else
      out.warnings.push_back(unknown_variable(name, flag));
  }
  return out;
}

}  // namespace kith::app
