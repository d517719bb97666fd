#include "problem.hpp"

#include <charconv>
#include <cstdio>

#include "answers.hpp"
#include "kith/control/parse.hpp"
#include "table.hpp"

namespace kith::tool {
namespace {

// What a failed operation got done nevertheless: the attempts of a join, the replicas of a put.
std::string details(const std::string& answer) {
  const std::vector<Attempt> attempts = attempts_in(answer);
  if (!attempts.empty()) {
    Table table({"TARGET", "ADDRESS", "CAUSE", "HINT"});
    for (const Attempt& attempt : attempts)
      table.add({attempt.target, attempt.address, attempt.cause, hint_for(attempt.cause)});
    return table.text();
  }
  const auto put = error_result<PutAnswer>(answer);
  if (!put || put->stored.empty()) return {};
  std::string out = "stored by:";
  for (const Peer& peer : put->stored) out += " " + label(peer);
  return out + "\n";
}

}  // namespace

std::string_view code_of(int exit) {
  switch (exit) {
    case exit_ok:
      return "ok";
    case exit_usage:
      return "usage";
    case exit_not_found:
      return "not_found";
    case exit_unreachable:
      return "unreachable";
    case exit_timeout:
      return "timeout";
    case exit_partial:
      return "partial";
    case exit_conflict:
      return "conflict";
    case exit_permission:
      return "permission";
    case exit_not_joined:
      return "not_joined";
    case exit_unverified:
      return "verification_failed";
    case exit_interrupted:
      return "interrupted";
    default:
      return "failed";
  }
}

int exit_of(std::string_view header, int status) {
  int code = -1;
  const auto [end, error] = std::from_chars(header.data(), header.data() + header.size(), code);
  if (error == std::errc{} && end == header.data() + header.size() && code >= 0 && code < 256)
    return code;
  if (status >= 200 && status < 300) return status == 206 ? exit_partial : exit_ok;
  switch (status) {
    case 400:
    case 405:
    case 413:
    case 431:
      return exit_usage;
    case 401:
    case 403:
      return exit_permission;
    case 404:
      return exit_not_found;
    case 504:
      return exit_timeout;
    default:
      return exit_failed;
  }
}

int report(const Problem& problem, bool json) {
  if (json) {
    const std::string text =
        problem.answer.empty() ? error_json(problem) : one_line(problem.answer);
    std::fprintf(stderr, "%s\n", text.c_str());
    return problem.exit;
  }
  std::fprintf(stderr, "kith: %s\n", control::escape_controls(problem.message).c_str());
  if (!problem.answer.empty()) std::fputs(details(problem.answer).c_str(), stderr);
  if (!problem.hint.empty())
    std::fprintf(stderr, "hint: %s\n", control::escape_controls(problem.hint).c_str());
  return problem.exit;
}

}  // namespace kith::tool
