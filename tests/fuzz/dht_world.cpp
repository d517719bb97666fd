// Three real Dhts with disks and a network that crash, part, fill up, leave and lose as the input
// says, for seconds or for hours. What was applied is never unseen: a complete read afterwards
// finds it, or something newer.
#include "target.hpp"

#define REQUIRE(condition) KITH_ASSERT(bool(condition))  // the unit tests' world speaks doctest
#include "../dht/world.hpp"

using namespace kith;

namespace {

constexpr std::size_t nodes = 3;
constexpr int long_waits = 2;  // for long: they cost more than all the rest

class World {
 public:
  World(std::uint64_t seed, Mode mode) : public_(mode == Mode::public_), world_(nodes, seed, mode) {
    world_.start_all();
  }

  void step(fuzz::Input& in) {
    const std::size_t op = in.below(16), node = in.below(nodes);
    const std::string name = "k" + std::to_string(in.below(2));
    const bool up = world_.node(node).up;
    if (op <= 1 && up) return put(node, name, in.u8());
    if (op == 2 && up) {
      const std::size_t owner = in.below(nodes);  // first, whatever compiles it
      return get(node, owner, name, in.flip());
    }
    if (op == 3 && up) return world_.kill(node);
    if (op == 4 && !up) return world_.start(node);
    if (op == 5 && up) return part(node, in.flip());
    if (op == 6) world_.loss_percent = static_cast<int>(in.below(40));
    if (op == 8) world_.node(node).disk_full = in.flip();
    if (op == 9) world_.node(node).disk_silent = in.flip();
    if (op == 10 && up) return lookup(node, name);
    if (op == 11 && up) return leave(node);
    if (op == 12 && up) return world_.lose_next(node, in.below(8));
    if (op == 13 && ++waits_ <= long_waits) return wait(minutes(in.below(64)));
    wait(in.pause());
  }

  // Everybody back: now every read must be complete and see what was applied.
  void finish() {
    world_.loss_percent = 0;
    world_.heal();
    for (std::size_t i = 0; i < nodes; ++i) {
      world_.node(i).disk_full = world_.node(i).disk_silent = false;
      world_.lose_next(i, 0);
      if (!world_.node(i).up) world_.start(i);
    }
    world_.run(seconds(8));
    for (const std::string name : {"k0", "k1"})
      for (std::size_t owner = 0; owner < (public_ ? nodes : 1); ++owner) get(0, owner, name, true);
  }

 private:
  // Who is missed for ten minutes counts no more (PROTOCOL.md 5): both sides answer then, and
  // nothing is claimed any more of what they say.
  void wait(Duration time) {
    bool whole = true;
    for (std::size_t i = 0; i < nodes; ++i)
      whole = whole && world_.node(i).up && world_.node(i).unreachable.empty();
    apart_ = whole ? Duration(0) : apart_ + time;
    claimed_ = claimed_ && apart_ < minutes(10);
    world_.run(time);
  }

  using Place = std::pair<std::size_t, std::string>;
  // On a public network each writer has names of its own.
  Place place(std::size_t owner, const std::string& name) const {
    return {public_ ? owner : 0, name};
  }

  void put(std::size_t node, const std::string& name, Byte value) {
    dht::PutRequested request{{}, name};
    request.kind = public_ ? wire::Kind::owned : wire::Kind::value;
    request.value = Buffer(as_bytes("value" + std::to_string(value)));
    if (public_) request.ttl = hours(24);
    const auto report = world_.put(node, request);
    if (report.outcome != dht::PutOutcome::applied) return;
    KITH_ASSERT(report.stored_base >= report.needed);
    if (!claimed_) return;
    auto& applied = applied_[place(node, name)];
    KITH_ASSERT(report.sequence > applied.sequence);
    applied = {report.sequence, world_.now().mono + hours(24)};
  }
  void get(std::size_t node, std::size_t owner, const std::string& name, bool quorum) {
    const auto level = quorum ? dht::Consistency::quorum : dht::Consistency::one;
    const auto report =
        world_.get(node, name, level, public_ ? std::optional(world_.id(owner)) : std::nullopt);
    if (report.found) KITH_ASSERT(as_text(report.value.view()).starts_with("value"));
    if (!quorum || !report.complete || !claimed_) return;
    const Applied& applied = applied_[place(owner, name)];
    if (public_ && applied.expires <= world_.now().mono) return;
    KITH_ASSERT(report.found || applied.sequence == Sequence{});
    KITH_ASSERT(report.sequence >= applied.sequence);
  }
  void lookup(std::size_t node, const std::string& name) {
    const auto report = world_.lookup(node, name);
    KITH_ASSERT(report.replicas.size() <= nodes);
  }
  // It hands over and goes, or, when it cannot, stays.
  void leave(std::size_t node) {
    world_.step(node, dht::DrainRequested{});
    world_.run(seconds(5));
    if (!world_.node(node).drained) return;
    world_.node(node).drained = false;
    world_.kill(node);
  }
  void part(std::size_t node, bool heal) {
    if (heal) return world_.heal();
    std::vector<std::size_t> others;
    for (std::size_t i = 0; i < nodes; ++i)
      if (i != node && world_.node(i).up) others.push_back(i);
    world_.cut({node}, others);
  }

  struct Applied {
    Sequence sequence;
    Instant expires;
  };
  bool public_;
  int waits_ = 0;
  Duration apart_{};  // since all three were together
  bool claimed_ = true;
  test::DhtWorld world_;
  std::map<Place, Applied> applied_;
};

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Script restarts, cut, leaves, fills, ages;
  restarts.u8(1).u8(0);
  for (std::size_t i = 0; i < 3; ++i) {
    restarts.u8(0).u8(i).u8(i).u8(i).u8(2).u8(i + 1).u8(i).u8(i).u8(1).u8(3).u8(i).u8(0);
    restarts.u8(7).u8(0).u8(0).u8(0xe0).u8(4).u8(i).u8(0);
  }
  cut.u8(2).u8(0).u8(5).u8(0).u8(0).u8(0).u8(0).u8(1).u8(0).u8(7).u8(0).u8(1).u8(0).u8(8);
  cut.u8(5).u8(0).u8(0).u8(1).u8(2).u8(0).u8(0).u8(0).u8(1);
  leaves.u8(3).u8(0).u8(0).u8(0).u8(0).u8(5).u8(11).u8(1).u8(0).u8(10).u8(0).u8(0);
  leaves.u8(13).u8(0).u8(0).u8(30).u8(4).u8(1).u8(0).u8(11).u8(2).u8(0).u8(2).u8(0).u8(0).u8(0).u8(
      1);
  fills.u8(1).u8(1);
  for (std::size_t i = 0; i < 3; ++i) fills.u8(8 + i % 2).u8(i).u8(0).u8(1).u8(0).u8(i).u8(i).u8(i);
  fills.u8(12).u8(1).u8(0).u8(5).u8(2).u8(0).u8(1).u8(1).u8(1);
  ages.u8(2).u8(1);
  for (std::size_t i = 0; i < 9; ++i) ages.u8(0).u8(i).u8(i).u8(i).u8(13).u8(0).u8(0).u8(63);
  ages.u8(3).u8(2).u8(0).u8(13).u8(0).u8(0).u8(20).u8(0).u8(0).u8(0).u8(9).u8(4).u8(2).u8(0);
  return {restarts, cut, leaves, fills, ages};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, std::min<std::size_t>(size, 256));
  const std::uint64_t seed = 1 + in.below(4);
  World world(seed, in.flip() ? Mode::public_ : Mode::private_);
  for (int steps = 0; !in.empty() && steps < 20; ++steps) world.step(in);
  world.finish();
  return 0;
}
