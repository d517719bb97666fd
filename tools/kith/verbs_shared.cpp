#include <cerrno>
#include <cstdio>
#include <cstring>

#include "kith/control/parse.hpp"
#include "verbs.hpp"

namespace kith::tool {

Outcome print(std::string_view text) {
  const bool taken =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (taken) return exit_ok;
  return problem(exit_failed, std::string("stdout: ") + std::strerror(errno));
}

Result<std::string, Problem> key_in(const Arguments& arguments) {
  const std::string key = arguments.get("key");
  const auto error = control::check_key(key);
  if (error == control::KeyError::none) return key;
  return problem(
      exit_usage, "bad key: " + std::string(control::to_string(error)),
      error == control::KeyError::too_long ? "this one has " + std::to_string(key.size()) : "");
}

std::string encoded(std::string_view text) {
  std::string out;
  for (const char c : control::percent_encode(text)) {
    if (c == '/')
      out += "%2F";
    else
      out.push_back(c);
  }
  return out;
}

std::string key_path(std::string_view prefix, std::string_view key) {
  return std::string(prefix) + encoded(key);
}

std::string post_body(const Client& client, std::string_view name, const std::string& value,
                      std::initializer_list<std::string_view> flags) {
  std::string body = name.empty() ? "{" : object({{name, value}});
  if (!name.empty()) body.pop_back();
  const auto add = [&](const std::string& member) {
    if (body.size() > 1) body += ",";
    body += member;
  };
  for (const std::string_view flag : flags) add("\"" + std::string(flag) + "\":true");
  if (const std::string left = client.time_left(); !left.empty())
    add("\"timeout\":\"" + left + "\"");
  return body + "}";
}

}  // namespace kith::tool
