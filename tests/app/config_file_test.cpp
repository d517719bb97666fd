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

TEST_CASE("app/config_file: a key is found among comments, wherever they stand") {
  const auto where = [](const std::string& text) {
    return layer_from_file("f", text).error().substr(0, 6);
  };
  CHECK_EQ(where("{\n  \"nam\" /* c */ : \"x\"}"), "f:2:3:");
  CHECK_EQ(where("{\n  \"nam\" // c\n : \"x\"}"), "f:2:3:");
  CHECK_EQ(where("{ /*/ \"nam\": 1 */\n \"nam\": \"x\"}"), "f:2:2:");
  CHECK_EQ(where("{ \"name\": \"x\", // \"nam\": 1\n \"nam\": 2 /* */}"), "f:2:2:");
}

TEST_CASE("app/settings: an empty place or file is refused, not taken for none") {
  for (const std::string name : {"network-file", "data-dir", "socket"}) {
    Layer layer;
    layer[name] = {{""}, "--" + name};
    const auto settings = understand(layer);
    REQUIRE_FALSE(settings);
    CHECK_EQ(settings.error(), "--" + name + ": \"\": it is empty");
  }
}
