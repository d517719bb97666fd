// Configuration files and KITH_* variables: anything a person writes becomes settings or one line
// that begins with where it stands.
#include "kith/control/parse.hpp"
#include "settings.hpp"
#include "target.hpp"

using namespace kith;
using namespace kith::app;

namespace {

void check_error(const std::string& error, std::string_view begins) {
  KITH_ASSERT(error.starts_with(begins));
  KITH_ASSERT(control::escape_controls(error) == error);
}

void check(const Layer& layer) {
  const auto settings = understand(layer);
  if (!settings) return check_error(settings.error(), "");
  KITH_ASSERT(!settings->instance.empty() && settings->instance.size() <= 32);
  KITH_ASSERT(settings->tags.size() <= 16);
  for (const Endpoint& endpoint : settings->advertise) KITH_ASSERT(endpoint.port != 0);
}

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Seeds seeds;
  for (const std::string_view text :
       {R"({"name": "nas", "join": ["10.0.0.1:4747"], "trust_first": true})",
        R"({/* a */ "tag": ["rack=2"], // b
            "log_level": "debug", "mode": "public", "network": "n"})",
        R"({"nmae": "x"})", R"({"name": 1e999})", R"({"listen": ["0.0.0.0:0"], "http": "[::1]:1"})",
        R"({"a\n": 1})", "[]", "{"})
    seeds.push_back(fuzz::text(text));
  seeds.push_back(fuzz::text(std::string_view("\1KITH_NAME=x\0KITH_JOIN=a,b\0KITH_NO=1", 36)));
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(as_text({data, size}));
  if (size > 0 && data[0] == 1) {
    std::vector<std::string> variables;
    for (std::size_t at = 1; at < size; at += variables.back().size() + 1)
      variables.push_back(text.substr(at, text.find('\0', at) - at));
    const Environment environment = layer_from_environment(variables);
    KITH_ASSERT(environment.warnings.size() + environment.layer.size() <= variables.size());
    for (const std::string& warning : environment.warnings) check_error(warning, "unknown");
    check(environment.layer);
    return 0;
  }
  const auto layer = layer_from_file("kithd.json", text);
  if (layer)
    check(*layer);
  else
    check_error(layer.error(), "kithd.json:");
  return 0;
}
