// Conditions of `kith wait`: what is awaited, and what is still missing from a status.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "answers.hpp"

namespace kith::tool {

struct Condition {
  enum class Kind { ready, joined, synced, members, key } kind = Kind::ready;
  std::uint64_t members = 0;  // at least so many alive, this node included
  std::string key;
};

// "ready", "joined", "synced", "members=3", "key:greeting". The error says what is wrong with it.
Result<Condition, std::string> parse_condition(std::string_view text);

// What is missing, nullopt: nothing. For all kinds but `key`.
std::optional<std::string> missing(const Condition& condition, const Status& status);

}  // namespace kith::tool
