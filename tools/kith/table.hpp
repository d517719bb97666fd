// Tables and labels for people: columns aligned by what a terminal shows, not by bytes. Every cell
// is made harmless first: names and tags come from strangers. No colour, so nothing to turn off.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kith::tool {

// Terminal columns of UTF-8 text: combining marks count 0, East Asian wide forms and emoji 2.
std::size_t display_width(std::string_view text);

class Table {
 public:
  explicit Table(std::vector<std::string> head) : rows_{std::move(head)} {}
  void add(std::vector<std::string> row);  // an empty cell is shown as -
  std::string text() const;                // head and rows, two spaces between columns

 private:
  std::vector<std::vector<std::string>> rows_;
};

std::string short_id(std::string_view id);        // its first 8 characters
std::string show_millis(double ms);               // "0.4ms", "1.2s"
std::string show_uptime(std::uint64_t seconds);   // "2h 3m"
std::string show_time(std::string_view rfc3339);  // "2031-05-01 12:00:07": in UTC, to the second

}  // namespace kith::tool
