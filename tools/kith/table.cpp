#include "table.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

#include "kith/control/parse.hpp"

namespace kith::tool {
namespace {

struct Range {
  std::uint32_t first, last;
};
// The ranges that people's names and tags do use; a full table would be Unicode's own.
constexpr std::array<Range, 7> no_width{{{0x300, 0x36f},
                                         {0x1ab0, 0x1aff},
                                         {0x200b, 0x200f},
                                         {0x20d0, 0x20ff},
                                         {0xfe00, 0xfe0f},
                                         {0xfe20, 0xfe2f},
                                         {0xe0100, 0xe01ef}}};
constexpr std::array<Range, 9> wide{{{0x1100, 0x115f},
                                     {0x2e80, 0x303e},
                                     {0x3041, 0xa4cf},
                                     {0xac00, 0xd7a3},
                                     {0xf900, 0xfaff},
                                     {0xfe30, 0xfe6f},
                                     {0xff00, 0xff60},
                                     {0x1f300, 0x1faff},
                                     {0x20000, 0x3fffd}}};

template <std::size_t N>
bool in(const std::array<Range, N>& ranges, std::uint32_t point) {
  return std::ranges::any_of(ranges, [&](Range r) { return point >= r.first && point <= r.last; });
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    std::uint32_t point = lead;
    if (lead >= 0xf0)
      point = lead & 0x07u;
    else if (lead >= 0xe0)
      point = lead & 0x0fu;
    else if (lead >= 0xc0)
      point = lead & 0x1fu;
    while (i < text.size() && (static_cast<unsigned char>(text[i]) & 0xc0) == 0x80)
      point = point << 6 | (static_cast<unsigned char>(text[i++]) & 0x3fu);
    width += in(no_width, point) ? 0 : in(wide, point) ? 2 : 1;
  }
  return width;
}

void Table::add(std::vector<std::string> row) {
  for (std::string& cell : row) cell = cell.empty() ? "-" : control::escape_controls(cell);
  rows_.push_back(std::move(row));
}

std::string Table::text() const {
  std::vector<std::size_t> widths(rows_.front().size());
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], display_width(row[i]));
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += row[i] + std::string(widths[i] - display_width(row[i]) + 2, ' ');
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string short_id(std::string_view id) { return std::string(id.substr(0, 8)); }

std::string show_millis(double ms) {
  std::array<char, 32> buffer;
  if (ms >= 1000)
    std::snprintf(buffer.data(), buffer.size(), "%.1fs", ms / 1000);
  else
    std::snprintf(buffer.data(), buffer.size(), "%.1fms", ms);
  return buffer.data();
}

std::string show_uptime(std::uint64_t seconds) {
  const auto number = [](std::uint64_t n) { return std::to_string(n); };
  if (seconds < 60) return number(seconds) + "s";
  if (seconds < 3600) return number(seconds / 60) + "m " + number(seconds % 60) + "s";
  if (seconds < 86'400) return number(seconds / 3600) + "h " + number(seconds / 60 % 60) + "m";
  return number(seconds / 86'400) + "d " + number(seconds / 3600 % 24) + "h";
}

std::string show_time(std::string_view rfc3339) {
  std::string out(rfc3339.substr(0, 19));
  std::ranges::replace(out, 'T', ' ');
  return out;
}

}  // namespace kith::tool
