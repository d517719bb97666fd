#include <map>

#include "chance.hpp"
#include "checkers.hpp"
#include "word_map.hpp"

namespace kith::sim {
namespace {

constexpr Byte init_frame = 0x03, reply_frame = 0x04, sealed_frame = 0x06;  // PROTOCOL.md 2
constexpr std::size_t agenda_per_host = 20'000;
constexpr std::uint64_t datagrams_per_host = 1'000;  // a second, over ten; some 20 are usual

std::uint64_t process(const World& world, HostIndex index) {
  return mixed(index ^ world.host(index).life << 32);
}

std::uint64_t hash_of(const Endpoint& endpoint) {
  const Byte* address = endpoint.ip.bytes.data();
  return mixed(mixed(load_le<std::uint64_t>(address)) ^ load_le<std::uint64_t>(address + 8) ^
               std::uint64_t{endpoint.port} << 40);
}

class CountersNeverRepeat final : public Checker {
 public:
  std::string_view sentence() const override { return "no counter is used twice under one key"; }
  void on_send(World& world, HostIndex index, const session::Transmit& out) override {
    const ByteView bytes = out.bytes.view();
    if (bytes.size() < 13 || bytes[0] != sealed_frame) return;
    const auto receiver = load_le<std::uint32_t>(bytes.data() + 1);
    const auto counter = load_le<std::uint64_t>(bytes.data() + 5);
    std::uint64_t& next = next_[mixed(process(world, index) ^ mixed(receiver) ^ hash_of(out.to))];
    if (counter < next)
      world.find(*this, "host " + std::to_string(index) + " to " + to_string(out.to) +
                            ": counter " + std::to_string(counter) + " after " +
                            std::to_string(next - 1));
    next = counter + 1;
  }

 private:
  WordMap next_;  // by process, receiver index and address
};

// Of the frames of one session that come with the same counter, all but one are dropped, with a
// reason: those that do not open, and replays.
class CountersAreTakenOnce final : public Checker {
 public:
  std::string_view sentence() const override { return "a sealed datagram is taken once"; }
  // An index is drawn anew for each handshake, by chance that of a session which is gone.
  void on_send(World& world, HostIndex index, const session::Transmit& out) override {
    const ByteView bytes = out.bytes.view();
    if (bytes.size() >= 5 && (bytes[0] == init_frame || bytes[0] == reply_frame))
      ++handshakes_[keys(world, index, bytes)];
  }
  void on_datagram(World& world, HostIndex index, ByteView bytes) override {
    settle(world);
    if (bytes.size() < 13 || bytes[0] != sealed_frame) return;
    const std::uint64_t place = keys(world, index, bytes);
    const std::uint64_t session = mixed(place ^ handshakes_[place]);
    given_ = mixed(session ^ load_le<std::uint64_t>(bytes.data() + 5));
  }
  void on_output(World&, HostIndex, const node::Output& output) override {
    if (std::holds_alternative<Dropped>(output)) given_.reset();
  }
  void on_second(World& world) override {
    settle(world);
    if (++seconds_ % remembered == 0) before_ = std::exchange(taken_, {});
  }

 private:
  static constexpr int remembered = 20;  // s; a replay comes within five

  // Whatever frame: the index of the host's own end follows the type.
  static std::uint64_t keys(const World& world, HostIndex index, ByteView frame) {
    return mixed(process(world, index) ^ load_le<std::uint32_t>(frame.data() + 1));
  }
  // What was handed to a node last, and not dropped.
  void settle(World& world) {
    if (!given_) return;
    const std::uint64_t frame = *std::exchange(given_, std::nullopt);
    if (before_.contains(frame) || !taken_.insert(frame))
      world.find(*this, "one that came again was not dropped");
  }
  std::optional<std::uint64_t> given_;
  WordMap handshakes_;  // by process and index: how many have begun
  WordSet taken_, before_;
  int seconds_ = 0;
};

// Each message 1 has an index of its own, and the answer names it.
class GreetingsAreAnsweredOnce final : public Checker {
 public:
  std::string_view sentence() const override { return "a message 1 is answered once"; }
  void on_send(World& world, HostIndex index, const session::Transmit& out) override {
    const ByteView bytes = out.bytes.view();
    if (bytes.size() < 9 || bytes[0] != reply_frame) return;
    const auto initiator = load_le<std::uint32_t>(bytes.data() + 5);
    if (!answered_.insert(mixed(process(world, index) ^ mixed(initiator) ^ hash_of(out.to))))
      world.find(*this,
                 "host " + std::to_string(index) + " answers " + to_string(out.to) + " again");
  }

 private:
  WordSet answered_;  // by process, its initiator's index and address
};

class QueuesAreBounded final : public Checker {
 public:
  std::string_view sentence() const override { return "work in flight is bounded and ends"; }
  void on_second(World& world) override {
    const std::size_t hosts = world.scenario().hosts;
    if (world.pending() > agenda_per_host * hosts)
      world.find(*this, std::to_string(world.pending()) + " things wait to happen");
    const std::uint64_t all = world.tally().datagrams;
    if (all - before_ > 10 * (datagrams_per_host + hosts) * hosts)
      world.find(*this, std::to_string(all - before_) + " datagrams came within ten seconds");
    if (++seconds_ % 10 == 0) before_ = all;
    for (HostIndex i = 0; world.healed() && i < hosts; ++i)
      busy_[i] = to_move(world, i) > 0 ? busy_[i] + 1 : 0;
  }
  // Anti-entropy may find something at any time, but moves it.
  std::string lacking(World& world) override {
    for (HostIndex i = 0; i < world.scenario().hosts; ++i)
      if (const std::size_t bytes = to_move(world, i); bytes > 0 && busy_[i] >= some_seconds)
        return "host " + std::to_string(i) + " has " + std::to_string(bytes) +
               " bytes of repair to move";
    return {};
  }

 private:
  static constexpr int some_seconds = 5;
  static std::size_t to_move(const World& world, HostIndex host) {
    if (!world.in_core(host) || !world.host(host).up()) return 0;
    return world.host(host).node->snapshot().dht.queued_bytes;
  }
  std::map<HostIndex, int> busy_;  // seconds in a row that a host had something to move
  std::uint64_t before_ = 0;
  int seconds_ = 0;
};

}  // namespace

std::unique_ptr<Checker> counters_never_repeat() { return std::make_unique<CountersNeverRepeat>(); }
std::unique_ptr<Checker> counters_are_taken_once() {
  return std::make_unique<CountersAreTakenOnce>();
}
std::unique_ptr<Checker> greetings_are_answered_once() {
  return std::make_unique<GreetingsAreAnsweredOnce>();
}
std::unique_ptr<Checker> queues_are_bounded() { return std::make_unique<QueuesAreBounded>(); }

}  // namespace kith::sim
