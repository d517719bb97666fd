// kith: the command line. Reads what was written, asks the daemon, prints its answer.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "answers.hpp"
#include "kith/control/parse.hpp"
#include "verbs.hpp"

namespace kith::tool {
namespace {

std::string examples_of(const Verb& verb) {
  const std::string limit = verb.timeout.empty() ? "none" : verb.timeout;
  return "example:\n  " + verb.examples + "\n\n--timeout is " + limit +
         " unless given; kith help lists the flags that every verb takes.";
}

// CLI11 sees the table of verbs and nothing else; values are read raw, since its conversions take
// some of them for lists.
class Parser {
 public:
  Parser() {
    app_.require_subcommand(1);
    app_.set_help_flag("--help,-h", "show this and exit");
    add(app_, Flag{"version", "", "show the version and exit"});
    app_.footer(
        "kith help VERB shows what a verb takes. Exit codes: 0 ok, 1 failed, 2 usage, 3 not "
        "found,\n"
        "4 daemon unreachable, 5 timeout, 6 partial, 8 permission, 9 not joined, 10 verification\n"
        "failed, 130 interrupted.");
    for (const Flag& flag : global_flags()) add(app_, flag);
    for (const Verb& verb : verbs()) add(verb);
    CLI::App* help = app_.add_subcommand("help", "this, or what a verb takes")->fallthrough();
    help->add_option("topic", "a verb")->expected(1, 2)->allow_extra_args();
  }

  Result<Arguments, Problem> read(int argc, char** argv);

 private:
  static void add(CLI::App& to, const Flag& flag) {
    const std::string names = flag.name == "quiet" ? "--quiet,-q" : "--" + flag.name;
    if (flag.value.empty()) {
      to.add_flag(names, flag.help)->disable_flag_override();  // --json=false would count as given
      return;
    }
    to.add_option(names, flag.help)
        ->type_name(flag.value)
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }

  void add(const Verb& verb) {
    CLI::App* to = &app_;
    std::string name = verb.name;
    if (const auto space = name.find(' '); space != std::string::npos) {
      const std::string noun = name.substr(0, space);
      to = verb_app(noun);
      if (!to)
        to = app_.add_subcommand(noun, "make private networks: " + verb.name)
                 ->require_subcommand(1)
                 ->fallthrough();
      name = name.substr(space + 1);
    }
    CLI::App* made = to->add_subcommand(name, verb.help)->fallthrough();
    made->set_help_flag("--help,-h", "show this and exit");
    made->footer(examples_of(verb));
    for (const Positional& word : verb.positionals) {
      CLI::Option* option = made->add_option(word.name, word.help)->type_name("")->expected(1);
      if (word.required) option->required();
    }
    for (const Flag& flag : verb.flags) add(*made, flag);
    apps_.emplace_back(made, &verb);
  }

  CLI::App* verb_app(const std::string& name) {
    for (CLI::App* verb : app_.get_subcommands([](CLI::App*) { return true; }))
      if (verb->get_name() == name) return verb;
    return nullptr;
  }

  Failure<Problem> misused(const std::string& what);
  void take(const CLI::App& from, Arguments& to) const;

  CLI::App app_{
      "kith talks to kithd, the peer-to-peer overlay daemon on this machine.\n"
      "kith [--instance NAME | --socket PATH | --api URL] [--json] [--timeout D] [-q] VERB ...",
      "kith"};
  std::vector<std::pair<CLI::App*, const Verb*>> apps_;
};

void Parser::take(const CLI::App& from, Arguments& to) const {
  for (const CLI::Option* option :
       from.get_options([](const CLI::Option* o) { return o->count() > 0; })) {
    const std::string name =
        option->get_lnames().empty() ? option->get_name() : option->get_lnames().front();
    if (option->get_items_expected_max() == 0)
      to.flags.insert(name);
    else
      to.values[name] = option->results().back();
  }
}

// What was not understood, in words: an unknown verb or flag with its nearest name, else `what`.
Failure<Problem> Parser::misused(const std::string& what) {
  const auto chosen = app_.get_subcommands();
  const std::string hint = chosen.empty() ? "kith help lists verbs and flags"
                                          : "kith help " + chosen.front()->get_name();
  for (const std::string& word : app_.remaining(true)) {
    if (word == "--") continue;
    const bool flag = word.size() > 1 && word[0] == '-';
    if (!flag && !chosen.empty())
      return problem(exit_usage, "\"" + word + "\" is one word too many", hint);
    std::vector<std::string> known;
    if (!flag)
      for (const CLI::App* verb : app_.get_subcommands([](CLI::App*) { return true; }))
        known.push_back(verb->get_name());
    const auto add_flags = [&](const CLI::App* app) {
      for (const CLI::Option* option : app->get_options())
        for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    };
    if (flag) add_flags(&app_);
    if (flag && !chosen.empty()) add_flags(chosen.front());
    const std::string bare = word.substr(0, word.find('='));
    return problem(exit_usage,
                   (flag ? "unknown flag " : "unknown verb \"") + bare + (flag ? "" : "\"") +
                       did_you_mean(bare, known),
                   flag && bare.size() > 1 && bare[1] != '-'
                       ? "a value that begins with a dash stands after --"
                       : hint);
  }
  if (!chosen.empty() && chosen.front()->get_name() == "network" &&
      app_.get_subcommands().front()->get_subcommands().empty())
    return problem(exit_usage, "no verb was given after network", "kith network new NAME");
  return problem(exit_usage, what, hint);
}

Result<Arguments, Problem> Parser::read(int argc, char** argv) {
  Arguments out;
  for (int i = 1; i < argc && std::strcmp(argv[i], "--") != 0; ++i)
    if (std::strcmp(argv[i], "++") == 0)  // CLI11 would drop it
      return problem(exit_usage, "\"++\" as a value stands after --");
  try {
    app_.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    out.verb = "help";
    out.values["help"] = app_.help();
    return out;
  } catch (const CLI::ParseError& error) {
    if (app_.count("--version") > 0) {
      out.verb = "version";
      return out;
    }
    const bool no_verb = app_.get_subcommands().empty();
    return misused(no_verb && dynamic_cast<const CLI::RequiredError*>(&error) ? "no verb was given"
                                                                              : error.what());
  }
  take(app_, out);
  const CLI::App* chosen = app_.get_subcommands().front();
  if (chosen->get_name() == "help") {
    out.verb = "help";
    std::string topic;
    for (const std::string& word : chosen->get_option("topic")->results())
      topic += (topic.empty() ? "" : " ") + word;
    CLI::App* about = topic.empty() ? &app_ : verb_app(topic.substr(0, topic.find(' ')));
    for (const auto& [made, verb] : apps_)
      if (verb->name == topic) about = made;
    if (!about) {
      std::vector<std::string> known;
      for (const Verb& verb : verbs()) known.push_back(verb.name);
      return problem(exit_usage, "unknown verb \"" + topic + "\"" + did_you_mean(topic, known),
                     "kith help lists them");
    }
    app_.clear();
    out.values["help"] = about->help();
    return out;
  }
  for (const auto& [made, verb] : apps_)
    if (made->parsed()) {
      out.verb = verb->name;
      take(*made, out);
    }
  return out;
}

Result<std::optional<std::chrono::milliseconds>, Problem> limit_of(const Arguments& arguments,
                                                                   const Verb& verb) {
  const std::string* written = arguments.find("timeout");
  if (!written && verb.name == "events" && arguments.has("follow")) return std::nullopt;
  const auto duration = control::parse_duration(written ? *written : verb.timeout);
  if (!duration || duration->count() <= 0)
    return problem(exit_usage, "--timeout \"" + *written + "\" is not a duration",
                   "write it with a unit: 500ms 5s 10m");
  return std::chrono::duration_cast<std::chrono::milliseconds>(*duration);
}

Outcome run(int argc, char** argv) {
  Parser parser;
  const auto arguments = parser.read(argc, argv);
  if (!arguments) return Failure<Problem>(arguments.error());
  if (arguments->verb == "help") {
    const std::string text = arguments->get("help");
    return arguments->has("json") ? print_line(object({{"schema", "kith/help/1"}, {"text", text}}))
                                  : print(text);
  }
  const Verb& verb = *find_verb(arguments->verb);
  const auto limit = limit_of(*arguments, verb);
  if (!limit) return Failure<Problem>(limit.error());
  auto client = Client::make(*arguments, *limit);
  if (!client) return Failure<Problem>(client.error());
  Call call{*arguments, *client};
  return verb.run(call);
}

bool wants_json(int argc, char** argv) {
  for (int i = 1; i < argc && std::strcmp(argv[i], "--") != 0; ++i)
    if (std::strcmp(argv[i], "--json") == 0) return true;
  return false;
}

bool json_errors = false;

// Only what a signal handler may do: one write, and out.
void interrupted(int) {
  constexpr std::string_view plain = "kith: interrupted\n";
  constexpr std::string_view json =
      "{\"error\":{\"code\":\"interrupted\",\"exit\":130,\"message\":\"interrupted\"}}\n";
  const std::string_view text = json_errors ? json : plain;
  if (::write(STDERR_FILENO, text.data(), text.size()) < 0) ::_exit(exit_interrupted);
  ::_exit(exit_interrupted);
}

// A closed standard descriptor would be the socket, and what is printed would go to the daemon.
// What takes its place neither gives nor takes anything: it fails as the closed one would.
void fill_standard_descriptors() {
  for (int fd = 0; fd >= 0 && fd <= STDERR_FILENO;) {
    const bool no_stdin = ::fcntl(STDIN_FILENO, F_GETFD) < 0;
    fd = ::open("/dev/null", no_stdin ? O_WRONLY : O_RDONLY);
    if (fd > STDERR_FILENO) ::close(fd);
  }
}

// A background job of a script is started with SIGINT ignored, and stays so.
void heed_interrupts() {
  struct sigaction now{};
  ::sigaction(SIGINT, nullptr, &now);
  if (now.sa_handler == SIG_IGN) return;
  now = {};
  now.sa_handler = interrupted;
  ::sigaction(SIGINT, &now, nullptr);
}

}  // namespace
}  // namespace kith::tool

int main(int argc, char** argv) {
  using namespace kith::tool;
  fill_standard_descriptors();
  const bool json = json_errors = wants_json(argc, argv);
  heed_interrupts();
  try {
    const Outcome outcome = run(argc, argv);
    return outcome ? *outcome : report(outcome.error(), json);
  } catch (const std::exception& error) {
    return report({exit_failed, error.what(), "", ""}, json);
  }
}
