// The triple's third leg: the worked examples of src/PROTOCOL.md are what the codec writes.
// With KITH_REWRITE_SCENES=1 they are written anew; read the difference.
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "samples.hpp"

using namespace kith;

namespace {

std::string examples() {
  constexpr std::array names{"ping",      "ack",          "probe_request", "nack",
                             "gossip",    "pull_members", "members",       "heard",
                             "reconcile", "reconciled",   "store",         "stored",
                             "fetch",     "fetched",      "find_nodes",    "nodes_found"};
  std::string out;
  for (const wire::Message& message : test::sample_messages())
    out += std::string(names[message.index()]) + ": " + to_hex(wire::encode(message).view()) + "\n";
  const Bytes body = wire::member_record_body(test::sample_member());
  out += "member_record_body: " + to_hex(body) + "\n";
  out += "record_head: " + to_hex(wire::record_head(test::sample_record())) + "\n";
  return out;
}

}  // namespace

TEST_CASE("wire/protocol: the worked examples in PROTOCOL.md are what the codec writes") {
  std::ifstream in(KITH_PROTOCOL);
  std::stringstream text;
  text << in.rdbuf();
  const std::string document = text.str();
  const auto begin = document.rfind("## 8. Worked examples");
  REQUIRE_NE(begin, std::string::npos);
  const auto open = document.find("```\n", begin) + 4;
  const auto close = document.find("```", open);
  if (std::getenv("KITH_REWRITE_SCENES")) {
    std::ofstream out(KITH_PROTOCOL);
    out << document.substr(0, open) << examples() << document.substr(close);
    return;
  }
  CHECK_EQ(document.substr(open, close - open), examples());
}
