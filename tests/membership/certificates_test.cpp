// When a complete certificate is believed, and by whom.
#include <set>

#include "constants.hpp"
#include "kith/crypto/hash.hpp"
#include "rings.hpp"
#include "solo.hpp"

using namespace kith;
using namespace kith::test;
using wire::Verdict;

namespace {

// A machine that knows a subject and four more, and what they sign against it.
struct Court {
  explicit Court(std::uint64_t members = 5) {
    for (std::uint64_t i = 0; i < members; ++i) peers.push_back(somebody(60 + i));
    for (const crypto::Identity& peer : peers)
      solo.receive(peer.id(), wire::Members{{0}, {record_of(peer, {5})}, {}});
    solo.pass(milliseconds(20));
  }
  NodeId subject() const { return peers.back().id(); }
  Verdict verdict() const { return solo.machine->find(subject())->verdict; }
  wire::Reference reference(Verdict verdict) const {
    return {wire::prefix_of(subject()),
            {5},
            verdict,
            crypto::hash64({record_of(peers.back(), {5}).view()})};
  }
  wire::Suspicion suspicion(std::size_t accuser, Duration ago) const {
    wire::Suspicion made;
    made.subject = reference(Verdict::suspect);
    made.accuser = wire::prefix_of(peers[accuser].id());
    made.stamp = {solo.now.wall.value - to_millis(ago)};
    made.signature =
        peers[accuser].sign(wire::suspicion_message(NetworkId{}, subject(), made).view());
    return made;
  }
  std::vector<wire::Suspicion> certificate(std::size_t signatures, Duration ago) const {
    std::vector<wire::Suspicion> all;
    for (std::size_t i = 0; i < signatures; ++i) all.push_back(suspicion(i, ago));
    return all;
  }
  void tell_dead(std::vector<wire::Suspicion> proof) {
    solo.receive(peers[0].id(), wire::GossipPush{{{reference(Verdict::dead)}, std::move(proof)}});
  }
  // As a real clock does: mono and wall together; the others go on talking, the subject does not.
  void pass(Duration time) {
    for (Duration passed{}; passed < time; passed += milliseconds(100)) {
      solo.pass(milliseconds(100));
      solo.now.wall.value += 100;
      for (std::size_t i = 0; i + 1 < peers.size(); ++i) solo.step(ms::PeerHeard{peers[i].id()});
    }
  }

  Solo solo;
  std::vector<crypto::Identity> peers;
};

}  // namespace

TEST_CASE("membership: a certificate of two buries nobody where three observers live; three do") {
  Court court;
  court.tell_dead(court.certificate(2, milliseconds(-10)));
  CHECK_NE(court.verdict(), Verdict::dead);
  court.tell_dead(court.certificate(3, milliseconds(-10)));
  CHECK_EQ(court.verdict(), Verdict::dead);
  CHECK_EQ(court.solo.machine->find(court.subject())->verdict_stamp.value,
           court.solo.now.wall.value + 10);
}

TEST_CASE("membership: who heard the subject since refuses, in whatever order the proof arrives") {
  for (const bool suspicions_first : {false, true}) {
    Court court;
    court.solo.step(ms::PeerHeard{court.subject()});
    const auto proof = court.certificate(3, seconds(5));
    if (suspicions_first)
      for (std::size_t i = 0; i < proof.size(); ++i)
        court.solo.receive(court.peers[i].id(), wire::GossipPush{{{}, {proof[i]}}});
    court.tell_dead(suspicions_first ? std::vector<wire::Suspicion>{} : proof);
    CHECK_NE(court.verdict(), Verdict::dead);
    court.solo.step(ms::PeerHeard{court.subject()});
    CHECK_EQ(court.verdict(), Verdict::alive);
  }
}

TEST_CASE("membership: accusers' clocks that run ahead bury nobody whom we heard just now") {
  Court court;
  court.solo.step(ms::PeerHeard{court.subject()});
  court.tell_dead(court.certificate(3, -hours(1)));
  CHECK_NE(court.verdict(), Verdict::dead);
}

TEST_CASE("membership: who signs anew what it knew before has not been listening since") {
  for (const bool anew : {false, true}) {
    Court court;
    court.solo.step(ms::PeerHeard{court.subject()});
    court.pass(milliseconds(1500));
    std::vector<wire::Suspicion> proof = court.certificate(3, milliseconds(10));
    if (!anew) proof = {proof[0], court.suspicion(1, milliseconds(20)), court.suspicion(2, {})};
    court.tell_dead(proof);
    CHECK_EQ(court.verdict() == Verdict::dead, !anew);
    court.pass(milliseconds(1500));  // our own question stays unanswered
    court.tell_dead(proof);
    court.pass(seconds(3));
    CHECK_EQ(court.verdict(), Verdict::dead);
  }
}

TEST_CASE("membership: after a refusal our own silence counts, but only from its beginning") {
  Court court;
  court.solo.step(ms::PeerHeard{court.subject()});
  const auto proof = court.certificate(3, minutes(1));  // their clocks are slow
  court.tell_dead(proof);
  court.pass(milliseconds(1500));
  REQUIRE_EQ(court.verdict(), Verdict::suspect);  // our own question stayed unanswered
  court.tell_dead(proof);
  CHECK_EQ(court.verdict(), Verdict::suspect);  // it may be paused: the window is ours
  court.pass(seconds(3));
  CHECK_EQ(court.verdict(), Verdict::dead);
}

TEST_CASE("membership: of a certificate the latest accusation is told on, whatever its place") {
  Court court(6);
  std::vector<wire::Suspicion> proof = court.certificate(4, milliseconds(-10));
  proof.push_back(court.suspicion(4, milliseconds(-20)));
  court.tell_dead(proof);
  REQUIRE_EQ(court.verdict(), Verdict::dead);
  court.solo.pass(milliseconds(20));
  bool told = false;
  for (const auto& sent : court.solo.all<ms::SendMessage>()) {
    const auto message = wire::decode(sent.message);
    const auto* push = std::get_if<wire::GossipPush>(&*message);
    for (const wire::Suspicion& suspicion : push ? push->gossip.suspicions : decltype(proof){})
      told = told || suspicion == proof.back();
  }
  CHECK(told);
}

namespace {

// Chooses a subject that the machine does not observe; what all its observers say of it, just now.
std::vector<std::pair<std::size_t, wire::Suspicion>> accusations_from_afar(Court& court) {
  ms::Rings rings(NetworkId{});
  const auto all = [](const NodeId&) { return true; };
  rings.insert(court.solo.identity->id());
  for (const crypto::Identity& peer : court.peers) rings.insert(peer.id());
  const auto observed = rings.subjects(court.solo.identity->id(), all);
  for (std::size_t i = 0; i < court.peers.size(); ++i)  // the subject is the last one
    if (std::find(observed.begin(), observed.end(), court.peers[i].id()) == observed.end()) {
      std::swap(court.peers[i], court.peers.back());
      break;
    }
  const auto observers = rings.observers(court.subject(), all);
  std::vector<std::pair<std::size_t, wire::Suspicion>> said;
  for (std::size_t i = 0; i + 1 < court.peers.size(); ++i)
    if (std::find(observers.begin(), observers.end(), court.peers[i].id()) != observers.end())
      said.emplace_back(i, court.suspicion(i, Duration(0)));
  return said;
}

void accuse_from_afar(Court& court) {
  for (const auto& [accuser, suspicion] : accusations_from_afar(court))
    court.solo.receive(court.peers[accuser].id(), wire::GossipPush{{{}, {suspicion}}});
  REQUIRE_EQ(court.verdict(), Verdict::suspect);
}

}  // namespace

TEST_CASE("membership: who is no observer reaches no verdict before it has looked") {
  Court court(64);
  accuse_from_afar(court);
  court.pass(ms::silence_window + milliseconds(300));
  CHECK_EQ(court.verdict(), Verdict::suspect);  // it has just asked
  court.pass(seconds(10));                   // unhealthy: in this world nobody answers its probes
  CHECK_EQ(court.verdict(), Verdict::dead);  // and had no answer either
}

// What it sent before it was killed had waited on the way, and came after the others' accusations.
TEST_CASE("membership: who did not believe a death, and finds the port closed, believes it") {
  for (const bool heard_again : {false, true}) {
    Court court(64);
    std::vector<wire::Suspicion> proof;
    for (const auto& [accuser, suspicion] : accusations_from_afar(court))
      if (proof.size() < ms::quorum) proof.push_back(suspicion);
    const auto hear = [&] {
      court.solo.now.mono += milliseconds(10);
      court.solo.now.wall.value += 10;
      court.solo.step(ms::PeerHeard{court.subject()});
    };
    hear();
    court.tell_dead(proof);
    REQUIRE_EQ(court.verdict(), Verdict::alive);
    if (heard_again) hear();
    court.solo.step(ms::PeerRefused{court.subject()});
    CHECK_EQ(court.verdict(), heard_again ? Verdict::alive : Verdict::suspect);
    if (heard_again) continue;
    court.tell_dead(proof);
    court.pass(ms::refusal_window + milliseconds(500));
    CHECK_EQ(court.verdict(), Verdict::dead);
  }
}

TEST_CASE("membership: to who is no observer a port that refuses is a look as well") {
  Court court(64);
  accuse_from_afar(court);
  court.solo.step(ms::PeerRefused{court.subject()});
  court.pass(ms::refusal_window + milliseconds(500));
  CHECK_EQ(court.verdict(), Verdict::dead);
}

TEST_CASE(
    "membership: a death found out later elsewhere has the later stamp, and nobody signs anew") {
  Court court;
  court.tell_dead(court.certificate(3, seconds(20)));
  REQUIRE_EQ(court.verdict(), Verdict::dead);
  court.pass(seconds(8));
  court.solo.outputs.clear();
  const auto later = court.certificate(3, seconds(2));
  court.tell_dead(later);
  const auto stamp = [&] { return court.solo.machine->find(court.subject())->verdict_stamp; };
  CHECK_EQ(stamp().value, later.front().stamp.value);
  court.tell_dead(court.certificate(3, seconds(20)));  // an earlier one changes nothing
  court.pass(seconds(3));
  CHECK_EQ(stamp().value, later.front().stamp.value);
  for (const ms::SendMessage& sent : court.solo.all<ms::SendMessage>()) {
    const auto message = wire::decode(sent.message);
    const auto* push = std::get_if<wire::GossipPush>(&*message);
    if (!push) continue;
    for (const wire::Suspicion& suspicion : push->gossip.suspicions)
      CHECK(suspicion.accuser != wire::prefix_of(court.solo.identity->id()));
  }
}

TEST_CASE(
    "membership: a late accusation of the dead is answered with its own stamp, such an answer "
    "not") {
  Court court;
  court.tell_dead(court.certificate(3, seconds(20)));
  REQUIRE_EQ(court.verdict(), Verdict::dead);
  court.pass(seconds(8));
  const wire::Suspicion late = court.suspicion(3, seconds(1)),
                        answer = court.suspicion(2, seconds(1));
  const auto signed_here = [&](std::size_t from, const wire::Suspicion& told) {
    court.solo.outputs.clear();
    court.solo.receive(court.peers[from].id(), wire::GossipPush{{{}, {told}}});
    court.pass(seconds(2));
    std::set<UnixMillis> stamps;
    for (const ms::SendMessage& sent : court.solo.all<ms::SendMessage>()) {
      const auto message = wire::decode(sent.message);
      if (const auto* push = std::get_if<wire::GossipPush>(&*message))
        for (const wire::Suspicion& suspicion : push->gossip.suspicions)
          if (suspicion.accuser == wire::prefix_of(court.solo.identity->id()))
            stamps.insert(suspicion.stamp);
    }
    return stamps;
  };
  // That others were just told of the death is no answer yet.
  court.solo.receive(court.peers[1].id(),
                     wire::GossipPush{{{court.reference(Verdict::suspect)}, {}}});
  CHECK(signed_here(3, late) == std::set{late.stamp});
  CHECK(signed_here(2, answer).empty());
}

TEST_CASE("membership: an accusation that was refused makes no suspect again, a new one does") {
  Court court;
  const auto accuse = [&](std::size_t teller, const wire::Suspicion& suspicion) {
    court.solo.receive(court.peers[teller].id(), wire::GossipPush{{{}, {suspicion}}});
  };
  const wire::Suspicion old = court.suspicion(0, seconds(5));
  accuse(0, old);
  REQUIRE_EQ(court.verdict(), Verdict::suspect);
  court.solo.step(ms::PeerHeard{court.subject()});
  REQUIRE_EQ(court.verdict(), Verdict::alive);
  court.solo.outputs.clear();
  accuse(1, old);  // still on its way round
  CHECK_EQ(court.verdict(), Verdict::alive);
  CHECK(court.solo.all<ms::SendMessage>().empty());
  accuse(0, court.suspicion(0, Duration(0)));
  CHECK_EQ(court.verdict(), Verdict::suspect);
  accuse(1, old);
  court.solo.step(ms::PeerHeard{court.subject()});
  CHECK_EQ(court.verdict(), Verdict::alive);
}

TEST_CASE("membership: an accusation is later than all that the members have synced past") {
  for (const Duration ahead : {Duration(seconds(40)), Duration(hours(24 * 365))}) {
    Court court;
    const UnixMillis past{court.solo.now.wall.value + to_millis(ahead)};  // a clock far ahead
    court.solo.receive(court.peers[0].id(),
                       wire::Members{{0}, {record_of(court.peers[0], {6}, {}, 0, {}, past)}, {}});
    court.pass(seconds(20));  // the subject answers nothing
    std::size_t accusations = 0;
    for (const ms::SendMessage& sent : court.solo.all<ms::SendMessage>()) {
      const auto message = wire::decode(sent.message);
      const auto* push = std::get_if<wire::GossipPush>(&*message);
      if (!push) continue;
      for (const wire::Suspicion& suspicion : push->gossip.suspicions) {
        CHECK(suspicion.stamp > past);
        ++accusations;
      }
    }
    CHECK(accusations > 0);
  }
}

TEST_CASE("membership: a stamp at the end of time is no stamp") {
  Court court;
  auto proof = court.certificate(3, Duration(0));
  proof[1].stamp = {ms::stamp_max_ms + 1};
  proof[1].signature =
      court.peers[1].sign(wire::suspicion_message(NetworkId{}, court.subject(), proof[1]).view());
  court.tell_dead(proof);
  CHECK_NE(court.verdict(), Verdict::dead);
}
