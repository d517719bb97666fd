// What people and scripts write: durations, keys, escapes, targets, typos.
#include "kith/control/parse.hpp"

#include "kith/base/bytes.hpp"
#include "kith/base/rng.hpp"

using namespace kith;
using namespace kith::control;

namespace {

std::string random_text(Rng& rng, std::size_t most) {
  std::string out(static_cast<std::size_t>(rng.below(most + 1)), '\0');
  for (char& c : out) c = static_cast<char>(rng.below(256));
  return out;
}

// Whether a terminal would act on it: C0, DEL, or C1 in either of its forms.
bool harmless(std::string_view text) {
  if (!valid_utf8(text)) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return false;
    if (byte == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("control/parse: a duration is a number and one of five units") {
  CHECK_EQ(parse_duration("500ms"), milliseconds(500));
  CHECK_EQ(parse_duration("5s"), seconds(5));
  CHECK_EQ(parse_duration("10m"), minutes(10));
  CHECK_EQ(parse_duration("2h"), hours(2));
  CHECK_EQ(parse_duration("7d"), hours(7 * 24));
  CHECK_EQ(parse_duration("0s"), seconds(0));
  CHECK_EQ(parse_duration("36500d"), hours(36500 * 24));
}

TEST_CASE("control/parse: what is no duration, negative or over a hundred years is refused") {
  for (const char* wrong : {"",
                            "5",
                            "s",
                            "5 s",
                            " 5s",
                            "5s ",
                            "+5s",
                            "-5s",
                            "-1ms",
                            "5S",
                            "5w",
                            "5us",
                            "1.5s",
                            "1e3s",
                            "0x5s",
                            "5ss",
                            "5m30s",
                            "36501d",
                            "3153600001s",
                            "9223372036854775807d",
                            "99999999999999999999ms",
                            "\xff",
                            "5\xc2\xb5s"}) {
    INFO(std::string(wrong));
    CHECK_FALSE(parse_duration(wrong).has_value());
  }
  CHECK_FALSE(parse_duration(std::string_view()).has_value());
  CHECK_FALSE(parse_duration(std::string_view("5s\0", 3)).has_value());
}

TEST_CASE("control/parse: a level is one, quorum or all, in lower case") {
  CHECK((parse_consistency("one") == dht::Consistency::one));
  CHECK((parse_consistency("quorum") == dht::Consistency::quorum));
  CHECK((parse_consistency("all") == dht::Consistency::all));
  for (const char* wrong : {"", "ONE", "most", "quorum ", "al", "alll"})
    CHECK_FALSE(parse_consistency(wrong).has_value());
}

TEST_CASE("control/parse: UTF-8 is what RFC 3629 says, no overlong form and no surrogate") {
  for (const char* good : {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                           "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    CHECK(valid_utf8(good));
  CHECK(valid_utf8(std::string_view("\0", 1)));
  for (const char* bad :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf", "\xe1\x80",
        "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"}) {
    CHECK_FALSE(valid_utf8(bad));
    CHECK_FALSE(valid_utf8(std::string("ok") + bad));
  }
}

TEST_CASE("control/parse: a key has 1 to 512 bytes of UTF-8, and each error has a text") {
  CHECK((check_key("k") == KeyError::none));
  CHECK((check_key(std::string(512, 'k')) == KeyError::none));
  CHECK((check_key("") == KeyError::empty));
  CHECK((check_key(std::string(513, 'k')) == KeyError::too_long));
  CHECK((check_key("\xff") == KeyError::not_utf8));
  CHECK_EQ(to_string(KeyError::empty), "a key has at least 1 byte");
  CHECK_EQ(to_string(KeyError::too_long), "a key has at most 512 bytes");
  CHECK_EQ(to_string(KeyError::not_utf8), "a key is valid UTF-8");
}

TEST_CASE("control/parse: percent escapes are decoded once, and half of one is refused") {
  CHECK_EQ(percent_decode("a%2Fb%2fc"), "a/b/c");
  CHECK_EQ(percent_decode("%2525"), "%25");
  CHECK_EQ(percent_decode("a+b"), "a+b");
  CHECK_EQ(percent_decode("%00"), std::string(1, '\0'));
  for (const char* wrong : {"%", "%4", "a%", "%zz", "%4g", "%g4", "% 4", "%%41"})
    CHECK_FALSE(percent_decode(wrong).has_value());
  CHECK_FALSE(percent_decode(std::string_view("%41", 2)).has_value());  // cut out of a longer text
}

TEST_CASE("control/parse: any bytes survive encoding and decoding, and are plain in between") {
  Rng rng(1);
  for (int i = 0; i < 2000; ++i) {
    const std::string text = random_text(rng, 40);
    const std::string encoded = percent_encode(text);
    REQUIRE_EQ(percent_decode(encoded), text);
    for (const char c : encoded) REQUIRE((c > 0x20 && c < 0x7f && c != '?' && c != '&'));
  }
}

TEST_CASE("control/parse: a target is a raw path and decoded fields, in their order") {
  const auto query = split_target("/v1/kv/a%20b?ttl=5s&owned&=x&&name=%3D%26&ttl=6s");
  REQUIRE(query.has_value());
  CHECK_EQ(query->path, "/v1/kv/a%20b");
  REQUIRE_EQ(query->fields.size(), 5);
  CHECK_EQ(*query->find("ttl"), "5s");
  CHECK_EQ(*query->find("owned"), "");
  CHECK_EQ(*query->find("name"), "=&");
  CHECK_EQ(query->fields[4].second, "6s");
  CHECK((query->find("nothing") == nullptr));
  CHECK_EQ(split_target("/v1/kv/a?b=?c")->fields[0].second, "?c");
  CHECK_EQ(split_target("")->path, "");
  CHECK(split_target("?")->fields.empty());
  CHECK_FALSE(split_target("/p?a=%").has_value());
  CHECK_FALSE(split_target("/p?%zz=1").has_value());
}

TEST_CASE("control/parse: control characters are shown as \\xNN, other text as it is") {
  CHECK_EQ(escape_controls("h\xc3\xa9llo \xe6\x97\xa5"), "h\xc3\xa9llo \xe6\x97\xa5");
  CHECK_EQ(escape_controls("a\x1b[31m\n\x7f"), "a\\x1b[31m\\x0a\\x7f");
  CHECK_EQ(escape_controls(std::string_view("\0", 1)), "\\x00");
  CHECK_EQ(escape_controls("\xc2\x9b"), "\\x9b");             // C1 as UTF-8
  CHECK_EQ(escape_controls("\xc2\xa0"), "\xc2\xa0");          // the first that is none
  CHECK_EQ(escape_controls("\xe2\x9b\x84"), "\xe2\x9b\x84");  // 9b as a continuation
}

TEST_CASE("control/parse: bytes that are no UTF-8 are shown as \\xNN, each by itself") {
  CHECK_EQ(escape_controls("a\x9b"
                           "31m"),
           "a\\x9b"
           "31m");  // C1 as an 8-bit terminal reads it
  CHECK_EQ(escape_controls("\xc2"
                           "A"),
           "\\xc2"
           "A");
  CHECK_EQ(escape_controls("\xc2\n"), "\\xc2\\x0a");
  CHECK_EQ(escape_controls("\xc2"), "\\xc2");
  CHECK_EQ(escape_controls("\xe6\x97z"), "\\xe6\\x97z");
}

TEST_CASE("control/parse: whatever bytes come, what is shown is harmless, and so again") {
  Rng rng(2);
  for (int i = 0; i < 5000; ++i) {
    const std::string shown = escape_controls(random_text(rng, 24));
    INFO(to_hex(as_bytes(shown)));
    REQUIRE(harmless(shown));
    REQUIRE_EQ(escape_controls(shown), shown);
  }
}

TEST_CASE("control/parse: a typo is near its word, nonsense is near none") {
  const std::vector<std::string> known{"network", "name", "listen"};
  CHECK_EQ(nearest("netwrok", known), "network");
  CHECK_EQ(nearest("nam", known), "name");
  CHECK_EQ(nearest("listen", known), "listen");
  CHECK_FALSE(nearest("xyzzyplugh", known).has_value());
  CHECK_FALSE(nearest("netwrok", {}).has_value());
  CHECK_EQ(nearest("ab", {"abcd", "ab"}), "ab");
}
