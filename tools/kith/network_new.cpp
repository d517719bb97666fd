// network new: makes a private network's two files. No daemon is asked.
#include <sys/stat.h>
#include <unistd.h>

#include "kith/control/network_file.hpp"
#include "kith/control/parse.hpp"
#include "kith/crypto/identity.hpp"
#include "kith/crypto/random.hpp"
#include "kith/runtime/clock.hpp"
#include "kith/storage/storage.hpp"
#include "verbs.hpp"

namespace kith::tool {
namespace {

std::string why(storage::FileError error) {
  switch (error) {
    case storage::FileError::missing:
      return "its directory does not exist";
    case storage::FileError::permission:
      return "permission denied";
    case storage::FileError::no_space:
      return "no space left on the disk";
    case storage::FileError::exists:
      return "it exists and is never overwritten";
    default:
      return "it cannot be written";
  }
}

bool exists(const std::string& path) {
  struct stat state{};
  return ::lstat(path.c_str(), &state) == 0;
}

Failure<Problem> not_written(const std::string& path, storage::FileError error) {
  const bool there = error == storage::FileError::exists;
  return problem(exit_failed, path + ": " + why(error),
                 there ? "choose another name with --out FILE" : "");
}

}  // namespace

Outcome run_network_new(Call& call) {
  const std::string name = call.arguments.get("name");
  if (!control::valid_network_name(name))
    return problem(exit_usage, "\"" + name + "\" is not a network's name",
                   "1 to 64 printable bytes of UTF-8 without a slash");
  const std::string* out = call.arguments.find("out");
  const std::string path = out ? *out : name + ".network", admin_path = path + ".admin";
  if (path.empty()) return problem(exit_usage, "--out: the file's name is empty");
  for (const std::string& file : {path, admin_path})
    if (exists(file)) return not_written(file, storage::FileError::exists);

  crypto::SecretRng random(runtime::system_entropy());
  const auto seed = random.draw<32>();
  control::NetworkFile network{name, random.draw<32>(), 1, random.draw<32>()};
  const auto key = crypto::Identity::from_seed(seed).public_key();
  std::ranges::copy(key.view(), network.admin.begin());
  // The admin file first: a network without it could never rotate its secret.
  const auto admin =
      storage::write_file(admin_path, as_bytes(control::admin_file_json(name, seed)), false);
  if (!admin) return not_written(admin_path, admin.error());
  const auto written =
      storage::write_file(path, as_bytes(control::network_file_json(network)), false);
  if (!written) {
    ::unlink(admin_path.c_str());  // ours, made a moment ago
    return not_written(path, written.error());
  }
  if (call.json())
    return print_line(object({{"schema", "kith/network-new/1"},
                              {"name", name},
                              {"file", path},
                              {"admin_file", admin_path}}));
  if (!call.quiet())
    std::fprintf(stderr,
                 "every member needs %s: kithd --network-file %s\n%s stays with you: it rotates "
                 "the secret\n",
                 control::escape_controls(path).c_str(), control::escape_controls(path).c_str(),
                 control::escape_controls(admin_path).c_str());
  return print_line(control::escape_controls(path));
}

}  // namespace kith::tool
