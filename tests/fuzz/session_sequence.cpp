// Two sessions over a hostile network: whatever is lost, repeated, reordered and changed, only what
// was sent arrives, once, and both still talk when the network behaves again.
#include "mutate.hpp"
#include "sessions.hpp"
#include "target.hpp"

using namespace kith;

namespace {

enum Op : std::uint8_t {
  op_deliver,
  op_settle,
  op_lose,
  op_repeat,
  op_reorder,
  op_change,
  op_send,
  op_dial,
  op_advance,
  op_refused,
  op_load,
  op_forget,
  op_skip,
  op_move,
  op_raw,
  op_count
};

void network(fuzz::Sessions& world, std::size_t op, fuzz::Input& in) {
  if (world.packets.empty()) return;
  const std::size_t which = in.u8() % world.packets.size();
  fuzz::Packet packet = world.packets[which];
  const auto place = world.packets.begin() + static_cast<std::ptrdiff_t>(which);
  if (op == op_change) packet.bytes = fuzz::mutated(packet.bytes, in);
  if (op == op_deliver || op == op_lose) world.packets.erase(place);
  if (op == op_reorder) std::swap(world.packets.front(), *place);
  if (op == op_deliver || op == op_repeat || op == op_change) world.deliver(packet);
}

void step(fuzz::Sessions& world, fuzz::Input& in) {
  const std::size_t op = in.below(op_count), side = in.below(2);
  const NodeId other = fuzz::identity(1 - side)->id();
  switch (op) {
    case op_settle:
      return world.settle();
    case op_send: {
      const std::size_t size = in.u16() % 1500;  // one after the other, whatever compiles it
      const auto lane = static_cast<Lane>(in.below(3));
      return world.send(side, size, lane, in.flip());
    }
    case op_dial: {
      const bool pinned = in.flip();
      session::DialRequested dial{{in.u8()}, fuzz::Sessions::at(1 - side), std::nullopt, false};
      if (pinned) dial.pin = fuzz::identity(1 - side)->public_key();
      return world.side(side).step(dial);
    }
    case op_advance:
      return world.advance(in.pause());
    case op_refused:
      return world.side(side).step(session::DatagramRefused{fuzz::Sessions::at(1 - side)});
    case op_load:
      return world.side(side).step(session::LoadReported{milliseconds(in.u8()), 0});
    case op_forget:
      return world.side(side).step(session::PeerForgotten{other});
    case op_skip:
      return world.side(side).step(session::TimeSkipped{seconds(in.u8())});
    case op_move:
      return world.side(side).step(session::PeerIntroduced{fuzz::identity(1 - side)->public_key(),
                                                           {fuzz::Sessions::at(in.below(4))}});
    case op_raw: {
      const Bytes bytes = fuzz::copy(in.chunk());
      return world.deliver({side, bytes});
    }
    default:
      network(world, op, in);
  }
}

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Script meet, rough;
  meet.u8(op_dial)
      .u8(0)
      .u8(0)
      .u8(1)
      .u8(op_settle)
      .u8(0)
      .u8(op_send)
      .u8(0)
      .u16(90)
      .u8(1)
      .u8(0)
      .u8(op_settle)
      .u8(0)
      .u8(op_send)
      .u8(1)
      .u16(5)
      .u8(1)
      .u8(0)
      .u8(op_settle)
      .u8(0);
  rough = meet;
  for (std::size_t i = 0; i < 6; ++i)
    rough.u8(op_send)
        .u8(i)
        .u16(i * 200)
        .u8(1)
        .u8(0)
        .u8(op_repeat)
        .u8(0)
        .u8(0)
        .u8(op_change)
        .u8(0)
        .u8(0)
        .u8(1)
        .u8(3)
        .u16(i * 9)
        .u8(i)
        .u8(op_deliver)
        .u8(0)
        .u8(0)
        .u8(op_advance)
        .u8(0)
        .u8(0xb4);
  rough.u8(op_load)
      .u8(1)
      .u8(200)
      .u8(op_forget)
      .u8(0)
      .u8(op_dial)
      .u8(0)
      .u8(1)
      .u8(2)
      .u8(op_settle)
      .u8(0)
      .u8(op_advance)
      .u8(0)
      .u8(0xf8)
      .u8(op_settle)
      .u8(0);
  return {meet, rough};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, std::min<std::size_t>(size, 1024));
  fuzz::Sessions world;
  for (int steps = 0; !in.empty() && steps < 100; ++steps) step(world, in);

  // Peace: within two rounds of handshakes a message gets through.
  world.packets.clear();
  for (std::size_t i = 0; i < 2; ++i) {
    world.side(i).step(session::LoadReported{Duration(0), 0});
    world.side(i).step(
        session::PeerIntroduced{fuzz::identity(1 - i)->public_key(), {fuzz::Sessions::at(1 - i)}});
  }
  const std::size_t before = world.received;
  for (int round = 0; round < 40 && world.received == before; ++round) {
    if (round % 4 == 0) world.send(0, 1, Lane::data, false);
    world.settle();
    world.advance(milliseconds(400));
  }
  KITH_ASSERT(world.received > before);
  return 0;
}
