// A stream between two sessions, cut into reads and changed on its way as the input says: what is
// delivered was sent, in its lane's order, and any changed byte ends the stream.
#include "mutate.hpp"
#include "sessions.hpp"
#include "target.hpp"

using namespace kith;

namespace {

// The TCP connections: bytes under way, and which id either end knows them by.
class Pipes {
 public:
  explicit Pipes(fuzz::Sessions& world) : world_(world) {
    world.also = [this](std::size_t side, const session::Output& output) { on(side, output); };
  }

  // Carries up to `size` bytes to the other end; false when nothing is under way.
  bool carry(std::size_t size, std::uint8_t change) {
    open_waiting();
    for (auto& [key, bytes] : under_way_) {
      if (bytes.empty()) continue;
      const std::size_t taken = std::min(size, bytes.size());
      Bytes part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(taken));
      bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(taken));
      if (change != 0) part[change % part.size()] ^= change;
      const auto [side, id] = key;
      const session::StreamId there = other_.at(key);
      world_.side(1 - side).step(session::StreamBytes{there, part});
      world_.side(side).step(session::StreamCredit{id, taken});
      return true;
    }
    return false;
  }
  void close_one(session::StreamEnd reason) {
    if (other_.empty()) return;
    const auto [key, there] = *other_.begin();
    forget(key);
    world_.side(key.first).step(session::StreamClosed{key.second, reason});
    world_.side(1 - key.first).step(session::StreamClosed{there, session::StreamEnd::reset});
  }

 private:
  using Key = std::pair<std::size_t, session::StreamId>;

  void on(std::size_t side, const session::Output& output) {
    if (const auto* open = std::get_if<session::OpenStream>(&output))
      waiting_.push_back({side, open->stream});
    if (const auto* out = std::get_if<session::WriteStream>(&output)) {
      const ByteView bytes = out->bytes.view();
      if (other_.contains({side, out->stream})) append(under_way_[{side, out->stream}], bytes);
    }
    if (const auto* gone = std::get_if<session::CloseStream>(&output)) {
      const auto it = other_.find({side, gone->stream});
      if (it == other_.end()) return;
      closed_.push_back({1 - side, it->second});
      forget(it->first);
    }
  }
  void forget(Key key) {
    const Key far{1 - key.first, other_.at(key)};
    other_.erase(far);
    other_.erase(key);
    under_way_.erase(far);
    under_way_.erase(key);
  }
  void open_waiting() {
    for (const auto& [side, id] : std::exchange(closed_, {}))
      world_.side(side).step(session::StreamClosed{id, session::StreamEnd::closed});
    for (const auto& [side, id] : std::exchange(waiting_, {})) {
      const session::StreamId inbound = next_ += 2;
      other_[{side, id}] = inbound;
      other_[{1 - side, inbound}] = id;
      const Endpoint from{fuzz::Sessions::at(side).ip, 50000};
      world_.side(1 - side).step(session::StreamOpened{inbound, from, true});
      world_.side(1 - side).step(session::StreamCredit{inbound, 65536});
      world_.side(side).step(session::StreamOpened{id, fuzz::Sessions::at(1 - side), false});
      world_.side(side).step(session::StreamCredit{id, 65536});
    }
  }

  fuzz::Sessions& world_;
  std::vector<Key> waiting_, closed_;
  std::map<Key, session::StreamId> other_;
  std::map<Key, Bytes> under_way_;
  session::StreamId next_ = 1;
};

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Script one, many;
  one.u8(0).u8(0).u16(3000).u8(1);
  for (std::size_t i = 0; i < 12; ++i) one.u8(1).u16(5000).u8(0);
  many = one;
  for (std::size_t i = 0; i < 6; ++i)
    many.u8(0).u8(i).u16(i * 1999).u8(i).u8(1).u16(i * 333 + 1).u8(0).u8(1).u16(9000).u8(0);
  many.u8(1).u16(400).u8(9).u8(2).u8(0xb0).u8(3).u8(1).u8(2).u8(0xf1);
  return {one, many};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, std::min<std::size_t>(size, 1024));
  fuzz::Sessions world;
  Pipes pipes(world);
  for (std::size_t i = 0; i < 2; ++i)
    world.side(i).step(
        session::PeerIntroduced{fuzz::identity(1 - i)->public_key(), {fuzz::Sessions::at(1 - i)}});
  for (int steps = 0; !in.empty() && steps < 100; ++steps) {
    const std::size_t op = in.below(5);
    if (op == 0) {
      const std::size_t side = in.below(2), length = in.u16() % 12'000;
      world.send(side, length, static_cast<Lane>(in.below(3)), true);
    } else if (op == 1 || op == 4) {
      const std::size_t length = in.u16() % 10'000 + 1;
      pipes.carry(length, op == 1 ? 0 : in.u8());
    } else if (op == 2) {
      world.advance(in.pause());
    } else {
      pipes.close_one(static_cast<session::StreamEnd>(in.below(5)));
    }
  }
  for (int left = 100; left > 0 && pipes.carry(100'000, 0); --left) {
  }
  return 0;
}
