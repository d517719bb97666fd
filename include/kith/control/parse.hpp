// Parsing what people and scripts write: durations, keys, consistency, percent-encoding. Shared by
// the API and the command line, so that both say no to the same things.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kith/base/time.hpp"
#include "kith/dht/report.hpp"

namespace kith::control {

std::optional<Duration> parse_duration(
    std::string_view text);  // "500ms 5s 10m 2h 7d": a unit is needed
std::optional<dht::Consistency> parse_consistency(std::string_view text);
bool valid_utf8(std::string_view text);

enum class KeyError : std::uint8_t { none, empty, too_long, not_utf8 };
KeyError check_key(std::string_view key);
std::string_view to_string(KeyError error);

std::optional<std::string> percent_decode(std::string_view text);  // nullopt: a bad escape
std::string percent_encode(std::string_view text);                 // all but unreserved characters

struct Query {
  std::string path;  // not decoded
  std::vector<std::pair<std::string, std::string>> fields;
  const std::string* find(std::string_view name) const;
};
std::optional<Query> split_target(std::string_view target);

// Control characters and what is not UTF-8 as \xNN: names and tags come from strangers and go to
// terminals.
std::string escape_controls(std::string_view text);

// "did you mean": the known word nearest to a typo, if any is near.
std::optional<std::string> nearest(std::string_view typo, const std::vector<std::string>& known);

}  // namespace kith::control
