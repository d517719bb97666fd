// Scenes of membership: nodes a, b, c, ... on a virtual network, told as transcripts.
#include <cstdio>

#include "scene.hpp"
#include "world.hpp"

using namespace kith;
using namespace kith::test;
using wire::Verdict;

namespace {

using Lines = std::vector<std::string>;

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::alive:
      return "alive";
    case Verdict::suspect:
      return "suspect";
    case Verdict::dead:
      return "dead";
    case Verdict::left:
      return "left";
  }
  return "?";
}

std::size_t node_of(const std::string& word) { return static_cast<std::size_t>(word.at(0) - 'a'); }
std::string letter(std::size_t node) { return std::string(1, static_cast<char>('a' + node)); }

Duration duration_of(const std::string& word) {
  std::size_t used = 0;
  const double value = std::stod(word, &used);
  return Duration(static_cast<std::int64_t>(value * (word.substr(used) == "ms" ? 1e3 : 1e6)));
}

class Stage {
 public:
  Lines play(const std::vector<std::string>& w) {
    const std::string& verb = w.at(0);
    if (verb == "start") return start(w);
    if (verb == "run") return run(duration_of(w.at(1)));
    if (verb == "show") return show(w.at(1));
    if (verb == "told") return told(node_of(w.at(1)));
    if (verb == "cut" || verb == "heal") return cut(w.at(1), w.at(2), verb == "cut");
    if (verb == "forge") return forge(w);
    if (verb == "claim") return claim(w);
    if (verb == "health")
      return {"score " + std::to_string(world_->at(node_of(w.at(1))).snapshot().health)};
    mark();
    const std::size_t node = node_of(w.at(1));
    if (verb == "meet")
      world_->meet(node, node_of(w.at(2)));
    else if (verb == "kill")
      world_->kill(node);
    else if (verb == "restart")
      world_->restart(node, w.size() > 2 && w[2] == "wiped");
    else if (verb == "silence")
      world_->silence(node);
    else if (verb == "unsilence")
      world_->silence(node, false);
    else if (verb == "pause")
      world_->pause(node, duration_of(w.at(2)));
    else if (verb == "leave")
      world_->step(node, ms::LeaveRequested{});
    else if (verb == "forget")
      world_->step(node, ms::ForgetRequested{world_->id(node_of(w.at(2)))});
    else if (verb == "clock")
      world_->set_clock(node, -duration_of(w.at(2)));
    else if (verb == "skip")
      world_->step(node, ms::TimeSkipped{duration_of(w.at(2))});
    else
      return {"no such command"};
    return {};
  }

 private:
  void mark() {
    world_->changes().clear();
    marked_ = world_->now().mono;
  }

  // start N [apart]: N nodes, introduced to the first one unless they are to stay apart.
  Lines start(const std::vector<std::string>& w) {
    world_ = std::make_unique<World>();
    const auto count = static_cast<std::size_t>(std::stoul(w.at(1)));
    world_->add(count);
    mark();
    if (w.size() > 2) return {};
    world_->meet_all();
    world_->run(seconds(20));
    mark();
    return {world_->agreed(count) ? "all agree" : "they do not agree"};
  }

  Lines run(Duration time) {
    world_->run(time);
    return {};
  }

  Lines show(const std::string& word) {
    std::string line;
    const std::size_t node = node_of(word);
    for (std::size_t i = 0; i < world_->size(); ++i) {
      const ms::MemberPtr member = world_->at(node).find(world_->id(i));
      if (!line.empty()) line += ", ";
      line += letter(i) + " " + (member ? name_of(member->verdict) : "unknown");
      if (member && member->alone) line += " (alone)";
    }
    return {line};
  }

  // What every other node was told about `subject` since the last fault, and when.
  Lines told(std::size_t subject) {
    Lines lines;
    for (std::size_t i = 0; i < world_->size(); ++i) {
      std::string line;
      for (const Change& change : world_->changes()) {
        if (change.observer != i || change.subject != subject || i == subject) continue;
        char when[32];
        std::snprintf(when, sizeof when, "%.2f s",
                      static_cast<double>((change.at - marked_).count()) / 1e6);
        line += (line.empty() ? "" : ", ") + std::string(name_of(change.verdict)) +
                (change.alone ? " (alone)" : "") + " " + when;
      }
      if (!line.empty()) lines.push_back(letter(i) + ": " + line);
    }
    if (lines.empty()) lines.push_back("nothing");
    return lines;
  }

  Lines cut(const std::string& left, const std::string& right, bool on) {
    mark();
    for (const char a : left)
      for (const char b : right) world_->cut(node_of({a}), node_of({b}), on);
    return {};
  }

  wire::Reference about(std::size_t subject, std::size_t at, Verdict verdict) {
    const ms::MemberPtr member = world_->at(at).find(world_->id(subject));
    return {wire::prefix_of(world_->id(subject)), member->record->incarnation, verdict,
            world_->record_hash(at, subject)};
  }

  // forge ACCUSER SUBJECT at NODE by SIGNER: a suspicion in ACCUSER's name, signed by SIGNER.
  Lines forge(const std::vector<std::string>& w) {
    mark();
    const std::size_t accuser = node_of(w.at(1)), subject = node_of(w.at(2)), at = node_of(w.at(4)),
                      signer = node_of(w.at(6));
    wire::Suspicion suspicion;
    suspicion.subject = about(subject, at, Verdict::suspect);
    suspicion.accuser = wire::prefix_of(world_->id(accuser));
    suspicion.stamp = world_->now().wall;
    suspicion.signature = world_->identity(signer)->sign(
        wire::suspicion_message(world_->network(), world_->id(subject), suspicion).view());
    const auto bad = world_->dropped[DropReason::bad_signature];
    world_->inject(signer, at, wire::GossipPush{{{}, {suspicion}}});
    world_->run(milliseconds(1));
    return {world_->dropped[DropReason::bad_signature] > bad ? "refused: bad signature" : "taken"};
  }

  // claim SUBJECT dead|suspect|alive at NODE by LIAR: a bare reference.
  Lines claim(const std::vector<std::string>& w) {
    mark();
    const std::size_t subject = node_of(w.at(1)), at = node_of(w.at(4)), liar = node_of(w.at(6));
    const Verdict verdict = w.at(2) == "dead"   ? Verdict::dead
                            : w.at(2) == "left" ? Verdict::left
                                                : Verdict::suspect;
    world_->inject(liar, at, wire::GossipPush{{{about(subject, at, verdict)}, {}}});
    return {};
  }

  std::unique_ptr<World> world_;
  Instant marked_;
};

void play(const std::string& file) {
  Stage stage;
  run_scene("membership/" + file,
            [&](const std::vector<std::string>& words) { return stage.play(words); });
}

}  // namespace

TEST_CASE("membership/scenes: two nodes meet") { play("meet.txt"); }
TEST_CASE("membership/scenes: one of eight is killed") { play("kill.txt"); }
TEST_CASE("membership/scenes: a host falls silent") { play("silence.txt"); }
TEST_CASE("membership/scenes: a pause of 2.5 s is no death, a long one is, and is taken back") {
  play("pause.txt");
}
TEST_CASE("membership/scenes: a goodbye and a return") { play("leave.txt"); }
TEST_CASE("membership/scenes: two nodes, no witness") { play("alone.txt"); }
TEST_CASE("membership/scenes: three nodes") { play("three.txt"); }
TEST_CASE("membership/scenes: a restart with a wiped disk") { play("restart.txt"); }
TEST_CASE("membership/scenes: a network splits and heals") { play("split.txt"); }
TEST_CASE("membership/scenes: forged suspicions and a liar's word") { play("liar.txt"); }
TEST_CASE("membership/scenes: an isolated node distrusts itself") { play("isolated.txt"); }
