// Three real Dhts with disks and a network that crash, part and lose as the input says. What was
// applied is never unseen: a complete read afterwards finds it, or something newer.
#include "target.hpp"

#define REQUIRE(condition) KITH_ASSERT(bool(condition))  // the unit tests' world speaks doctest
#include "../dht/world.hpp"

using namespace kith;

namespace {

constexpr std::size_t nodes = 3;

class World {
 public:
  explicit World(std::uint64_t seed) : world_(nodes, seed) { world_.start_all(); }

  void step(fuzz::Input& in) {
    const std::size_t op = in.below(8), node = in.below(nodes);
    const std::string name = "k" + std::to_string(in.below(2));
    const bool up = world_.node(node).up;
    if (op <= 1 && up) return put(node, name, in.u8());
    if (op == 2 && up) return get(node, name, in.flip());
    if (op == 3 && up) return world_.kill(node);
    if (op == 4 && !up) return world_.start(node);
    if (op == 5 && up) return part(node, in.flip());
    if (op == 6) world_.loss_percent = static_cast<int>(in.below(40));
    world_.run(in.pause());
  }

  // Everybody back: now every read must be complete and see what was applied.
  void finish() {
    world_.loss_percent = 0;
    world_.heal();
    for (std::size_t i = 0; i < nodes; ++i)
      if (!world_.node(i).up) world_.start(i);
    world_.run(seconds(8));
    for (const std::string name : {"k0", "k1"}) get(0, name, true);
  }

 private:
  void put(std::size_t node, const std::string& name, Byte value) {
    const auto report = world_.put(node, name, "value" + std::to_string(value));
    if (report.outcome != dht::PutOutcome::applied) return;
    KITH_ASSERT(report.stored_base >= report.needed);
    KITH_ASSERT(report.sequence > applied_[name]);
    applied_[name] = report.sequence;
  }
  void get(std::size_t node, const std::string& name, bool quorum) {
    const auto level = quorum ? dht::Consistency::quorum : dht::Consistency::one;
    const auto report = world_.get(node, name, level);
    if (report.found) KITH_ASSERT(as_text(report.value.view()).starts_with("value"));
    if (!quorum || !report.complete) return;
    KITH_ASSERT(report.found || applied_[name] == Sequence{});
    KITH_ASSERT(report.sequence >= applied_[name]);
  }
  void part(std::size_t node, bool heal) {
    if (heal) return world_.heal();
    std::vector<std::size_t> others;
    for (std::size_t i = 0; i < nodes; ++i)
      if (i != node && world_.node(i).up) others.push_back(i);
    world_.cut({node}, others);
  }

  test::DhtWorld world_;
  std::map<std::string, Sequence> applied_;
};

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Script script;
  script.u8(1);
  for (std::size_t i = 0; i < 3; ++i)
    script.u8(0)
        .u8(i)
        .u8(i)
        .u8(i)
        .u8(2)
        .u8(i + 1)
        .u8(i)
        .u8(1)
        .u8(3)
        .u8(i)
        .u8(0)
        .u8(7)
        .u8(0)
        .u8(0)
        .u8(0xe0)
        .u8(4)
        .u8(i)
        .u8(0);
  return {script, fuzz::Script()
                      .u8(2)
                      .u8(5)
                      .u8(0)
                      .u8(0)
                      .u8(0)
                      .u8(0)
                      .u8(1)
                      .u8(0)
                      .u8(7)
                      .u8(0)
                      .u8(1)
                      .u8(0)
                      .u8(8)
                      .u8(5)
                      .u8(0)
                      .u8(0)
                      .u8(1)
                      .u8(2)
                      .u8(0)
                      .u8(0)
                      .u8(1)};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, std::min<std::size_t>(size, 256));
  World world(1 + in.below(4));
  for (int steps = 0; !in.empty() && steps < 20; ++steps) world.step(in);
  world.finish();
  return 0;
}
