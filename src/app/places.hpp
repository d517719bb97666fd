// Places: where an instance keeps its data and its socket. The command line looks in the same
// order (tools/kith includes this file through kith_places).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace kith::app {

// $XDG_STATE_HOME/kith/NAME, else ~/.local/state/kith/NAME; under systemd $STATE_DIRECTORY.
std::filesystem::path data_directory(const std::string& instance);

// Where the daemon puts its socket: $XDG_RUNTIME_DIR/kith/NAME.sock, else /run/kith/NAME.sock
// (root), else in the data directory.
std::filesystem::path socket_path(const std::string& instance, const std::filesystem::path& data);

// Where a client looks, in that order.
std::vector<std::filesystem::path> socket_candidates(const std::string& instance);

// $XDG_CONFIG_HOME/kith/kithd.json, else ~/.config/kith/kithd.json; empty when there is no home.
std::filesystem::path user_config();

}  // namespace kith::app
