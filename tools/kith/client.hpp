// Client: finds the daemon and asks it. It knows places, deadlines and exit codes; the verbs know
// what to ask. Where the daemon is: --socket, --api or --instance, else KITH_API, KITH_SOCKET or
// KITH_INSTANCE, else the instance "default"; for an instance, every place its socket may be.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "arguments.hpp"
#include "http_client.hpp"

namespace kith::tool {

class Client {
 public:
  // Reads flags and environment; asks nothing yet. `limit`: of the whole command, from now on.
  static Result<Client, Problem> make(const Arguments& arguments,
                                      std::optional<std::chrono::milliseconds> limit);

  // The answer, unless it is an error: then its problem. With `on_line` a stream of lines.
  Result<Response, Problem> ask(Request request, const OnLine& on_line = {}) const;
  Result<Response, Problem> get(std::string target) const {
    return ask({"GET", std::move(target), {}, {}});
  }

  const std::optional<Deadline>& deadline() const { return deadline_; }
  // What is left for the daemon, slightly less than for us: its own honest answer shall arrive.
  // "4750ms"; empty without a limit. Never less than 1 ms.
  std::string time_left() const;
  // Sleeps, no longer than the deadline. False: it has passed.
  bool pause(std::chrono::milliseconds at_most) const;
  // A pidfd of the daemon behind a unix socket, -1 when it cannot be had. The caller closes it.
  int daemon_process() const;

 private:
  std::vector<ApiAddress> addresses_;        // tried in this order
  const Arguments* token_wanted_ = nullptr;  // over TCP; they outlive the client
  std::string how_to_start_;
  std::optional<Deadline> deadline_;
};

bool valid_instance(std::string_view name);

}  // namespace kith::tool
