// Verbs: one function each; arguments.cpp's table names them.
#pragma once

#include "answers.hpp"
#include "arguments.hpp"
#include "client.hpp"

namespace kith::tool {

Outcome run_status(Call& call);
Outcome run_members(Call& call);
Outcome run_ping(Call& call);
Outcome run_events(Call& call);
Outcome run_id(Call& call);

Outcome run_wait(Call& call);

Outcome run_join(Call& call);
Outcome run_leave(Call& call);
Outcome run_forget(Call& call);
Outcome run_network_new(Call& call);

Outcome run_put(Call& call);
Outcome run_get(Call& call);
Outcome run_del(Call& call);
Outcome run_lookup(Call& call);

Outcome run_version(Call& call);

// --- shared by the verbs ------------------------------------------------------------------------

// Writes to stdout and flushes; a stdout that takes nothing is exit 1.
Outcome print(std::string_view text);
inline Outcome print_line(std::string text) { return print(text + "\n"); }

// The key that was written, checked: a usage problem else.
Result<std::string, Problem> key_in(const Arguments& arguments);
std::string key_path(std::string_view prefix, std::string_view key);  // encoded fully, '/' too
std::string encoded(std::string_view text);
// {"name":"value",...} of a POST, with "timeout" when there is a limit.
std::string post_body(const Client& client, std::string_view name, const std::string& value,
                      std::initializer_list<std::string_view> flags = {});

// Shows an answer: itself with --json, else what `show` makes of it (nothing: nothing).
template <class T, class Show>
Outcome show_answer(const Call& call, const Result<Response, Problem>& answer, Show show) {
  if (!answer) return Failure<Problem>(answer.error());
  if (call.json()) return print_line(one_line(answer->body));
  const auto parsed = parse<T>(answer->body);
  if (!parsed)
    return problem(exit_failed, "the daemon's answer is not understood",
                   "is it another version? kith --json shows it");
  const std::string text = show(*parsed);
  return text.empty() ? Outcome(exit_ok) : print(text);
}

}  // namespace kith::tool
