#include <algorithm>

#include "settings.hpp"

namespace kith::app {

const std::vector<Option>& options() {
  using Kind = Option::Kind;
  static const std::vector<Option> table{
      {"instance", Kind::text, "NAME",
       "own data directory, socket and port: several daemons on one host [default]"},
      {"data-dir", Kind::text, "DIR", "where identity and records live [~/.local/state/kith/NAME]"},
      {"socket", Kind::text, "PATH", "unix socket of the API [$XDG_RUNTIME_DIR/kith/NAME.sock]"},
      {"name", Kind::text, "NAME", "shown to others [host name, or HOST-INSTANCE]"},
      {"tag", Kind::list, "K=V", "shown to others; repeatable"},
      {"network", Kind::text, "NAME", "which network [lan]"},
      {"mode", Kind::text, "MODE", "lan, private or public [lan]"},
      {"network-file", Kind::text, "FILE",
       "join the private network of this file (kith network new)"},
      {"listen", Kind::list, "ADDR:PORT",
       "UDP and TCP, the same number; port 0 is any; repeatable [0.0.0.0:4747 and [::]:4747]"},
      {"advertise", Kind::list, "ADDR:PORT",
       "addresses others are told instead of our interfaces'; repeatable"},
      {"join", Kind::list, "TARGET",
       "a known peer: host[:port], [v6]:port, key@host:port; repeatable"},
      {"trust-first", Kind::flag, "", "public mode: accept an unpinned peer's key unseen"},
      {"no-lan", Kind::flag, "", "no LAN beacon"},
      {"lan-exclude", Kind::list, "PATTERN",
       "interfaces that are not the LAN [docker* br-* virbr* veth* tun* tap* wg* tailscale*]"},
      {"http", Kind::text, "ADDR:PORT",
       "the API on loopback TCP too, with the token in DATA/http.token"},
      {"log-level", Kind::text, "LEVEL", "debug, info, warn or error [info]"},
      {"log-format", Kind::text, "FORMAT", "text or json [text]"},
  };
  return table;
}

const Option* find_option(std::string_view name) {
  if (name == "secret-file") name = "network-file";
  const auto& all = options();
  const auto it =
      std::find_if(all.begin(), all.end(), [&](const Option& o) { return o.name == name; });
  return it == all.end() ? nullptr : &*it;
}

void lay_over(Layer& below, const Layer& above) {
  for (const auto& [name, given] : above) below[name] = given;
}

}  // namespace kith::app
