// Real daemons for a benchmark: each on 127.0.0.1 with a port of its own, gone when this goes.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "../kith/http_client.hpp"

namespace kith::bench {

class Daemons {
 public:
  // Flags are added to each; `kithd` stands beside this program.
  explicit Daemons(std::size_t count, std::vector<std::string> flags = {});
  ~Daemons();
  Daemons(const Daemons&) = delete;
  Daemons& operator=(const Daemons&) = delete;

  std::size_t size() const { return pids_.size(); }
  pid_t pid(std::size_t i) const { return pids_[i]; }
  const std::filesystem::path& directory() const { return directory_; }
  tool::Response fetch(std::size_t i, const std::string& method, const std::string& target,
                       std::string body = {}) const;
  bool says(std::size_t i, const std::string& target, const std::string& text) const;
  void wait_until_all(const std::string& text) const;  // in /v1/status; throws after 30 s
  Endpoint endpoint(std::size_t i) const;              // of its UDP and TCP port
  double metric(std::size_t i, const std::string& sample) const;

 private:
  std::filesystem::path directory_;
  std::vector<pid_t> pids_;
};

}  // namespace kith::bench
