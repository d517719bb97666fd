#include "settings.hpp"

#include <algorithm>

#include "kith/control/network_file.hpp"
#include "kith/control/parse.hpp"
#include "kith/discovery/discovery.hpp"
#include "kith/wire/constants.hpp"

namespace kith::app {
namespace {

using Error = Failure<std::string>;

Error wrong(const Given& given, std::string_view value, const std::string& why) {
  return Error(given.origin + ": \"" + control::escape_controls(value) + "\": " + why);
}

const std::string& last(const Given& given) {
  static const std::string empty;
  return given.values.empty() ? empty : given.values.back();
}

bool valid_instance(std::string_view name) {
  return !name.empty() && name.size() <= 32 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::optional<bool> truth(std::string_view text) {
  if (text == "true" || text == "1" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "0" || text == "no" || text == "off" || text.empty()) return false;
  return std::nullopt;
}

using Reader = std::function<std::optional<Error>(Settings&, const Given&)>;

template <class Member>
Reader plain(Member Settings::* member) {
  return [member](Settings& s, const Given& given) -> std::optional<Error> {
    // A script's variable that was not set: not what is built in instead, an open network say.
    if (last(given).empty()) return wrong(given, "", "it is empty");
    s.*member = last(given);
    return std::nullopt;
  };
}

Reader boolean(bool Settings::* member) {
  return [member](Settings& s, const Given& given) -> std::optional<Error> {
    const auto value = truth(last(given));
    if (!value) return wrong(given, last(given), "true or false");
    s.*member = *value;
    return std::nullopt;
  };
}

Reader endpoints(std::vector<Endpoint> Settings::* member, bool zero_port) {
  return [member, zero_port](Settings& s, const Given& given) -> std::optional<Error> {
    for (const std::string& text : given.values) {
      const auto endpoint = parse_endpoint(text);
      if (!endpoint || (endpoint->port == 0 && !zero_port))
        return wrong(given, text, "not ADDR:PORT (IPv6 in brackets, never a scheme)");
      (s.*member).push_back(*endpoint);
    }
    return std::nullopt;
  };
}

Reader one_of(std::string Settings::* member, std::vector<std::string> words) {
  return [member, words](Settings& s, const Given& given) -> std::optional<Error> {
    if (std::find(words.begin(), words.end(), last(given)) == words.end()) {
      std::string list;
      for (const std::string& word : words) list += (list.empty() ? "" : ", ") + word;
      return wrong(given, last(given), "one of " + list);
    }
    s.*member = last(given);
    return std::nullopt;
  };
}

std::optional<Error> read_tags(Settings& s, const Given& given) {
  for (const std::string& text : given.values) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals > wire::member_name_limit ||
        text.size() - equals > 128)
      return wrong(given, text, "a tag is K=V, K up to 64 bytes, V up to 127");
    s.tags.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  std::size_t bytes = 0;
  for (const auto& [key, value] : s.tags) bytes += key.size() + value.size() + 4;
  if (s.tags.size() > wire::member_tags_limit || bytes > 400)
    return Error(given.origin + ": at most 16 tags of 400 bytes together");
  return std::nullopt;
}

std::optional<Error> read_join(Settings& s, const Given& given) {
  for (const std::string& text : given.values) {
    const auto target = discovery::parse_target(text);
    if (!target) return wrong(given, text, std::string(discovery::to_string(target.error())));
    s.join.push_back(text);
  }
  return std::nullopt;
}

std::optional<Error> read_http(Settings& s, const Given& given) {
  const auto endpoint = parse_endpoint(last(given));
  if (!endpoint) return wrong(given, last(given), "not ADDR:PORT");
  if (!endpoint->ip.is_loopback())
    return wrong(given, last(given),
                 "the API is served on a loopback address only; use an ssh tunnel or a proxy from "
                 "elsewhere");
  s.http = *endpoint;
  return std::nullopt;
}

std::optional<Error> read_name(Settings& s, const Given& given) {
  s.name = last(given);
  const bool fine = !s.name.empty() && s.name.size() <= wire::member_name_limit &&
                    control::valid_utf8(s.name) && control::escape_controls(s.name) == s.name;
  return fine ? std::nullopt
              : std::optional(wrong(given, s.name, "1 to 64 printable bytes of UTF-8"));
}

std::optional<Error> read_network(Settings& s, const Given& given) {
  s.network = last(given);
  s.network_given = true;
  if (control::valid_network_name(s.network)) return std::nullopt;
  return wrong(given, s.network, "1 to 64 printable bytes of UTF-8 without a slash");
}

std::optional<Error> read_instance(Settings& s, const Given& given) {
  s.instance = last(given);
  if (valid_instance(s.instance)) return std::nullopt;
  return wrong(given, s.instance, "1 to 32 of a-z 0-9 _ -");
}

std::optional<Error> read_mode(Settings& s, const Given& given) {
  const std::string& text = last(given);
  if (text == "lan")
    s.mode = Mode::lan;
  else if (text == "private")
    s.mode = Mode::private_;
  else if (text == "public")
    s.mode = Mode::public_;
  else
    return wrong(given, text, "one of lan, private, public");
  return std::nullopt;
}

std::optional<Error> read_exclude(Settings& s, const Given& given) {
  s.lan_exclude = given.values;
  return std::nullopt;
}

const std::map<std::string, Reader>& readers() {
  static const std::map<std::string, Reader> table{
      {"instance", read_instance},
      {"data-dir", plain(&Settings::data_dir)},
      {"socket", plain(&Settings::socket)},
      {"name", read_name},
      {"tag", read_tags},
      {"network", read_network},
      {"mode", read_mode},
      {"network-file", plain(&Settings::network_file)},
      {"listen", endpoints(&Settings::listen, true)},
      {"advertise", endpoints(&Settings::advertise, false)},
      {"join", read_join},
      {"trust-first", boolean(&Settings::trust_first)},
      {"no-lan", boolean(&Settings::no_lan)},
      {"lan-exclude", read_exclude},
      {"http", read_http},
      {"log-level", one_of(&Settings::log_level, {"debug", "info", "warn", "error"})},
      {"log-format", one_of(&Settings::log_format, {"text", "json"})},
  };
  return table;
}

}  // namespace

Result<Settings, std::string> understand(const Layer& layer) {
  Settings settings;
  settings.lan_exclude = discovery::Config{}.lan_exclude;
  for (const auto& [name, given] : layer)
    if (auto error = readers().at(name)(settings, given)) return *error;
  const bool mode_given = layer.contains("mode");
  if (!settings.network_file.empty()) {
    if (mode_given && settings.mode != Mode::private_)
      return Error(layer.at("mode").origin +
                   ": a network file means mode private; leave --mode out");
    settings.mode = Mode::private_;
  } else if (settings.mode == Mode::private_) {
    return Error(layer.at("mode").origin +
                 ": private needs --network-file FILE; make one with: kith network new NAME");
  }
  return settings;
}

}  // namespace kith::app
