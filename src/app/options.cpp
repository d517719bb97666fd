#include <algorithm>
#include <utility>

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

std::optional<std::string> nearest(std::string_view typo, const std::vector<std::string>& known) {
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(2, typo.size() / 3) + 1;
  for (const std::string& word : known) {
    // Levenshtein, one row.
    std::vector<std::size_t> row(word.size() + 1);
    for (std::size_t i = 0; i <= word.size(); ++i) row[i] = i;
    for (std::size_t i = 1; i <= typo.size(); ++i) {
      std::size_t diagonal = std::exchange(row[0], i);
      for (std::size_t k = 1; k <= word.size(); ++k) {
        const std::size_t change = diagonal + (typo[i - 1] == word[k - 1] ? 0 : 1);
        diagonal = row[k];
        row[k] = std::min({row[k] + 1, row[k - 1] + 1, change});
      }
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = word;
    }
  }
  return best;
}

void lay_over(Layer& below, const Layer& above) {
  for (const auto& [name, given] : above) below[name] = given;
}

}  // namespace kith::app
