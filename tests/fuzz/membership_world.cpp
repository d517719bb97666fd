// Real Memberships and a network that cuts, loses, pauses and kills as the input says, with clocks
// and disks that fail. When everything is back, everybody holds everybody for alive again.
#include "../membership/world.cpp"
#include "target.hpp"

using namespace kith;

namespace {

constexpr Duration longest_pause = seconds(6);
constexpr Duration recovery = seconds(20);

class Village {
 public:
  Village(std::size_t nodes, Mode mode) : world_({.mode = mode}) {
    world_.add(nodes);
    world_.meet_all();
    world_.run(seconds(3));
    check();
  }

  void step(fuzz::Input& in) {
    const std::size_t op = in.below(16), node = in.below(world_.size());
    switch (op) {
      case 0:
        return in.flip() ? world_.kill(node) : leave(node);
      case 1:
        return start(node, in.flip());
      case 2:
        return world_.silence(node, in.flip());
      case 3:
        return world_.pause(node, std::min<Duration>(in.pause(), longest_pause));
      case 4:
        return world_.deafen(node, in.flip());
      case 5:
        return cut(node, in.u8());
      case 6:
        return world_.set_clock(node, seconds(in.u16() - 0x8000));
      case 7: {
        const std::size_t subject = in.below(world_.size());  // first, whatever compiles it
        return suspicion(node, subject, in.below(world_.size()));
      }
      case 8:
        world_.disk_full = in.flip();
        return;
      case 9:
        return world_.step(node, fact(in));
      default:
        world_.run(std::min<Duration>(in.pause(), longest_pause));
    }
  }

  void finish() {
    world_.disk_full = false;
    for (std::size_t i = 0; i < world_.size(); ++i) {
      world_.silence(i, false);
      world_.deafen(i, false);
      cut(i, 0);
      start(i, false);
    }
    world_.run(longest_pause);  // the last pause is over
    for (std::size_t i = 0; i < world_.size(); ++i) world_.meet(i, (i + 1) % world_.size());
    world_.run(recovery);
    check();
  }

 private:
  void start(std::size_t node, bool wiped) {
    if (world_.running(node)) return;
    world_.restart(node, wiped);
    for (std::size_t other = 0; other < world_.size(); ++other)
      if (other != node) world_.meet(node, other);
  }
  void leave(std::size_t node) {
    world_.step(node, test::ms::LeaveRequested{});
    world_.run(milliseconds(400));
    world_.kill(node);
  }
  void cut(std::size_t node, std::uint8_t from) {
    for (std::size_t other = 0; other < world_.size(); ++other)
      if (other != node) world_.cut(node, other, (from >> other & 1) != 0);
  }
  void suspicion(std::size_t accuser, std::size_t subject, std::size_t to) {
    if (world_.running(to) && world_.at(to).find(world_.id(subject)))
      world_.suspicion_by(accuser, subject, to);
  }
  test::ms::Input fact(fuzz::Input& in) {
    const std::size_t what = in.below(5), other = in.below(world_.size());
    if (what == 0 && !world_.running(other)) return test::ms::ForgetRequested{world_.id(other)};
    if (what == 1) return test::ms::TimeSkipped{seconds(in.u8())};
    if (what == 2) return test::ms::LoadReported{milliseconds(in.u8())};
    if (what == 3) return test::ms::PeerUnreachable{world_.id(other)};
    return test::ms::SelfChanged{std::nullopt, UnixMillis{in.u16()}};
  }
  void check() {
    for (std::size_t i = 0; i < world_.size(); ++i)
      for (std::size_t other = 0; other < world_.size(); ++other)
        KITH_ASSERT(world_.verdict(i, other) == wire::Verdict::alive);
  }

  test::World world_;
};

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Script killed, parted, left, slow;
  killed.u8(1).u8(1).u8(0).u8(2).u8(1);
  for (std::size_t i = 0; i < 3; ++i) killed.u8(10).u8(0).u8(0xf0);
  killed.u8(9).u8(0).u8(0).u8(2).u8(1).u8(2).u8(0);
  parted.u8(2).u8(0).u8(5).u8(0).u8(0x0c).u8(5).u8(1).u8(0x0c);
  for (std::size_t i = 0; i < 3; ++i) parted.u8(10).u8(0).u8(0xf0);
  left.u8(1).u8(2).u8(0).u8(1).u8(0).u8(10).u8(0).u8(0xe8).u8(1).u8(1).u8(1).u8(7).u8(1).u8(2).u8(
      0);
  left.u8(8).u8(0).u8(1).u8(6).u8(1).u16(0).u8(0).u8(0).u8(1).u8(1).u8(0).u8(0);
  slow.u8(3).u8(0).u8(2).u8(1).u8(1).u8(10).u8(0).u8(0xf0).u8(3).u8(2).u8(0xf0).u8(4).u8(3).u8(1);
  slow.u8(10).u8(0).u8(0xf0).u8(2).u8(1).u8(0).u8(10).u8(0).u8(0xe0);
  return {killed, parted, left, slow};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, std::min<std::size_t>(size, 256));
  const std::size_t nodes = 2 + in.below(4);
  Village village(nodes, static_cast<Mode>(in.below(3)));
  for (int steps = 0; !in.empty() && steps < 12; ++steps) village.step(in);
  village.finish();
  return 0;
}
