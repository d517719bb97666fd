// Values on the command line: addresses of the API, conditions of wait, sources of a value, words
// that were misspelt. Each is understood or refused in one harmless line.
#include "arguments.hpp"
#include "http_client.hpp"
#include "kith/control/parse.hpp"
#include "target.hpp"
#include "value_source.hpp"
#include "wait.hpp"

using namespace kith;
using namespace kith::tool;

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Seeds seeds;
  for (const std::string_view text :
       {"http://127.0.0.1:4750/", "http://localhost:1", "unix:/run/x.sock", "http://[::1]:9",
        "members=3", "key:greeting", "ready", "members=0", "-", "@file", "hello", "mebmers",
        "network new"})
    seeds.push_back(fuzz::text(text));
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(as_text({data, std::min<std::size_t>(size, 600)}));
  if (const auto address = parse_api_url(text)) {
    KITH_ASSERT(address->tcp.has_value() == address->socket_path.empty());
    if (address->tcp) KITH_ASSERT(address->tcp->ip.is_loopback() && address->tcp->port != 0);
  }
  const auto condition = parse_condition(text);
  if (condition) {
    KITH_ASSERT(condition->kind != Condition::Kind::members || condition->members > 0);
    if (condition->kind == Condition::Kind::key)
      KITH_ASSERT(control::check_key(condition->key) == control::KeyError::none);
    else
      missing(*condition, Status{});
  } else {
    KITH_ASSERT(!condition.error().empty());
  }
  const auto source = value_source(&text, true);
  KITH_ASSERT(source.has_value());
  if (source->kind == ValueSource::Kind::text) KITH_ASSERT(source->text == text);
  if (source->kind == ValueSource::Kind::file) KITH_ASSERT("@" + source->text == text);

  std::vector<std::string> known;
  for (const Verb& verb : verbs()) known.push_back(verb.name);
  if (find_verb(text)) KITH_ASSERT(std::find(known.begin(), known.end(), text) != known.end());
  did_you_mean(text, known);
  return 0;
}
