// The network: join, leave, forget.
#include "kith/control/parse.hpp"
#include "table.hpp"
#include "verbs.hpp"

namespace kith::tool {

Outcome run_join(Call& call) {
  Client& client = call.client;
  const bool adopt = call.arguments.has("adopt"), trust = call.arguments.has("trust-first");
  const std::string target = call.arguments.get("target");
  const std::string body = adopt && trust ? post_body(client, "target", target, {"adopt", "trust_first"})
                           : adopt        ? post_body(client, "target", target, {"adopt"})
                           : trust        ? post_body(client, "target", target, {"trust_first"})
                                          : post_body(client, "target", target);
  const auto answer = client.ask({"POST", "/v1/join", {}, body});
  return show_answer<JoinAnswer>(call, answer, [&](const JoinAnswer& join) {
    if (call.quiet()) return std::string();
    return "joined " + control::escape_controls(label(join.peer)) + " (" + short_id(join.peer.id) + ") at " +
           control::escape_controls(join.target) + "\n";
  });
}

Outcome run_leave(Call& call) {
  Client& client = call.client;
  const auto answer = client.ask({"POST", "/v1/leave", {}, post_body(client, "", "")});
  if (!answer) return Failure<Problem>(answer.error());
  // The answer comes at once; the socket goes when everything is handed over and flushed.
  for (;;) {
    const auto still = client.get("/v1/ready");
    if (!still && still.error().exit == exit_unreachable) break;
    if (!client.pause(std::chrono::milliseconds(20)))
      return problem(exit_timeout, "the daemon is still draining", "it ends by itself; kith status, or wait longer with --timeout");
  }
  if (call.json()) return print_line(one_line(answer->body));
  return call.quiet() ? Outcome(exit_ok) : print("left: the daemon has ended\n");
}

Outcome run_forget(Call& call) {
  Client& client = call.client;
  const std::string node = call.arguments.get("node");
  const auto answer = client.ask({"POST", "/v1/forget", {}, post_body(client, "node", node)});
  if (!answer) return Failure<Problem>(answer.error());
  if (call.json()) return print_line(one_line(answer->body));
  return call.quiet() ? Outcome(exit_ok) : print("forgotten: " + control::escape_controls(node) + "\n");
}

}  // namespace kith::tool
