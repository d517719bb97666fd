// Where a value comes from: the command line, stdin or a file. At most 64 KiB, and no longer than
// the command's limit.
#pragma once

#include <optional>
#include <string>

#include "http_client.hpp"
#include "problem.hpp"

namespace kith::tool {

struct ValueSource {
  enum class Kind { text, standard_input, file } kind = Kind::text;
  std::string text;  // the value itself, or the file's name
};

// "-" and no VALUE are stdin, "@FILE" a file, everything else the value itself. No VALUE with a
// terminal as stdin is a usage problem: nobody would know that it waits.
Result<ValueSource, Problem> value_source(const std::string* written, bool stdin_is_terminal);
Result<std::string, Problem> read_value(const ValueSource& source,
                                        std::optional<Deadline> deadline);

}  // namespace kith::tool
