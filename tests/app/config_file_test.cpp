#include "settings.hpp"

using namespace kith::app;

TEST_CASE("app/config_file: a number too large for JSON is refused with its place, not thrown") {
  const auto layer = layer_from_file("kithd.json", R"({"name": 1e999})");
  REQUIRE_FALSE(layer);
  CHECK_EQ(layer.error(), "kithd.json:1:1: /: a number in it is too large for any setting");
}

TEST_CASE("app/config_file: a NUL byte is refused; what follows one would never be looked at") {
  using namespace std::string_literals;
  for (const std::string& text : {"{\"name\": \"x\"}\n\0/*"s, "{\"name\": \"x\"}\n\0"s}) {
    const auto layer = layer_from_file("kithd.json", text);
    REQUIRE_FALSE(layer);
    CHECK_EQ(layer.error(), "kithd.json:2:1: /: a NUL byte; a configuration is text");
  }
}

TEST_CASE("app/config_file: an error is one line whatever the key holds") {
  const auto layer = layer_from_file("kithd.json", R"({"na\nme": "x"})");
  REQUIRE_FALSE(layer);
  CHECK_EQ(layer.error(), "kithd.json:1:1: /na\\x0ame: unknown key; did you mean \"name\"?");
  const auto environment = layer_from_environment({"KITH_A\x1b[2J=1"});
  REQUIRE_EQ(environment.warnings.size(), 1);
  CHECK_EQ(environment.warnings[0].find('\x1b'), std::string::npos);
}
