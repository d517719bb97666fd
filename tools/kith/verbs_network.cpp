// The network: join, leave, forget.
#include <poll.h>
#include <unistd.h>

#include "kith/control/parse.hpp"
#include "table.hpp"
#include "verbs.hpp"

namespace kith::tool {
namespace {

constexpr std::chrono::milliseconds leave_poll(10);

}  // namespace

Outcome run_join(Call& call) {
  Client& client = call.client;
  const bool adopt = call.arguments.has("adopt"), trust = call.arguments.has("trust-first");
  const std::string target = call.arguments.get("target");
  const std::string body = adopt && trust
                               ? post_body(client, "target", target, {"adopt", "trust_first"})
                           : adopt ? post_body(client, "target", target, {"adopt"})
                           : trust ? post_body(client, "target", target, {"trust_first"})
                                   : post_body(client, "target", target);
  const auto answer = client.ask({"POST", "/v1/join", {}, body});
  return show_answer<JoinAnswer>(call, answer, [&](const JoinAnswer& join) {
    if (call.quiet()) return std::string();
    return "joined " + control::escape_controls(label(join.peer)) + " (" + short_id(join.peer.id) +
           ") at " + control::escape_controls(join.target) + "\n";
  });
}

Outcome run_leave(Call& call) {
  Client& client = call.client;
  // Asked for first: whoever starts the next daemon on this data must not meet this one's lock.
  const int process = client.daemon_process();
  const auto answer = client.ask({"POST", "/v1/leave", {}, post_body(client, "", "")});
  bool ended = false;
  while (answer && !ended && client.pause(leave_poll)) {
    pollfd state{process, POLLIN, 0};
    if (process >= 0) {  // asking would be answered from the next place, if somebody listens there
      ended = ::poll(&state, 1, 0) == 1;
      continue;
    }
    const auto still = client.get("/v1/ready");
    ended = !still && still.error().exit == exit_unreachable;
  }
  if (process >= 0) ::close(process);
  if (!answer) return Failure<Problem>(answer.error());
  if (!ended)
    return problem(exit_timeout, "the daemon is still handing over",
                   "it ends by itself; a longer --timeout waits for it");
  if (call.json()) return print_line(one_line(answer->body));
  return call.quiet() ? Outcome(exit_ok) : print("left: the daemon has ended\n");
}

Outcome run_forget(Call& call) {
  Client& client = call.client;
  const std::string node = call.arguments.get("node");
  const auto answer = client.ask({"POST", "/v1/forget", {}, post_body(client, "node", node)});
  if (!answer) return Failure<Problem>(answer.error());
  if (call.json()) return print_line(one_line(answer->body));
  return call.quiet() ? Outcome(exit_ok)
                      : print("forgotten: " + control::escape_controls(node) + "\n");
}

}  // namespace kith::tool
