// The network file: what a good one says, and what each damaged one is told.
#include "kith/control/network_file.hpp"

#include "kith/control/parse.hpp"
#include "view.hpp"

using namespace kith;
using namespace kith::control;
using kith::test::at;
using kith::test::shape;

namespace {

NetworkFile sample() {
  NetworkFile file;
  file.name = "home";
  file.root.fill(0x11);
  file.epoch = 3;
  file.psk.fill(0x22);
  file.admin.fill(0x33);
  return file;
}

// The sample's text with one piece of it replaced.
std::string with(const std::string& from, const std::string& to) {
  std::string text = network_file_json(sample());
  const auto place = text.find(from);
  REQUIRE((place != std::string::npos));
  return text.replace(place, from.size(), to);
}

std::string told(const std::string& text) {
  const auto file = parse_network_file(text);
  return file ? "accepted" : file.error();
}

}  // namespace

TEST_CASE("control/network_file: what is written is read back") {
  NetworkFile file = sample();
  for (const bool rotated : {false, true}) {
    if (rotated) file.previous_psk.emplace().fill(0x44);
    const auto back = parse_network_file(network_file_json(file));
    REQUIRE(back.has_value());
    CHECK_EQ(back->name, "home");
    CHECK_EQ(back->epoch, 3);
    CHECK((back->root == file.root));
    CHECK((back->psk == file.psk));
    CHECK((back->admin == file.admin));
    CHECK((back->previous_psk == file.previous_psk));
  }
}

TEST_CASE("control/network_file: it begins with its format, and holds these fields") {
  NetworkFile file = sample();
  CHECK_EQ(shape(network_file_json(file)),
           "{format:text,name:text,root:text,epoch:number,psk:text,admin:text}");
  CHECK_EQ(at(network_file_json(file), "/format"), "kith-network/1");
  CHECK_EQ(at(network_file_json(file), "/root"), std::string(64, '1'));
  file.previous_psk.emplace();
  CHECK_EQ(shape(network_file_json(file)),
           "{format:text,name:text,root:text,epoch:number,psk:text,previous_psk:text,admin:text}");
  CHECK(network_file_json(file).ends_with("}\n"));
}

TEST_CASE("control/network_file: the admin file is another format, and no network file") {
  ByteArray<32> seed{};
  seed.fill(0xab);
  const std::string text = admin_file_json("home", seed);
  CHECK_EQ(shape(text), "{format:text,name:text,secret:text}");
  CHECK_EQ(at(text, "/format"), "kith-network-admin/1");
  CHECK_EQ(at(text, "/secret").size(), 64);
  CHECK_EQ(told(text), "/format: \"kith-network-admin/1\" is not kith-network/1");
}

TEST_CASE("control/network_file: what a later version adds is passed over") {
  CHECK_EQ(told(with("\"epoch\"", "\"later\": [1, {}], \"epoch\"")), "accepted");
  CHECK_EQ(told("\xef\xbb\xbf" + network_file_json(sample())), "accepted");  // an editor's mark
}

TEST_CASE("control/network_file: what is no JSON object is said to be none") {
  const std::string whole = network_file_json(sample());
  for (const std::string& text :
       {std::string(), std::string("\n"), std::string("null"), std::string("[]"), std::string("5"),
        std::string("\"home\""), std::string("{"), std::string(100'000, '['), whole + whole,
        whole.substr(0, whole.size() / 2), with("home", "h\xff"), with("home", "h\nm"),
        std::string("\0", 1), whole + std::string("\0{", 2),
        std::string("-----BEGIN CERTIFICATE-----\n")})
    CHECK_EQ(told(text), "not a JSON object");
}

TEST_CASE("control/network_file: a missing, mistyped or unknown format is named") {
  const std::string missing = "/format: missing; a network file is made by: kith network new NAME";
  CHECK_EQ(told("{}"), missing);
  CHECK_EQ(told(with("\"kith-network/1\"", "1")), missing);
  CHECK_EQ(told(with("\"kith-network/1\"", "null")), missing);
  CHECK_EQ(told(with("kith-network/1", "kith-network/2")),
           "/format: \"kith-network/2\" is not kith-network/1");
  CHECK_EQ(told(with("kith-network/1", "\\u001b[2J\\n")),
           "/format: \"\\x1b[2J\\x0a\" is not kith-network/1");
}

TEST_CASE("control/network_file: each damaged field is named with what it must be") {
  const std::string name = "/name: 1 to 64 printable bytes of UTF-8 without a slash";
  CHECK_EQ(told(with("\"home\"", "5")), name);
  CHECK_EQ(told(with("\"name\"", "\"nome\"")), name);
  CHECK_EQ(told(with("home", "")), name);
  CHECK_EQ(told(with("home", "a/b")), name);
  CHECK_EQ(told(with("home", "a\\u0000b")), name);
  CHECK_EQ(told(with("home", std::string(65, 'n'))), name);
  for (const char* field : {"root", "psk", "admin"}) {
    const std::string quoted = std::string("\"") + field + "\": \"",
                      place = std::string("/") + field;
    CHECK_EQ(told(with(quoted, "\"x\": \"")), place + ": 64 hex digits are missing");
    CHECK_EQ(told(with(quoted, quoted + "1")), place + ": not 64 hex digits");
    CHECK_EQ(told(with(quoted, quoted + "11")), place + ": not 64 hex digits");
    CHECK_EQ(told(with(quoted, "\"" + std::string(field) + "\": \"\", \"x\": \"")),
             place + ": not 64 hex digits");
    CHECK_EQ(told(with(quoted, "\"" + std::string(field) + "\": [], \"x\": \"")),
             place + ": 64 hex digits are missing");
  }
  CHECK_EQ(told(with("\"psk\": \"22", "\"psk\": \"2g")), "/psk: not 64 hex digits");
  CHECK_EQ(told(with("\"psk\"", "\"previous_psk\": \"22\", \"psk\"")),
           "/previous_psk: not 64 hex digits");
  CHECK_EQ(told(with("\"psk\"", "\"previous_psk\": null, \"psk\"")),
           "/previous_psk: 64 hex digits are missing");
}

TEST_CASE("control/network_file: an epoch is a whole number from 1") {
  const std::string epoch = "/epoch: a positive number is missing";
  for (const char* wrong :
       {"0", "-1", "1.5", "1e3", "\"3\"", "null", "true", "[]", "18446744073709551616"}) {
    INFO(std::string(wrong));
    CHECK_EQ(told(with("\"epoch\": 3", std::string("\"epoch\": ") + wrong)), epoch);
  }
  CHECK_EQ(told(with("\"epoch\"", "\"epocha\"")), epoch);
  CHECK_EQ(told(with("\"epoch\": 3", "\"epoch\": 1")), "accepted");
}

TEST_CASE("control/network_file: a name is 1 to 64 printable bytes without a slash") {
  CHECK(valid_network_name("home"));
  CHECK(valid_network_name("my home, 2"));
  CHECK(valid_network_name("\xe5\xae\xb6"));
  CHECK(valid_network_name(std::string(64, 'n')));
  for (const std::string& wrong :
       {std::string(), std::string(65, 'n'), std::string("a/b"), std::string("a\nb"),
        std::string("a\x7f"), std::string("\xc2\x85"), std::string("\xff"), std::string(1, '\0')})
    CHECK_FALSE(valid_network_name(wrong));
}
