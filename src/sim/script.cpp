// The scenario's events: what begins, and what ends with its span.
#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "world.hpp"

namespace kith::sim {
namespace {

constexpr std::size_t fewest_to_lose_one = 5;
constexpr std::int64_t rare_of_world = bit_of(Rare::slow_jobs) | bit_of(Rare::small_credit) |
                                       bit_of(Rare::load) | bit_of(Rare::skips) |
                                       bit_of(Rare::late_receipts);

}  // namespace

std::vector<HostIndex> World::befallen(const Event& event) const {
  if (!event.hosts.empty()) return event.hosts;
  std::vector<HostIndex> all(scenario_.hosts);
  std::iota(all.begin(), all.end(), HostIndex{0});
  return all;
}

void World::begin(const Event& event, std::size_t index) {
  const bool of_client = event.act == Act::put || event.act == Act::get || event.act == Act::erase;
  if (!of_client) tell(to_string(event));
  if (of_client) return client(event);
  if (event.act == Act::heal) return heal(event);
  for (const auto& checker : checkers_) checker->on_fault(*this, event, true);
  if (event.span.count() > 0) agenda_.add({now_ + event.span, 0, 0, End{index}});
  if (event.act >= Act::loss && event.act <= Act::clog) {
    ++tally_.fired[static_cast<std::size_t>(event.act)];
    return network_.begin(event);
  }
  if (event.act == Act::twin) return twin(event, index);
  for (const HostIndex i : befallen(event)) {
    Host& host = hosts_[i];
    if (host.gone) continue;
    if (event.act != Act::start && event.act != Act::rare)
      ++tally_.fired[static_cast<std::size_t>(event.act)];
    befall(i, event);
  }
}

void World::befall(HostIndex i, const Event& event) {
  Host& host = hosts_[i];
  switch (event.act) {
    case Act::start:
      return boot(i);
    case Act::kill:
      return crash(i);
    case Act::wipe:
      crash(i);
      return host.disk.wipe();
    case Act::rollback:
      crash(i);
      return host.disk.roll_back(now_ - milliseconds(event.amount));
    case Act::newer:
      return release(i, true);
    case Act::rare:
      host.rare |= event.amount;
      return;
    case Act::leave:
      host.leaving = host.up();
      if (host.up()) later(Duration(0), i, Answer{node::LeaveRequested{}});
      return;
    case Act::pause:
      host.paused = host.up();
      return;
    case Act::sleep:
      host.paused = host.asleep = host.up();
      return;
    case Act::slow:
      host.step_cost = Duration(event.amount);
      return;
    case Act::step_clock:
      host.clock_off += milliseconds(event.amount);
      return;
    case Act::drift:
      host.clock_off += (now_ - host.drift_since) * host.drift_ppm / 1'000'000;
      host.drift_since = now_;
      host.drift_ppm = event.amount;
      return;
    case Act::disk_slow:
      host.commit_time = Duration(event.amount);
      return;
    case Act::disk_full:
      host.disk_full = true;
      return;
    case Act::disk_busy:
      host.disk_busy = event.amount;
      return;
    case Act::rot:
      host.disk.damage(chance_, event.amount, nonce(i));
      return;
    case Act::lie:
      if (host.liar) host.liar->begin(event.amount, now_);
      return;
    default:
      return;
  }
}

void World::end(const Event& event, std::size_t index) {
  if (healed_ && event.act != Act::twin && !ends_after_heal(event)) return;  // all of it is over
  for (const auto& checker : checkers_) checker->on_fault(*this, event, false);
  network_.end(event);
  if (event.act == Act::twin) {
    const auto found = twins_.find(index);
    if (found != twins_.end()) crash(found->second);
    return;
  }
  for (const HostIndex i : befallen(event)) relieve(i, event);
}

// Network faults may be written to last beyond the heal: the rest stays broken.
bool World::ends_after_heal(const Event& event) const {
  return event.at + event.span > *healed_ - beginning && event.at >= *healed_ - beginning;
}

void World::relieve(HostIndex i, const Event& event) {
  Host& host = hosts_[i];
  switch (event.act) {
    case Act::kill:
    case Act::wipe:
    case Act::rollback:
      return host.life > 0 ? boot(i) : void();  // nobody had started it yet
    case Act::newer:
      return release(i, false);
    case Act::rare:
      host.rare &= ~event.amount;
      return;
    case Act::leave:
      crash(i);  // whoever asked has lost patience
      return host.life > 0 ? boot(i) : void();
    case Act::pause:
    case Act::sleep:
      host.paused = host.asleep = false;
      if (host.up()) resume(i);
      return;
    case Act::slow:
      host.step_cost = {};
      return;
    case Act::drift:
      host.clock_off += (now_ - host.drift_since) * host.drift_ppm / 1'000'000;
      host.drift_ppm = 0;
      return;
    case Act::disk_slow:
      host.commit_time.reset();
      return;
    case Act::disk_full:
      host.disk_full = false;
      return;
    case Act::disk_busy:
      host.disk_busy = 0;
      return;
    case Act::lie:
      if (host.liar) host.liar->end();
      return;
    default:
      return;
  }
}

bool World::can_lose_one() const {
  return std::all_of(hosts_.begin(), hosts_.end(), [](const Host& host) {
    return !host.up() || host.node->snapshot().dht.counting >= fewest_to_lose_one;
  });
}

// It left while its disk refused to write that it counts no more: it may come back, and its place
// is kept for ten minutes.
bool World::keeps_its_place(const Host& host) {
  const ByteView name = as_bytes("synced");
  const auto stamp = host.disk.cells().find({Table::meta, Bytes(name.begin(), name.end())});
  return host.left && stamp != host.disk.cells().end() &&
         load_le<std::uint64_t>(stamp->second.view().data()) != 0;
}

// All trouble ends for the core: processes run, links work, disks have room. The rest is gone,
// where no base has shrunk so far that what was acknowledged may be on two disks only.
void World::heal(const Event& event) {
  network_.end_all();
  for (const auto& [of, twin] : twins_) crash(twin);
  const bool may_go = can_lose_one();
  for (const HostIndex i : event.hosts) {
    crash(i);
    hosts_[i].gone = may_go && !keeps_its_place(hosts_[i]);
  }
  for (HostIndex i = 0; i < scenario_.hosts; ++i) {
    Host& host = hosts_[i];
    if (host.gone) continue;
    host.step_cost = {};
    host.commit_time.reset();
    host.disk_full = false;
    host.disk_busy = 0;
    if (host.liar) host.liar->end();
    host.rare &= ~rare_of_world;
    widen_streams(i);
    host.clock_off += (now_ - host.drift_since) * host.drift_ppm / 1'000'000;
    host.drift_ppm = 0;
    if (host.leaving) crash(i);
    host.asleep = false;
    if (std::exchange(host.paused, false) && host.up()) resume(i);
    if (host.life > 0) boot(i);
  }
  healed_ = now_;
  for (const auto& checker : checkers_) checker->on_fault(*this, event, true);
}

// Another program is put in the place of the one that runs, and goes on with what that one left on
// the disk. What does not run will be started as it.
void World::release(HostIndex index, bool newer) {
  hosts_[index].newer = newer;
  if (!hosts_[index].up()) return;
  crash(index);
  boot(index);
}

// A second process with the same key, on a copy of the disk: a restored virtual machine.
void World::twin(const Event& event, std::size_t event_index) {
  const HostIndex original = event.hosts.empty() ? 0 : event.hosts.front();
  const auto index = static_cast<HostIndex>(hosts_.size());
  if (!hosts_[original].up() || hosts_.size() == hosts_.capacity()) return;
  Host& host = hosts_.emplace_back();
  host.identity = hosts_[original].identity;
  host.keyed = original;
  host.newer = hosts_[original].newer;
  host.rare = hosts_[original].rare;
  host.at = {IpAddress::v4(10, static_cast<Byte>(200), static_cast<Byte>(index >> 8),
                           static_cast<Byte>(index & 0xff)),
             4747};
  host.disk = hosts_[original].disk.copy();
  places_.emplace(host.at, index);
  network_.add_twin(original);
  twins_.emplace(event_index, index);
  ++tally_.fired[static_cast<std::size_t>(Act::twin)];
  boot(index);
}

// --- clients ------------------------------------------------------------------------------------

void World::client(const Event& event) {
  const HostIndex at = event.hosts.front();
  Operation operation;
  operation.event = event;
  operation.key = event.amount < owned_keys ? "key-" + std::to_string(event.amount)
                                            : "own-" + std::to_string(event.amount - owned_keys);
  operation.at = at;
  operation.begun = now_;
  if (event.act == Act::put) {
    operation.value = "value-" + std::to_string(operations_.size()) + " ";
    operation.value.resize(std::max<std::size_t>(event.size, operation.value.size()), '.');
  }
  ask(std::move(operation));
}

// Whose key it is; none: anybody's.
std::optional<NodeId> World::owner_of(std::string_view key) const {
  if (!key.starts_with("own-")) return std::nullopt;
  return hosts_[std::strtoul(std::string(key.substr(4)).c_str(), nullptr, 10)].identity->id();
}

void World::get(HostIndex at, const std::string& key) {
  Operation operation;
  operation.event = {elapsed(), Act::get, {at}, {}, 0, 0};
  operation.key = key;
  operation.at = at;
  operation.begun = now_;
  ask(std::move(operation));
}

void World::ask(Operation operation) {
  const HostIndex at = operation.at;
  if (!hosts_[at].up()) return;  // connection refused: nothing was asked
  const Ticket ticket{operations_.size() + 1};
  operations_.push_back(operation);
  for (const auto& checker : checkers_) checker->on_asked(*this, operations_.back());
  const std::optional<NodeId> owner = owner_of(operation.key);
  Item item{now_, at, hosts_[at].life, Answer{dht::GetRequested{ticket, operation.key, owner}}};
  if (operation.event.act == Act::get) {
    ++tally_.gets;
  } else {
    ++tally_.puts;
    dht::PutRequested put{ticket, operation.key};
    if (owner) put.kind = wire::Kind::owned;
    if (operation.event.span.count() > 0) put.ttl = operation.event.span;
    put.value = Buffer(as_bytes(operation.value));
    put.tombstone = operation.event.act == Act::erase;
    item.what = Answer{std::move(put)};
  }
  agenda_.add(std::move(item));
}

}  // namespace kith::sim
