#include "arguments.hpp"

#include <algorithm>

#include "kith/control/parse.hpp"
#include "verbs.hpp"

namespace kith::tool {
namespace {

const Flag ttl{"ttl", "D", "how long it lives: 30s 10m 7d [until deleted]"};
const Flag consistency{"consistency", "LEVEL", "how many replicas: one, quorum or all [quorum]"};
const Flag owned{"owned", "", "this node's own record: only it can change it"};
const Positional key{"key", true, "1 to 512 bytes of UTF-8"};
const Positional node{"node", true, "a member's name, id, or the start of an id"};

std::vector<Verb> see() {
  return {
      {"status",
       "this node and its network at a glance",
       {},
       {},
       "kith status --json",
       "5s",
       run_status},
      {"members",
       "everyone this node knows, itself (*) included",
       {},
       {},
       "kith members",
       "5s",
       run_members},
      {"ping", "round trip to a member", {node}, {}, "kith ping nas", "5s", run_ping},
      {"events",
       "what happened, one line each",
       {},
       {{"since", "N", "only after number N [0]"},
        {"follow", "", "go on until the daemon ends or ^C"}},
       "kith events --follow --json",
       "5s",
       run_events},
      {"wait",
       "until something is so; a daemon that is not there yet counts as \"not yet\"",
       {},
       {{"for", "WHAT", "ready, joined, synced, members=N (at least) or key:K [ready]"}},
       "kith wait --for members=3 --timeout 1m",
       "30s",
       run_wait},
      {"id", "this node's id", {}, {}, "kith id", "5s", run_id},
  };
}

std::vector<Verb> network() {
  return {
      {"join",
       "meet a node that is not found by itself",
       {{"target", true, "host[:port], [v6]:port or key@host:port"}},
       {{"adopt", "", "take over its lan network though this node holds records"},
        {"trust-first", "", "public mode: accept its key unseen"}},
       "kith join 192.0.2.7:4747",
       "10s",
       run_join},
      {"leave",
       "hand over, announce it, end the daemon; waits until it has ended",
       {},
       {},
       "kith leave",
       "60s",
       run_leave},
      {"forget",
       "drop a dead or left member from the list",
       {node},
       {},
       "kith forget nas",
       "5s",
       run_forget},
      {"network new",
       "make a private network: FILE for its members, FILE.admin for you",
       {{"name", true, "the network's name"}},
       {{"out", "FILE", "where to [NAME.network]"}},
       "kith network new home",
       "5s",
       run_network_new},
  };
}

std::vector<Verb> data() {
  return {
      {"put",
       "store a value",
       {key, {"value", false, "the value, - for stdin, @FILE for a file [stdin]"}},
       {ttl, owned, consistency},
       "kith put greeting hello\n  kith put photo @cat.jpg --ttl 7d\n  kith put number -- -5",
       "5s",
       run_put},
      {"get",
       "print a value's bytes and nothing more",
       {key},
       {{"owner", "NODE", "the record that this member owns"}, consistency},
       "kith get greeting",
       "5s",
       run_get},
      {"del", "delete a value", {key}, {owned, consistency}, "kith del greeting", "5s", run_del},
      {"lookup",
       "where a key lives and how it was found",
       {key},
       {},
       "kith lookup greeting",
       "5s",
       run_lookup},
  };
}

}  // namespace

const std::string* Arguments::find(std::string_view name) const {
  const auto it = values.find(name);
  return it == values.end() ? nullptr : &it->second;
}

std::string Arguments::get(std::string_view name) const {
  const std::string* value = find(name);
  return value ? *value : std::string();
}

const std::vector<Flag>& global_flags() {
  static const std::vector<Flag> flags{
      {"instance", "NAME", "which daemon of this host [KITH_INSTANCE, default]"},
      {"socket", "PATH", "its unix socket [KITH_SOCKET]"},
      {"api", "URL", "its API on loopback TCP: http://127.0.0.1:PORT [KITH_API]"},
      {"token-file", "FILE", "the token for --api [KITH_TOKEN, the instance's http.token]"},
      {"json", "", "one JSON object instead of text, errors too"},
      {"timeout", "D", "bounds the whole command: 500ms 5s 10m"},
      {"quiet", "", "no more than what was asked for"},
  };
  return flags;
}

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> table = [] {
    std::vector<Verb> all = see();
    for (auto group : {network(), data()}) all.insert(all.end(), group.begin(), group.end());
    all.push_back(
        {"version", "the version of this command", {}, {}, "kith version", "5s", run_version});
    return all;
  }();
  return table;
}

const Verb* find_verb(std::string_view name) {
  const auto it = std::ranges::find(verbs(), name, &Verb::name);
  return it == verbs().end() ? nullptr : &*it;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
  const auto nearest = control::nearest(word, known);
  return nearest ? ", did you mean \"" + *nearest + "\"?" : "";
}

}  // namespace kith::tool
