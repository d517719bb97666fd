// Arguments: what was written on the command line, by name, and the table of verbs it may name.
// One table serves the parser, the help and "did you mean", so that they cannot drift apart.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "problem.hpp"

namespace kith::tool {

struct Arguments {
  std::string verb;                                        // "put", "network new"
  std::map<std::string, std::string, std::less<>> values;  // options and positionals: "key", "ttl"
  std::set<std::string, std::less<>> flags;                // "json", "owned"

  const std::string* find(std::string_view name) const;  // nullptr when it was not written
  std::string get(std::string_view name) const;          // empty when it was not written
  bool has(std::string_view flag) const { return flags.contains(flag); }
};

struct Positional {
  std::string name;  // "key"
  bool required;
  std::string help;
};
struct Flag {
  std::string name;   // long, without dashes
  std::string value;  // what the help calls its value; empty: it takes none
  std::string help;
};

class Client;
struct Call {
  const Arguments& arguments;
  Client& client;
  bool json() const { return arguments.has("json"); }
  bool quiet() const { return arguments.has("quiet"); }
};

// What a verb ends with: its exit code when stdout has what was asked for, else the problem.
using Outcome = Result<int, Problem>;

struct Verb {
  std::string name;  // "put"; "network new" is two words
  std::string help;  // one line
  std::vector<Positional> positionals;
  std::vector<Flag> flags;
  std::string examples;
  std::string timeout;  // the default of --timeout; empty: none
  Outcome (*run)(Call& call);
};

const std::vector<Flag>& global_flags();
const std::vector<Verb>& verbs();
const Verb* find_verb(std::string_view name);

// ", did you mean ..." for a word that is none of these; empty when none is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);

}  // namespace kith::tool
