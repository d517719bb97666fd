#include "opening.hpp"

#include <unistd.h>

#include "kith/control/network_file.hpp"
#include "kith/control/parse.hpp"
#include "kith/crypto/hash.hpp"
#include "kith/runtime/clock.hpp"
#include "places.hpp"

namespace kith::app {
namespace {

constexpr std::size_t network_file_limit = 64 * 1024;

Failure<Exit> stop(int code, std::string message) {
  return Failure<Exit>(Exit{code, std::move(message)});
}

Result<void, Exit> take_network(const Settings& settings, node::Config& config) {
  config.mode = settings.mode;
  config.network_name = settings.network;
  if (settings.network_file.empty()) {
    // A public network is its name: everybody who says it means the same one.
    if (settings.mode == Mode::public_) {
      const Hash256 root =
          crypto::hash256({as_bytes("kith public network"), as_bytes(settings.network)});
      config.root.assign(root.bytes.begin(), root.bytes.end());
    }
    return {};
  }
  const auto text = storage::read_file(settings.network_file, network_file_limit);
  if (!text)
    return stop(2, settings.network_file + ": the network file: " + unreadable(text.error()) +
                       "; make one with: kith network new NAME");
  const auto file = control::parse_network_file(as_text(*text));
  if (!file) return stop(2, settings.network_file + ": not a network file: " + file.error());
  if (settings.network_given && settings.network != file->name)
    return stop(2, "--network " + settings.network + ": the network file is for \"" + file->name +
                       "\"; leave --network out");
  config.network_name = file->name;
  config.root.assign(file->root.begin(), file->root.end());
  config.psk = file->psk;
  config.previous_psk = file->previous_psk;
  return {};
}

// A database from just before an adoption whose second half a crash cut off. One that holds records
// stays in its network, as it would have without the crash.
Result<void, Exit> open_storage(Opened& out) {
  const storage::Options options{out.data, std::size_t{1} << 30, network_of(out.node),
                                 out.identity->id()};
  auto opened = storage::Storage::open(options);
  if (!opened && opened.error().error == storage::OpenError::foreign_network && out.lan.previous) {
    node::Config before = out.node;
    before.root.assign(out.lan.previous->begin(), out.lan.previous->end());
    storage::Options previous = options;
    previous.network = network_of(before);
    opened = storage::Storage::open(previous);
    if (opened && !(*opened)->change_network(options.network, false, synced_entry)) {
      // What failed to be written may be there all the same at the next start: both ids stay.
      if ((*opened)->stats().failed)
        return stop(1, out.data.string() + ": the disk failed to write; check it and start again");
      out.lan.current = *out.lan.previous;
      out.node.root = before.root;
    }
  }
  if (!opened) return stop(1, opened.error().message);
  out.storage = std::move(*opened);
  return {};
}

Result<void, Exit> bind(const Settings& settings, Opened& out) {
  runtime::PortOptions options;
  options.listen = settings.listen;
  options.last = load_port(out.data);
  if (options.listen.empty()) {
    options.listen = {{IpAddress::v4(0, 0, 0, 0), 0}, {IpAddress::v6_any(), 0}};
    options.movable = true;
  }
  auto bound = runtime::bind_ports(options);
  if (!bound) return stop(1, bound.error().message);
  out.ports = std::move(*bound);
  for (const runtime::BoundPort& port : out.ports) out.node.listen.push_back(port.endpoint);
  const std::uint16_t port = out.ports.front().endpoint.port;
  if (options.movable && port != options.last && !save_port(out.data, port))
    out.warnings.push_back((out.data / "port").string() +
                           " could not be written: the port may change at the next start");
  if (options.movable && port != runtime::default_port && options.last == 0)
    out.warnings.push_back("port 4747 is taken: listening on " + std::to_string(port) +
                           ", and telling others so");
  return {};
}

}  // namespace

NetworkId network_of(const node::Config& config) {
  return crypto::network_id(config.root, config.network_name);
}

std::string default_name(const Settings& settings) {
  if (!settings.name.empty()) return settings.name;
  char host[65] = "node";
  ::gethostname(host, sizeof host - 1);
  std::string name = host;
  if (settings.instance != "default") name += "-" + settings.instance;
  if (name.size() > 64) name.resize(64);
  return control::valid_utf8(name) ? name : "node";
}

Result<Opened, Exit> check_written(const Settings& settings) {
  Opened out;
  out.data = settings.data_dir.empty() ? data_directory(settings.instance)
                                       : std::filesystem::path(settings.data_dir);
  out.socket = settings.socket.empty() ? socket_path(settings.instance, out.data)
                                       : std::filesystem::path(settings.socket);
  if (out.socket.string().size() > 107)
    return stop(2, out.socket.string() +
                       ": the socket path is over 107 bytes; give a shorter one with --socket");
  if (const auto network = take_network(settings, out.node); !network)
    return Failure<Exit>(network.error());
  return out;
}

Result<Opened, Exit> open_everything(const Settings& settings) {
  auto checked = check_written(settings);
  if (!checked) return checked;
  Opened out = std::move(*checked);

  std::error_code error = storage::make_directories(out.data);
  if (error)
    return stop(1, out.data.string() + ": cannot make the data directory: " + error.message() +
                       "; choose another with --data-dir");
  // One that was there before is somebody's, /tmp perhaps: it stays as it is.
  const auto mode = std::filesystem::status(out.data, error).permissions();
  constexpr auto others =
      std::filesystem::perms::group_write | std::filesystem::perms::others_write;
  if (!error && (mode & others) != std::filesystem::perms::none)
    out.warnings.push_back(out.data.string() +
                           ": others may write in the data directory; chmod go-w");

  auto identity = load_identity(out.data);
  if (!identity) return stop(1, identity.error());
  out.identity = *identity;
  if (settings.mode == Mode::lan) {
    auto lan = load_lan(out.data);
    if (!lan) return stop(1, lan.error());
    out.lan = *lan;
    out.node.root.assign(out.lan.current.begin(), out.lan.current.end());
  }
  if (const auto storage = open_storage(out); !storage) return Failure<Exit>(storage.error());
  if (out.lan.previous && !save_lan(out.data, {out.lan.current, std::nullopt}))
    out.warnings.push_back((out.data / "lan.id").string() + " could not be written");
  if (settings.http) {
    auto token = load_token(out.data);
    if (!token) return stop(1, token.error());
    out.token = *token;
  }
  if (const auto ports = bind(settings, out); !ports) return Failure<Exit>(ports.error());

  const ByteArray<32> entropy = runtime::system_entropy();
  std::copy_n(entropy.begin(), out.node.boot.bytes.size(), out.node.boot.bytes.begin());
  out.node.name = default_name(settings);
  for (const auto& [key, value] : settings.tags) out.node.tags.push_back({key, value});
  out.node.version = KITH_VERSION;
  out.node.lan_discovery = !settings.no_lan;
  out.node.trust_first = settings.trust_first;
  out.node.lan_exclude = settings.lan_exclude;
  out.node.advertise = settings.advertise;
  out.node.join = settings.join;
  return out;
}

}  // namespace kith::app
