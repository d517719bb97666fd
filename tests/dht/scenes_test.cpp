// Scenes: tests/scenes/{put,get,lookup}/*.txt driven through a DhtWorld. The transcript shows what
// travels (one line a message, in order of arrival) and what the user is told.
#include "scene.hpp"
#include "world.hpp"

using namespace kith;
using namespace kith::dht;
using test::DhtWorld;

namespace {

std::string name_of(const wire::Message& message) {
  constexpr std::array names{"ping",      "ack",        "probe_request", "nack",
                             "gossip",    "pull",       "members",       "heard",
                             "reconcile", "reconciled", "store",         "stored",
                             "fetch",     "fetched",    "find_nodes",    "nodes_found"};
  std::string out = names[message.index()];
  if (const auto* stored = std::get_if<wire::Stored>(&message)) {
    constexpr std::array statuses{"", " stale", " not_base", " refused"};
    out += statuses[static_cast<std::size_t>(stored->status)];
  }
  if (const auto* fetch = std::get_if<wire::Fetch>(&message))
    out += fetch->want == wire::Want::value ? " value" : " digest";
  if (const auto* fetched = std::get_if<wire::Fetched>(&message)) {
    constexpr std::array statuses{" found", " none", " not_base", " refused"};
    out += statuses[static_cast<std::size_t>(fetched->status)];
    if (!fetched->record.empty()) out += "+value";
  }
  return out;
}

Consistency consistency_of(const std::string& word) {
  if (word == "one") return Consistency::one;
  return word == "all" ? Consistency::all : Consistency::quorum;
}

class Interpreter {
 public:
  std::vector<std::string> operator()(const std::vector<std::string>& words) {
    out_.clear();
    act(words);
    return std::exchange(out_, {});
  }

 private:
  std::size_t number(const std::string& word) const { return std::stoul(word); }

  void act(const std::vector<std::string>& words) {
    const std::string& verb = words[0];
    const auto word = [&](std::size_t i) { return i < words.size() ? words[i] : std::string(); };
    if (verb == "nodes") return make(number(word(1)), word(2));
    if (verb == "watch") {
      world_->on_message = [this](std::size_t from, std::size_t to, const wire::Message& message) {
        out_.push_back(std::to_string(from) + " -> " + std::to_string(to) + " " + name_of(message));
      };
    } else if (verb == "put") {
      put(words);
    } else if (verb == "del") {
      PutRequested request{{}, word(2)};
      request.tombstone = true;
      tell(world_->put(number(word(1)), request));
    } else if (verb == "get") {
      const auto owner =
          word(4).empty() ? std::nullopt : std::optional(world_->id(number(word(4))));
      tell(world_->get(number(word(1)), word(2), consistency_of(word(3)), owner));
    } else if (verb == "lookup") {
      tell(world_->lookup(number(word(1)), word(2)));
    } else {
      change(verb, words);
    }
  }

  void change(const std::string& verb, const std::vector<std::string>& words) {
    const auto word = [&](std::size_t i) { return i < words.size() ? words[i] : std::string(); };
    if (verb == "kill") world_->kill(number(word(1)));
    if (verb == "crash") world_->crash(number(word(1)));
    if (verb == "start") world_->start(number(word(1)));
    if (verb == "wipe") world_->wipe(number(word(1)));
    if (verb == "full") world_->node(number(word(1))).disk_full = word(2) == "on";
    if (verb == "silent") world_->node(number(word(1))).disk_silent = word(2) == "on";
    if (verb == "lose") world_->lose_next(number(word(1)), number(word(2)));
    if (verb == "run") world_->run(seconds(std::stol(word(1))));
    if (verb == "heal") world_->heal();
    if (verb == "cut") {
      std::vector<std::size_t> here, there;
      for (std::size_t i = 1; i < words.size(); ++i) here.push_back(number(words[i]));
      for (std::size_t i = 0; i < world_->size(); ++i)
        if (std::find(here.begin(), here.end(), i) == here.end()) there.push_back(i);
      world_->cut(here, there);
    }
  }

  void make(std::size_t count, const std::string& mode) {
    world_ =
        std::make_shared<DhtWorld>(count, 1, mode == "public" ? Mode::public_ : Mode::private_);
    world_->start_all();
    for (std::size_t i = 0; i < count; ++i) CHECK(world_->node(i).dht->snapshot().synced);
  }

  // put NODE KEY VALUE [one|quorum|all|owned|ttl=N]
  void put(const std::vector<std::string>& words) {
    PutRequested request{{}, words[2]};
    request.value = Buffer(as_bytes(words[3]));
    for (std::size_t i = 4; i < words.size(); ++i) {
      if (words[i] == "owned")
        request.kind = wire::Kind::owned;
      else if (words[i].starts_with("ttl="))
        request.ttl = seconds(std::stol(words[i].substr(4)));
      else
        request.consistency = consistency_of(words[i]);
    }
    tell(world_->put(number(words[1]), request));
  }

  void tell(const PutReport& report) {
    constexpr std::array outcomes{"applied", "unknown", "rejected"};
    std::string line = outcomes[static_cast<std::size_t>(report.outcome)];
    line += ": " + std::to_string(report.stored_base) + " of " + std::to_string(report.needed) +
            " needed, " + std::to_string(report.stored.size()) + " stored";
    if (!report.reason.empty()) line += " (" + report.reason + ")";
    out_.push_back(line);
  }
  void tell(const GetReport& report) {
    std::string line = report.found ? "\"" + to_text(report.value.view()) + "\"" : "nothing";
    line += report.complete ? ", complete" : ", not complete";
    line += ": " + std::to_string(report.responded) + " of " + std::to_string(report.needed);
    if (!report.reason.empty()) line += " (" + report.reason + ")";
    out_.push_back(line);
  }
  void tell(const LookupReport& report) {
    std::size_t base = 0;
    for (const auto& replica : report.replicas) base += replica.base ? 1 : 0;
    out_.push_back(std::to_string(report.replicas.size()) + " replicas, " + std::to_string(base) +
                   " of them base");
    for (const auto& replica : report.replicas)
      out_.push_back("  " + std::to_string(world_->index_of(replica.id)) + " at " +
                     std::to_string(replica.distance_bits) + " bits");
    for (const auto& step : report.steps)
      out_.push_back("  asked " + std::to_string(world_->index_of(step.peer)) + ": " +
                     std::to_string(step.fresh) + " new, " + std::to_string(step.nearer) +
                     " closer");
  }

  std::shared_ptr<DhtWorld> world_;
  std::vector<std::string> out_;
};

}  // namespace

TEST_CASE("dht/scenes: a put") {
  for (const char* name : {"quorum", "alone", "lost_datagram", "slow_disk", "full_disk",
                           "two_writers", "dead_replicas", "split", "owned", "public"}) {
    CAPTURE(name);
    test::run_scene(std::string("put/") + name + ".txt", Interpreter());
  }
}

TEST_CASE("dht/scenes: a get") {
  for (const char* name : {"quorum", "newest_wins", "write_back", "deleted", "expired",
                           "dead_replicas", "levels", "one_of_two", "split"}) {
    CAPTURE(name);
    test::run_scene(std::string("get/") + name + ".txt", Interpreter());
  }
}

TEST_CASE("dht/scenes: a lookup") {
  for (const char* name : {"alone", "two", "full_view", "larger_than_r", "dead_member",
                           "suspect_silent", "newcomer", "split"}) {
    CAPTURE(name);
    test::run_scene(std::string("lookup/") + name + ".txt", Interpreter());
  }
}
