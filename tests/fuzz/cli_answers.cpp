// The daemon's answers as the command line reads them: a whole object or none, and what is printed
// of them cannot steer a terminal.
#include <nlohmann/json.hpp>

#include "answers.hpp"
#include "kith/control/parse.hpp"
#include "target.hpp"

using namespace kith;
using namespace kith::tool;

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Seeds seeds;
  for (const std::string_view text :
       {R"({"ok":true,"verb":"ping","id":"x","name":"n","rtt_ms":1.5})",
        R"({"n":1,"time":"t","type":"member.alive","id":"x","seq":4})",
        R"({"ok":false,"error":{"code":"usage","exit":2,"message":"m","hint":"h"}})",
        R"({"members":[{"id":"a","name":"b","state":"alive","addresses":["10.0.0.1:1"]}]})",
        R"({"a":1e999})", "{\"a\":\"\x7f\xc2\x9b\"}"})
    seeds.push_back(fuzz::text(text));
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string body(as_text({data, size}));
  parse<Status>(body);
  parse<std::vector<tool::Member>>(body);
  parse<PutAnswer>(body);
  parse<LookupAnswer>(body);
  parse<JoinAnswer>(body);
  parse<PingAnswer>(body);
  if (const auto event = parse<Event>(body)) KITH_ASSERT(event->fields.size() <= size);
  if (const auto problem = parse_error(body)) KITH_ASSERT(problem->answer == body);
  KITH_ASSERT(result_in(body).size() <= 6 * size + 16);
  KITH_ASSERT(attempts_in(body).size() <= size);
  const auto json = nlohmann::json::parse(body, nullptr, false);
  // The library takes a NUL for the end of the text.
  if (!json.is_discarded() && body.find('\0') == std::string::npos) {
    std::string shown = one_line(body);
    KITH_ASSERT(nlohmann::json::parse(shown) == json);
    std::erase_if(shown, [](char c) { return c == '\n' || c == '\r' || c == '\t'; });
    KITH_ASSERT(control::escape_controls(shown) == shown);
  }

  const std::string made = object({{"text", body}, {"number", std::uint64_t{7}}});
  KITH_ASSERT(control::valid_utf8(made));
  const auto problem = parse_error(error_json({2, body, body, {}}));
  KITH_ASSERT(problem.has_value() && problem->exit == 2);
  return 0;
}
