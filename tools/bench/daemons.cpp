#include "daemons.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>

namespace kith::bench {
namespace {

using namespace std::chrono;

std::filesystem::path beside_us() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

}  // namespace

Daemons::Daemons(std::size_t count, std::vector<std::string> flags) {
  std::string pattern = (std::filesystem::temp_directory_path() / "kith-bench-XXXXXX").string();
  if (!::mkdtemp(pattern.data())) throw std::runtime_error("cannot make a temporary directory");
  directory_ = pattern;
  const std::string program = (beside_us() / "kithd").string();
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = "n" + std::to_string(i);
    std::vector<std::string> words{program,
                                   "--data-dir",
                                   (directory_ / name).string(),
                                   "--socket",
                                   (directory_ / (name + ".sock")).string(),
                                   "--name",
                                   name,
                                   "--listen",
                                   "127.0.0.1:0"};
    words.insert(words.end(), flags.begin(), flags.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const std::string log = (directory_ / (name + ".log")).string();
    const pid_t pid = ::fork();
    if (pid == 0) {
      const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT, 0600);
      ::dup2(fd, 2);
      ::execv(program.c_str(), arguments.data());
      ::_exit(127);
    }
    pids_.push_back(pid);
  }
}

Daemons::~Daemons() {
  for (const pid_t pid : pids_) ::kill(pid, SIGKILL);
  for (const pid_t pid : pids_) ::waitpid(pid, nullptr, 0);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

tool::Response Daemons::fetch(std::size_t i, const std::string& method, const std::string& target,
                              std::string body) const {
  const tool::ApiAddress address{
      (directory_ / ("n" + std::to_string(i) + ".sock")).string(), std::nullopt, {}};
  const auto answer = tool::fetch(address, {method, target, {}, std::move(body)},
                                  steady_clock::now() + seconds(20));
  if (!answer)
    throw std::runtime_error("daemon " + std::to_string(i) + ": " + answer.error().message);
  return *answer;
}

bool Daemons::says(std::size_t i, const std::string& target, const std::string& text) const {
  try {
    return fetch(i, "GET", target).body.find(text) != std::string::npos;
  } catch (const std::exception&) {
    return false;  // not up yet
  }
}

void Daemons::wait_until_all(const std::string& text) const {
  const auto limit = steady_clock::now() + seconds(30);
  for (std::size_t i = 0; i < size(); ++i)
    while (!says(i, "/v1/status", text)) {
      if (steady_clock::now() > limit) throw std::runtime_error("daemons did not reach " + text);
      ::poll(nullptr, 0, 10);
    }
}

Endpoint Daemons::endpoint(std::size_t i) const {
  const std::string body = fetch(i, "GET", "/v1/status").body;
  const auto at = body.find("127.0.0.1:");
  const auto parsed = parse_endpoint(body.substr(at, body.find('"', at) - at));
  if (!parsed) throw std::runtime_error("no listen address in the status");
  return *parsed;
}

double Daemons::metric(std::size_t i, const std::string& sample) const {
  const std::string body = "\n" + fetch(i, "GET", "/metrics").body;
  const auto at = body.find("\n" + sample + " ");
  return at == std::string::npos ? 0 : std::stod(body.substr(at + sample.size() + 2));
}

}  // namespace kith::bench
