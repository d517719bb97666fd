// Events: what happened, numbered from 1 at each start, in a ring of 10 000 lines of JSON.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "kith/base/ids.hpp"
#include "kith/base/time.hpp"

namespace kith::control {

struct EventBody {
  std::string type;                                          // "member.dead"
  std::vector<std::pair<std::string, std::string>> strings;  // further fields
  std::vector<std::pair<std::string, std::uint64_t>> numbers;
};

class Events {
 public:
  static constexpr std::size_t limit = 10'000;
  explicit Events(const BootId& boot) : boot_(boot) {}

  void add(const EventBody& body, UnixMillis wall);
  std::uint64_t newest() const { return newest_; }

  // Lines (each ends in \n) after number `since`, at most `most`; a gap, or a `since` above the
  // newest (an earlier boot's), gives a line of type "dropped" first. `next` continues from there.
  std::vector<std::string> after(std::uint64_t since, std::size_t most, UnixMillis wall,
                                 std::uint64_t& next) const;

 private:
  std::string line(std::uint64_t n, const EventBody& body, UnixMillis wall) const;
  BootId boot_;
  std::deque<std::string> lines_;  // the last one has number newest_
  std::uint64_t newest_ = 0;
};

}  // namespace kith::control
