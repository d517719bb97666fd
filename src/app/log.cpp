#include "log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "kith/control/parse.hpp"

namespace kith::app {
namespace {

bool as_json = false;

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"";
}

}  // namespace

void set_up_log(std::string_view level, std::string_view format) {
  auto logger =
      std::make_shared<spdlog::logger>("kithd", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  as_json = format == "json";
  logger->set_pattern(as_json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":%v})"
                              : "%Y-%m-%dT%H:%M:%S.%eZ %-7l %v",
                      spdlog::pattern_time_type::utc);
  logger->set_level(spdlog::level::from_str(std::string(level)));
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
}

void log(Level level, std::string_view message) {
  constexpr std::array levels{spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                              spdlog::level::err};
  const std::string safe = control::escape_controls(message);
  spdlog::log(levels[static_cast<std::size_t>(level)], "{}", as_json ? json_string(safe) : safe);
}

}  // namespace kith::app
