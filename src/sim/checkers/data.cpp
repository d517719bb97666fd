#include <algorithm>
#include <set>

#include "checkers.hpp"
#include "kith/crypto/hash.hpp"
#include "kith/wire/record.hpp"

namespace kith::sim {
namespace {

struct Version {
  Sequence sequence;
  NodeId writer;
  auto operator<=>(const Version&) const = default;
};

std::string text_of(const World& world, const Version& version) {
  const auto writer = world.index_of(version.writer);
  return std::to_string(version.sequence.value) +
         (writer ? " of host " + std::to_string(*writer) : "");
}

const dht::PutReport* put_of(const Operation& operation) {
  return operation.report ? std::get_if<dht::PutReport>(operation.report.get()) : nullptr;
}
const dht::GetReport* get_of(const Operation& operation) {
  return operation.report ? std::get_if<dht::GetReport>(operation.report.get()) : nullptr;
}
bool applied(const Operation& operation) {
  const auto* put = put_of(operation);
  return put && put->outcome == dht::PutOutcome::applied;
}
Version version_of(const World& world, const Operation& operation) {
  if (const auto* put = put_of(operation))
    return {put->sequence, world.host(operation.at).identity->id()};
  const auto* get = get_of(operation);
  return get ? Version{get->sequence, get->writer} : Version{};
}

// Who says "stored" of what it did not store, or "none" of what it has, is one replica less in a
// quorum that counts it. Write and read quorums meet in b/2 + 1 + b/2 + 1 - b members: two where b
// is even, but one where it is odd, and that may be the liar. A base of two asks one. What else a
// liar says is no vote: it is checked, or it is silence.
bool lies_to_quorums(const Event& event) {
  return event.act == Act::lie && (event.amount & bit_of(Lie::receipts)) != 0;
}

// Whether two members count to that host and both live, as it tells.
bool counts_two_that_live(const World& world, HostIndex at) {
  const dht::Snapshot told = world.host(at).node->snapshot().dht;
  return told.counting == 2 && told.counting_dead == 0;
}

// Versions are totally ordered, so a register is linearizable when no operation that was answered
// for sure goes behind one that had ended before it began.
//
// Not claimed: of a network that has not formed yet; and of reads that one member of a base of two
// answered while the other was taken for dead (PROTOCOL.md 5). Such a pair keeps what was applied
// by both, but its halves may be told apart by what was not. Nor of a host that lost its disk, has
// left, or is new, and answers alone: as long as it meets nobody who counts it is a first start,
// and founds a network of its own. Nor once somebody gave false receipts: then only that what is
// read was written.
class History final : public Checker {
 public:
  std::string_view sentence() const override {
    return "reads and writes of a key are linearizable";
  }
  void on_fault(World& world, const Event& event, bool begins) override {
    if (!begins) return;
    const bool lost_disk = event.act == Act::wipe || event.act == Act::rollback;
    const bool may_found =
        lost_disk || event.act == Act::leave || (event.act == Act::start && world.formed());
    if (may_found) founders_.insert(event.hosts.begin(), event.hosts.end());
    const bool forgets = lost_disk || event.act == Act::twin || event.act == Act::disk_full ||
                         event.act == Act::disk_busy;
    if (forgets) repeaters_.insert(event.hosts.begin(), event.hosts.end());
    all_repeat_ = all_repeat_ || (forgets && event.hosts.empty());
    deceived_ = deceived_ || lies_to_quorums(event);
  }
  void on_ended(World& world, const Operation& operation) override {
    const auto* get = get_of(operation);
    // Who forgot what it had signed may sign a sequence twice; the content decides between the two.
    const bool repeats = all_repeat_ || repeaters_.contains(operation.at);
    if (const auto* put = put_of(operation); put && put->sequence.value > 0 && !repeats)
      written_.emplace(std::pair(operation.key, version_of(world, operation)), operation);
    if (get && get->found) check_value(world, operation, *get);
    if (get && get->complete) check_version(world, operation, *get);
    const std::size_t needed = get                 ? get->needed
                               : put_of(operation) ? put_of(operation)->needed
                                                   : 0;
    if (needed == 1 && founders_.contains(operation.at)) return;
    const bool sure = get ? get->complete : applied(operation);
    const bool by_one_of_two = get && get->needed == 1 && get->responded <= 1 &&
                               !counts_two_that_live(world, operation.at);
    if (!sure || !world.formed() || by_one_of_two || deceived_) return;
    std::vector<Answered>& before = answered_[operation.key];
    const Version version = version_of(world, operation);
    for (const Answered& other : before) {
      if (other.ended >= operation.begun) continue;
      if (get || repeats ? version >= other.version : version > other.version) continue;
      world.find(*this, operation.key + ": a " + (get ? "get" : "put") + " at host " +
                            std::to_string(operation.at) + " gives " + text_of(world, version) +
                            ", but " + text_of(world, other.version) +
                            " had been answered before it began");
    }
    before.push_back({*operation.ended, version});
  }

 private:
  struct Answered {
    Instant ended;
    Version version;
  };
  void check_value(World& world, const Operation& operation, const dht::GetReport& get) {
    const std::string_view value = as_text(get.value.view());
    const bool written = std::any_of(
        world.operations().begin(), world.operations().end(), [&](const Operation& other) {
          return other.event.act == Act::put && other.key == operation.key && other.value == value;
        });
    if (!written) world.find(*this, operation.key + ": a value is read that nobody wrote");
  }
  // Of a version whose writer was answered: what it wrote, no more and no less.
  void check_version(World& world, const Operation& operation, const dht::GetReport& get) {
    const auto written = written_.find({operation.key, version_of(world, operation)});
    if (written == written_.end()) return;
    const Event& put = written->second.event;
    const bool may_be_gone = put.act == Act::erase || put.span.count() > 0;  // it expires
    const bool same = get.found ? as_text(get.value.view()) == written->second.value : may_be_gone;
    if (!same)
      world.find(*this, operation.key + ": " + text_of(world, written->first.second) +
                            " is read at host " + std::to_string(operation.at) +
                            " as something else than was written");
  }
  std::map<std::pair<std::string, Version>, Operation> written_;
  std::map<std::string, std::vector<Answered>> answered_;
  std::set<HostIndex> founders_, repeaters_;
  bool deceived_ = false, all_repeat_ = false;
};

// The version of `key` that a disk holds for sure; a damaged one does not count.
std::optional<Version> on_disk(const Host& host, const RecordId& id) {
  const Cell cell{Table::record, Bytes(id.view().begin(), id.view().end())};
  const auto found = host.disk.cells().find(cell);
  if (found == host.disk.cells().end() || host.disk.damaged(cell)) return std::nullopt;
  const auto record = wire::decode_record(found->second);
  if (!record) return std::nullopt;
  return Version{record->record.sequence, crypto::node_id(record->record.writer)};
}

class ReceiptsAreOnDisks final : public Checker {
 public:
  std::string_view sentence() const override {
    return "applied means on the disks of that many hosts";
  }
  void on_fault(World&, const Event& event, bool begins) override {
    const bool loses =
        event.act == Act::wipe || event.act == Act::rollback || event.act == Act::rot;
    if (begins && (loses || lies_to_quorums(event))) lost_ += event.hosts.size();
  }
  void on_ended(World& world, const Operation& operation) override {
    if (!applied(operation)) return;
    const auto* put = put_of(operation);
    std::size_t holding = 0;
    for (const Host& host : world.hosts()) {
      const auto version = on_disk(host, put->id);
      holding += version && *version >= version_of(world, operation);
    }
    if (holding + lost_ < put->needed)
      world.find(*this, operation.key + ": applied on " + std::to_string(put->stored_base) +
                            ", needed " + std::to_string(put->needed) + ", on the disks of " +
                            std::to_string(holding));
  }

 private:
  std::size_t lost_ = 0;
};

// By the wall clocks of writer and reader: claimed while nobody's has been tampered with.
class ValuesExpireInTime final : public Checker {
 public:
  std::string_view sentence() const override {
    return "a value is read until it expires, and not after";
  }
  void on_fault(World&, const Event& event, bool) override {
    clocks_differ_ = clocks_differ_ || event.act == Act::step_clock || event.act == Act::drift;
  }
  void on_asked(World&, const Operation& operation) override {
    if (operation.event.act == Act::put && operation.event.span.count() > 0)
      lent_.emplace(operation.value, operation);
  }
  void on_ended(World& world, const Operation& operation) override {
    const auto lent = lent_.find(operation.value);
    if (const auto* put = put_of(operation); put && lent != lent_.end()) {
      lent->second.ended = operation.ended;
      const NodeId& writer = world.host(operation.at).identity->id();
      versions_.emplace(std::tuple(put->id, put->sequence, writer), operation.value);
    }
    const auto* get = get_of(operation);
    if (!get || clocks_differ_) return;
    const auto found =
        get->found ? lent_.find(std::string(as_text(get->value.view()))) : lent_of(*get);
    if (found == lent_.end()) return;
    const Operation& put = found->second;
    // Its time runs from the signature: between the put's beginning and its end; in whole ms.
    if (get->found && put.ended && operation.begun > *put.ended + put.event.span)
      world.find(*this, operation.key + " is still read at host " + std::to_string(operation.at));
    if (!get->found && *operation.ended + milliseconds(1) < put.begun + put.event.span)
      world.find(*this, operation.key + " is gone already at host " + std::to_string(operation.at));
  }

 private:
  using Lent = std::map<std::string, Operation>;  // by value
  Lent::const_iterator lent_of(const dht::GetReport& get) const {
    const auto version = versions_.find({get.id, get.sequence, get.writer});
    return version == versions_.end() ? lent_.end() : lent_.find(version->second);
  }
  Lent lent_;
  std::map<std::tuple<RecordId, Sequence, NodeId>, std::string> versions_;
  bool clocks_differ_ = false;
};

// Claimed where the core is a majority of every neighbourhood: else the dead keep their places for
// ten minutes (PROTOCOL.md 5), and those who wait for them are not synced.
class ReplicationIsRestored final : public Checker {
 public:
  std::string_view sentence() const override { return "after healing every key has its replicas"; }
  void on_fault(World&, const Event& event, bool begins) override {
    if (begins && event.act == Act::lie && (event.amount & bit_of(Lie::forge)) != 0)
      forgers_.insert(event.hosts.begin(), event.hosts.end());
  }
  std::string lacking(World& world) override {
    for (const HostIndex forger : forgers_)  // it may have left and kept its place
      if (!world.in_core(forger)) return {};
    HostIndex gone = 0;
    for (HostIndex i = 0; i < world.scenario().hosts; ++i) gone += !world.in_core(i);
    if (gone > 0 && world.scenario().hosts - gone < world.scenario().hosts / 2 + 1) return {};
    for (HostIndex i = 0; i < world.scenario().hosts; ++i) {
      if (!world.in_core(i) || !world.host(i).up()) continue;
      const dht::Snapshot dht = world.host(i).node->snapshot().dht;
      if (!dht.synced) return "host " + std::to_string(i) + " is not synced";
      if (dht.under_replicated > 0)
        return "host " + std::to_string(i) + " counts " + std::to_string(dht.under_replicated) +
               " records with too few holders";
    }
    return {};
  }

 private:
  std::set<HostIndex> forgers_;
};

// Once the core agrees, every key is asked for at two hosts, again and again until both answer for
// sure with what was acknowledged, or a later version. Not claimed of what was acknowledged after
// somebody began to give false receipts.
class AcknowledgedIsReadable final : public Checker {
 public:
  std::string_view sentence() const override {
    return "after healing every acknowledged value, or a later one, is read";
  }
  void on_fault(World&, const Event& event, bool begins) override {
    if (begins && lies_to_quorums(event)) deceived_ = true;
  }
  void on_ended(World& world, const Operation& operation) override {
    const auto* get = get_of(operation);
    if (applied(operation) && !deceived_) {
      Version& floor = floor_[operation.key];
      floor = std::max(floor, version_of(world, operation));
    }
    if (!get || !get->complete || !world.healed()) return;
    if (version_of(world, operation) >= floor_[operation.key])
      read_.insert({operation.key, operation.at});
  }
  void on_second(World& world) override {
    if (!world.healed() || ++seconds_ % 4 != 0) return;
    for (const auto& [key, floor] : floor_)
      for (const HostIndex at : readers(world, key))
        if (!read_.contains({key, at})) world.get(at, key);
  }
  std::string lacking(World& world) override {
    std::size_t missing = 0;
    std::string first;
    for (const auto& [key, floor] : floor_)
      for (const HostIndex at : readers(world, key))
        if (!read_.contains({key, at}) && missing++ == 0)
          first = key + " (" + text_of(world, floor) + ") at host " + std::to_string(at);
    return missing == 0 ? std::string() : std::to_string(missing) + " reads lack, first " + first;
  }

 private:
  static std::vector<HostIndex> readers(const World& world, const std::string& key) {
    std::vector<HostIndex> core;
    for (HostIndex i = 0; i < world.scenario().hosts; ++i)
      if (world.in_core(i)) core.push_back(i);
    if (core.empty()) return {};
    const std::size_t first = static_cast<std::size_t>(key.back()) % core.size();
    return {core[first], core[(first + 1 + core.size() / 2) % core.size()]};
  }
  std::map<std::string, Version> floor_;
  std::set<std::pair<std::string, HostIndex>> read_;
  int seconds_ = 0;
  bool deceived_ = false;
};

}  // namespace

std::unique_ptr<Checker> history() { return std::make_unique<History>(); }
std::unique_ptr<Checker> receipts_are_on_disks() { return std::make_unique<ReceiptsAreOnDisks>(); }
std::unique_ptr<Checker> values_expire_in_time() { return std::make_unique<ValuesExpireInTime>(); }
std::unique_ptr<Checker> replication_is_restored() {
  return std::make_unique<ReplicationIsRestored>();
}
std::unique_ptr<Checker> acknowledged_is_readable() {
  return std::make_unique<AcknowledgedIsReadable>();
}

}  // namespace kith::sim
