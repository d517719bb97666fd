#include "kith/control/parse.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "kith/wire/constants.hpp"

namespace kith::control {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Bytes that follow a UTF-8 lead byte, -1 when it is none; overlong and surrogate forms are ruled
// out by the bounds of the second byte [RFC 3629, table 3-7 of Unicode].
struct Lead {
  int follow;
  unsigned low, high;
};
Lead lead_of(unsigned char c) {
  if (c < 0x80) return {0, 0, 0};
  if (c >= 0xc2 && c <= 0xdf) return {1, 0x80, 0xbf};
  if (c == 0xe0) return {2, 0xa0, 0xbf};
  if (c == 0xed) return {2, 0x80, 0x9f};
  if (c >= 0xe1 && c <= 0xef) return {2, 0x80, 0xbf};
  if (c == 0xf0) return {3, 0x90, 0xbf};
  if (c >= 0xf1 && c <= 0xf3) return {3, 0x80, 0xbf};
  if (c == 0xf4) return {3, 0x80, 0x8f};
  return {-1, 0, 0};
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || count < 0) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  constexpr std::int64_t hundred_years = 100ll * 365 * 24 * 3600 * 1000;
  std::int64_t milliseconds_each = 0;
  if (unit == "ms") milliseconds_each = 1;
  if (unit == "s") milliseconds_each = 1000;
  if (unit == "m") milliseconds_each = 60'000;
  if (unit == "h") milliseconds_each = 3'600'000;
  if (unit == "d") milliseconds_each = 86'400'000;
  if (milliseconds_each == 0 || count > hundred_years / milliseconds_each) return std::nullopt;
  return milliseconds(count * milliseconds_each);
}

std::optional<dht::Consistency> parse_consistency(std::string_view text) {
  if (text == "one") return dht::Consistency::one;
  if (text == "quorum") return dht::Consistency::quorum;
  if (text == "all") return dht::Consistency::all;
  return std::nullopt;
}

bool valid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const Lead lead = lead_of(static_cast<unsigned char>(text[i]));
    if (lead.follow < 0) return false;
    for (int k = 0; k < lead.follow; ++k) {
      if (++i >= text.size()) return false;
      const auto c = static_cast<unsigned char>(text[i]);
      const unsigned low = k == 0 ? lead.low : 0x80u, high = k == 0 ? lead.high : 0xbfu;
      if (c < low || c > high) return false;
    }
  }
  return true;
}

KeyError check_key(std::string_view key) {
  if (key.empty()) return KeyError::empty;
  if (key.size() > wire::name_limit) return KeyError::too_long;
  return valid_utf8(key) ? KeyError::none : KeyError::not_utf8;
}

std::string_view to_string(KeyError error) {
  switch (error) {
    case KeyError::none:
      return "it is fine";
    case KeyError::empty:
      return "a key has at least 1 byte";
    case KeyError::too_long:
      return "a key has at most 512 bytes";
    case KeyError::not_utf8:
      return "a key is valid UTF-8";
  }
  return "?";
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_value(text[i + 1]), low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || c == '/';
    if (plain) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(digits[byte >> 4]);
    out.push_back(digits[byte & 15]);
  }
  return out;
}

const std::string* Query::find(std::string_view name) const {
  for (const auto& [key, value] : fields)
    if (key == name) return &value;
  return nullptr;
}

std::optional<Query> split_target(std::string_view target) {
  Query query;
  const auto mark = target.find('?');
  query.path = std::string(target.substr(0, mark));
  if (mark == std::string_view::npos) return query;
  std::string_view rest = target.substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view field = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), field.size() + 1));
    if (field.empty()) continue;
    const auto equals = field.find('=');
    auto name = percent_decode(field.substr(0, equals));
    auto value = percent_decode(equals == std::string_view::npos ? std::string_view{}
                                                                 : field.substr(equals + 1));
    if (!name || !value) return std::nullopt;
    query.fields.emplace_back(*std::move(name), *std::move(value));
  }
  return query;
}

std::string escape_controls(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // C1 controls are two bytes in UTF-8: 0xc2 0x80..0x9f.
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    const bool c1 = byte == 0xc2 && next >= 0x80 && next < 0xa0;
    if (byte >= 0x20 && byte != 0x7f && !c1) {
      out.push_back(text[i]);
      continue;
    }
    const unsigned char shown = c1 ? static_cast<unsigned char>(text[++i]) : byte;
    out += "\\x";
    out.push_back(digits[shown >> 4]);
    out.push_back(digits[shown & 15]);
  }
  return out;
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

}  // namespace kith::control
