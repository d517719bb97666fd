#include <unordered_map>

#include "chance.hpp"
#include "checkers.hpp"

namespace kith::sim {
namespace {

constexpr Byte sealed_frame = 0x06;  // PROTOCOL.md 2
constexpr std::size_t agenda_per_host = 20'000;

class CountersNeverRepeat final : public Checker {
 public:
  std::string_view sentence() const override { return "no counter is used twice under one key"; }
  void on_send(World& world, HostIndex index, const session::Transmit& out) override {
    const ByteView bytes = out.bytes.view();
    if (bytes.size() < 13 || bytes[0] != sealed_frame) return;
    const auto receiver = load_le<std::uint32_t>(bytes.data() + 1);
    const auto counter = load_le<std::uint64_t>(bytes.data() + 5);
    const Key key{index, world.host(index).life, receiver, out.to};
    const auto [last, fresh] = last_.try_emplace(key, counter);
    if (!fresh && counter <= last->second)
      world.find(*this, "host " + std::to_string(index) + " to " + to_string(out.to) +
                            ": counter " + std::to_string(counter) + " after " +
                            std::to_string(last->second));
    last->second = counter;
  }

 private:
  struct Key {
    HostIndex host;
    std::uint64_t life;
    std::uint32_t receiver;
    Endpoint to;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const {
      return mixed(mixed(key.host ^ key.life << 32) ^ key.receiver);
    }
  };
  std::unordered_map<Key, std::uint64_t, Hash> last_;  // never walked: its order is nobody's
};

class QueuesAreBounded final : public Checker {
 public:
  std::string_view sentence() const override { return "work in flight is bounded and ends"; }
  void on_second(World& world) override {
    if (world.pending() > agenda_per_host * world.scenario().hosts)
      world.find(*this, std::to_string(world.pending()) + " things wait to happen");
  }
  std::string lacking(World& world) override {
    for (HostIndex i = 0; i < world.scenario().hosts; ++i) {
      if (!world.in_core(i) || !world.host(i).up()) continue;
      const node::Snapshot snapshot = world.host(i).node->snapshot();
      if (snapshot.dht.queued_bytes > 0)
        return "host " + std::to_string(i) + " has " + std::to_string(snapshot.dht.queued_bytes) +
               " bytes of repair to move";
    }
    return {};
  }
};

}  // namespace

std::unique_ptr<Checker> counters_never_repeat() { return std::make_unique<CountersNeverRepeat>(); }
std::unique_ptr<Checker> queues_are_bounded() { return std::make_unique<QueuesAreBounded>(); }

}  // namespace kith::sim
