// Settings: everything a person can tell the daemon, from five layers, checked once.
//   built-in < /etc/kith/kithd.json < user file < --config FILE < KITH_* environment < flags
// One table of options serves the files, the environment, the flags and the help.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kith/base/address.hpp"
#include "kith/base/lane.hpp"
#include "kith/base/result.hpp"

namespace kith::app {

struct Option {
  enum class Kind : std::uint8_t { text, list, flag };
  std::string name;  // long flag without dashes: "network-file"
  Kind kind;
  std::string value;  // what the help calls its value
  std::string help;
};
const std::vector<Option>& options();
const Option* find_option(std::string_view name);

// What was written, before it is understood: option name -> values and where they stand.
struct Given {
  std::vector<std::string> values;
  std::string origin;  // "/etc/kith/kithd.json:3:5: /name", "KITH_NAME", "--name"
};
using Layer = std::map<std::string, Given>;

struct Settings {
  std::string instance = "default";
  std::string data_dir, socket;
  std::string name;
  std::vector<std::pair<std::string, std::string>> tags;
  std::string network = "lan";
  bool network_given = false;
  Mode mode = Mode::lan;
  std::string network_file;
  std::vector<Endpoint> listen;  // empty: every address, default port
  std::vector<Endpoint> advertise;
  std::vector<std::string> join;
  bool trust_first = false, no_lan = false;
  std::vector<std::string> lan_exclude;
  std::optional<Endpoint> http;
  std::string log_level = "info", log_format = "text";
};

// Errors are complete lines: what, where, what to do. All of them are exit 2.
Result<Layer, std::string> layer_from_file(const std::string& path, const std::string& text);
struct Environment {
  Layer layer;
  std::vector<std::string> warnings;  // unknown KITH_* variables
};
Environment layer_from_environment(const std::vector<std::string>& variables);
void lay_over(Layer& below, const Layer& above);
Result<Settings, std::string> understand(const Layer& layer);

}  // namespace kith::app
