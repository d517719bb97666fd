#include "places.hpp"

#include <unistd.h>

#include <cstdlib>

namespace kith::app {
namespace {

std::filesystem::path environment_path(const char* name) {
  const char* value = std::getenv(name);
  // XDG: relative paths are invalid and ignored.
  return value && value[0] == '/' ? std::filesystem::path(value) : std::filesystem::path();
}

std::filesystem::path home_or(const char* xdg, const char* below_home) {
  if (auto path = environment_path(xdg); !path.empty()) return path;
  const auto home = environment_path("HOME");
  return home.empty() ? std::filesystem::path() : home / below_home;
}

std::filesystem::path socket_file(const std::string& instance) {
  return std::filesystem::path("kith") / (instance + ".sock");
}

}  // namespace

std::filesystem::path data_directory(const std::string& instance) {
  if (auto state = environment_path("STATE_DIRECTORY"); !state.empty()) return state / instance;
  const auto state = home_or("XDG_STATE_HOME", ".local/state");
  return (state.empty() ? std::filesystem::path("/var/lib") : state) / "kith" / instance;
}

std::filesystem::path socket_path(const std::string& instance, const std::filesystem::path& data) {
  if (auto runtime = environment_path("XDG_RUNTIME_DIR"); !runtime.empty())
    return runtime / socket_file(instance);
  if (auto runtime = environment_path("RUNTIME_DIRECTORY"); !runtime.empty())
    return runtime / (instance + ".sock");
  if (::geteuid() == 0) return std::filesystem::path("/run") / socket_file(instance);
  return data / "kithd.sock";
}

std::vector<std::filesystem::path> socket_candidates(const std::string& instance) {
  std::vector<std::filesystem::path> out;
  if (auto runtime = environment_path("XDG_RUNTIME_DIR"); !runtime.empty())
    out.push_back(runtime / socket_file(instance));
  out.push_back(std::filesystem::path("/run") / socket_file(instance));
  out.push_back(data_directory(instance) / "kithd.sock");
  return out;
}

std::filesystem::path user_config() {
  const auto config = home_or("XDG_CONFIG_HOME", ".config");
  return config.empty() ? config : config / "kith/kithd.json";
}

}  // namespace kith::app
