// kithd: one daemon, the same on every machine. Reads what a person wrote, then runs.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "daemon.hpp"
#include "keeping.hpp"
#include "kith/control/parse.hpp"
#include "kith/storage/storage.hpp"
#include "log.hpp"
#include "places.hpp"

namespace kith::app {
namespace {

constexpr std::size_t config_limit = 1 << 20;
constexpr std::string_view system_config = "/etc/kith/kithd.json";

int complain(int code, const std::string& message) {
  std::fprintf(stderr, "kithd: %s\n", control::escape_controls(message).c_str());
  return code;
}

struct Flags {
  Layer layer;
  std::string config;
  bool check_only = false;
};

// Built from the one table of options, so that flags, files and environment cannot drift apart.
struct Parser {
  CLI::App app{
      "kithd: a peer-to-peer overlay daemon. Without arguments it finds the others on this LAN.",
      "kithd"};
  std::map<std::string, bool> flags;
  std::string config;
  bool check_only = false, version = false;

  Parser() {
    app.set_help_flag("--help,-h", "show this and exit");
    app.add_flag("--version", version, "show the version and exit");
    app.add_option("--config", config, "configuration file; its keys are these flags with _")
        ->type_name("FILE")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    app.add_flag("--check-config", check_only, "check everything that was written, and exit");
    for (const Option& option : options()) {
      std::string names = "--" + option.name;
      if (option.name == "network-file") names += ",--secret-file";
      if (option.kind == Option::Kind::flag) {
        app.add_flag(names, flags[option.name], option.help);
        continue;
      }
      // Without a variable: CLI11 would take "[a,b]" and "{}" for lists.
      CLI::Option* added = app.add_option(names, option.help)->type_name(option.value)->expected(1);
      if (option.kind == Option::Kind::text)
        added->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
      else
        added->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }
  }

  Flags taken() const {
    Flags out{{}, config, check_only};
    for (const Option& option : options()) {
      const std::string name = "--" + option.name;
      if (app.count(name) == 0) continue;
      std::vector<std::string> values = app.get_option(name)->results();
      if (option.kind == Option::Kind::flag) values = {flags.at(option.name) ? "true" : "false"};
      out.layer[option.name] = {std::move(values), name};
    }
    return out;
  }
};

std::vector<std::string> environment() {
  std::vector<std::string> out;
  for (char** variable = environ; *variable; ++variable) out.emplace_back(*variable);
  return out;
}

// A file that may be missing, unless somebody named it.
Result<Layer, std::string> read_layer(const std::filesystem::path& path, bool named) {
  if (path.empty()) return Layer{};
  const auto text = storage::read_file(path, config_limit);
  if (!text && text.error() == storage::FileError::missing && !named) return Layer{};
  if (!text)
    return Failure<std::string>(path.string() +
                                ": the configuration file: " + unreadable(text.error()));
  return layer_from_file(path.string(), to_text(*text));
}

int run(int argc, char** argv) {
  Parser parser;
  try {
    parser.app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::fputs(parser.app.help().c_str(), stdout);
    return 0;
  } catch (const CLI::ParseError& error) {
    return complain(2, std::string(error.what()) + "; kithd --help lists the flags");
  }
  if (parser.version) {
    std::puts("kithd " KITH_VERSION);
    return 0;
  }
  const Flags flags = parser.taken();
  if (parser.app.count("--config") > 0 && flags.config.empty())
    return complain(2, "--config: \"\": it is empty");
  const Environment from_environment = layer_from_environment(environment());
  const char* named_by_environment = std::getenv("KITH_CONFIG");
  const std::string named = !flags.config.empty()  ? flags.config
                            : named_by_environment ? named_by_environment
                                                   : "";

  Layer layer;
  for (const auto& [path, must_exist] :
       {std::pair(std::filesystem::path(system_config), false), std::pair(user_config(), false),
        std::pair(std::filesystem::path(named), true)}) {
    const auto file = read_layer(path, must_exist);
    if (!file) return complain(2, file.error());
    lay_over(layer, *file);
  }
  lay_over(layer, from_environment.layer);
  lay_over(layer, flags.layer);
  const auto settings = understand(layer);
  if (!settings) return complain(2, settings.error());

  set_up_log(settings->log_level, settings->log_format);
  for (const std::string& warning : from_environment.warnings) log(Level::warn, warning);
  const Exit exit = run_daemon(*settings, flags.check_only);
  if (exit.code != 0) return complain(exit.code, exit.message);
  if (flags.check_only) log(Level::info, "the configuration is fine");
  return 0;
}

}  // namespace
}  // namespace kith::app

int main(int argc, char** argv) {
  // A standard descriptor that is closed would be the next file opened, the database say, and the
  // log would be written into it.
  for (int fd = 0; fd >= 0 && fd <= STDERR_FILENO;) {
    fd = ::open("/dev/null", O_RDWR);
    if (fd > STDERR_FILENO) ::close(fd);
  }
  std::signal(SIGPIPE, SIG_IGN);  // whoever reads the log may go away
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on the size of files (ulimit -f) is a full disk
  try {
    return kith::app::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kithd: cannot start: %s\n", error.what());
    return 1;
  }
}
