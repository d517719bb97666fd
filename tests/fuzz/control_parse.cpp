// What people and scripts write: durations, keys, percent escapes, targets with a query, and the
// escaping of what strangers wrote. Inverses are inverse, and what is shown is harmless.
#include "kith/control/parse.hpp"
#include "kith/wire/constants.hpp"
#include "target.hpp"

using namespace kith;
using namespace kith::control;

namespace {

bool shows_safely(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0xff;
    if (c < 0x20 || c == 0x7f || (c == 0xc2 && next >= 0x80 && next < 0xa0)) return false;
  }
  return true;
}

std::size_t distance_slow(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return a.size() + b.size();
  if (a[0] == b[0]) return distance_slow(a.substr(1), b.substr(1));
  return 1 + std::min({distance_slow(a.substr(1), b), distance_slow(a, b.substr(1)),
                       distance_slow(a.substr(1), b.substr(1))});
}

void check_nearest(std::string_view typo) {
  const std::vector<std::string> known{"put", "get", "wait", "events"};
  const auto word = nearest(typo, known);
  if (typo.size() > 6) return;
  const std::size_t limit = std::max<std::size_t>(2, typo.size() / 3);
  std::size_t best = limit + 1;
  for (const std::string& one : known) best = std::min(best, distance_slow(typo, one));
  KITH_ASSERT(word.has_value() == (best <= limit));
  if (word) KITH_ASSERT(distance_slow(typo, *word) == best);
}

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Seeds seeds;
  for (const std::string_view text :
       {"500ms", "5s", "36500d", "-1s", "/v1/kv/a%20b?ttl=5s&owned&x=%41", "%zz", "quorum", "ge",
        "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xed\xa0\x80", "\xc2\x9b[2J\x1b]0;x\x07"})
    seeds.push_back(fuzz::text(text));
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text({data, size});
  if (const auto duration = parse_duration(text)) {
    KITH_ASSERT(*duration >= Duration(0) && *duration <= hours(100 * 365 * 24));
    const std::string again = std::to_string(to_millis(*duration)) + "ms";
    KITH_ASSERT(parse_duration(again) == duration);
  }
  KITH_ASSERT(percent_decode(percent_encode(text)) == std::string(text));
  if (const auto decoded = percent_decode(text)) KITH_ASSERT(decoded->size() <= size);
  const KeyError key = check_key(text);
  KITH_ASSERT((key == KeyError::none) ==
              (size > 0 && size <= wire::name_limit && valid_utf8(text)));

  const std::string shown = escape_controls(text);
  KITH_ASSERT(shows_safely(shown) && shown.size() <= 4 * size);
  KITH_ASSERT(escape_controls(shown) == shown);
  if (valid_utf8(text)) KITH_ASSERT(valid_utf8(shown));

  if (const auto query = split_target(text)) {
    KITH_ASSERT(text.starts_with(query->path));
    for (const auto& [name, value] : query->fields) KITH_ASSERT(query->find(name) != nullptr);
  }
  parse_consistency(text);
  check_nearest(text);
  return 0;
}
