// Log: lines to stderr, as text or JSON. What a person wants to know of a daemon's day, nothing a
// packet can cause.
#pragma once

#include <string>
#include <string_view>

namespace kith::app {

enum class Level : int { debug, info, warn, error };

void set_up_log(std::string_view level, std::string_view format);
void log(Level level, std::string_view message);

}  // namespace kith::app
