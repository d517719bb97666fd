#include "world.hpp"

#include <algorithm>

#include "kith/base/visit.hpp"
#include "kith/crypto/hash.hpp"

namespace kith::sim {
namespace {

constexpr Duration second = seconds(1);
constexpr HostIndex seeds = 3;                // hosts that everybody's configuration names
constexpr Duration late_start = seconds(15);  // who starts later joins what has formed

constexpr std::string_view network_name = "sim";
Bytes root() { return Bytes(32, 7); }

Endpoint endpoint_of(HostIndex index) {
  const auto part = [&](int shift) { return static_cast<Byte>(index >> shift & 0xff); };
  return {IpAddress::v4(10, part(16), part(8), part(0)), 4747};
}

ByteArray<32> seed_bytes(const Chance& chance, Concern concern, std::uint64_t a, std::uint64_t b) {
  ByteArray<32> out;
  for (std::uint64_t i = 0; i < 4; ++i)
    store_le(out.data() + 8 * i, chance.word(concern, {a, b, i}));
  return out;
}

// What a release of tomorrow says that today's must cope with: a version more, features, TLVs.
void make_newer(node::Config& config) {
  config.versions.max = 2;
  config.features = 0x8000'0000'0000'0005;
  config.member_ext = {0x40, 3, 1, 2, 3, 0xff, 0};
  config.record_ext = {0x7f, 4, 1, 2, 3, 4};
}

// In this order: who has both kinds of anti-entropy has the eager one.
struct Tuned {
  Rare what;
  void (*tune)(node::Tuning& tuning);
};
constexpr Tuned tunings[] = {
    {Rare::new_keys,
     [](node::Tuning& t) {
       t.session.rekey_after = seconds(3);
       t.session.rekey_after_messages = 20;
     }},
    {Rare::by_stream, [](node::Tuning& t) { t.session.datagram_message_limit = 100; }},
    {Rare::small_gossip,
     [](node::Tuning& t) {
       t.membership.push_fanout = 2;
       t.membership.gossip_bytes = 500;
     }},
    {Rare::lazy_sync,
     [](node::Tuning& t) {
       t.membership.anti_entropy_interval = minutes(1);
       t.dht.anti_entropy_interval = hours(1);
     }},
    {Rare::eager_sync,
     [](node::Tuning& t) {
       t.membership.anti_entropy_interval = seconds(1);
       t.dht.anti_entropy_interval = seconds(3);
     }},
    {Rare::narrow_repair, [](node::Tuning& t) { t.dht.repair_window = 1; }},
    {Rare::hasty,
     [](node::Tuning& t) {
       t.dht.rto_min = milliseconds(1);
       t.dht.rto_unknown = t.dht.rto_max = milliseconds(20);
     }},
    {Rare::few_resends,
     [](node::Tuning& t) {
       t.dht.retry_every = 1'000'000'000;
       t.dht.retry_floor = 1;
     }},
};

}  // namespace

World::World(const Scenario& scenario, const RunOptions& options)
    : scenario_(scenario),
      options_(options),
      chance_(scenario.salt),
      network_(scenario_, tally_),
      checkers_(all_checkers()) {}

void World::prepare() {
  if (options_.measure) {
    auto measure = std::make_unique<Measure>();
    measure_ = measure.get();
    checkers_.push_back(std::move(measure));
  }
  hosts_.reserve(scenario_.hosts * 2);  // twins come behind the others
  for (HostIndex i = 0; i < scenario_.hosts; ++i) {
    Host& host = hosts_.emplace_back();
    host.identity = std::make_shared<const crypto::Identity>(
        crypto::Identity::from_seed(seed_bytes(chance_, Concern::identity, i, 0)));
    host.keyed = i;
    host.at = endpoint_of(i);
    places_.emplace(host.at, i);
    ids_.emplace(host.identity->id(), i);
  }
  compromise();
  std::vector<Duration> rolled_back(scenario_.hosts);  // how far at most
  for (std::size_t i = 0; i < scenario_.events.size(); ++i) {
    const Event& event = scenario_.events[i];
    agenda_.add({beginning + event.at, 0, 0, Begin{i}});
    if (event.act != Act::rollback) continue;
    for (const HostIndex host : befallen(event))
      rolled_back[host] = std::max(rolled_back[host], Duration(milliseconds(event.amount)));
  }
  for (HostIndex i = 0; i < scenario_.hosts; ++i) hosts_[i].disk.remember(rolled_back[i]);
  agenda_.add({beginning + second, 0, 0, Second{}});
}

void World::compromise() {
  for (const Event& event : scenario_.events) {
    if (event.act != Act::lie || event.amount == 0) continue;
    for (const HostIndex i : befallen(event))
      if (Host& host = hosts_[i]; !host.liar)
        host.liar = std::make_unique<Liar>(
            Lies(chance_, i, host.identity, crypto::network_id(root(), network_name), tally_));
  }
}

Outcome World::run() {
  prepare();
  const Instant end = beginning + scenario_.length;
  while (!agenda_.empty() && agenda_.next() <= end) {
    if (!findings_.empty() && options_.stop_at_first) break;
    Item item = agenda_.pop();
    now_ = item.at;
    ++tally_.events;
    happen(std::move(item));
  }
  if (findings_.empty() || !options_.stop_at_first)
    for (const auto& checker : checkers_)
      if (healed_)
        if (std::string lacking = checker->lacking(*this); !lacking.empty())
          find(*checker, std::move(lacking));
  const Duration healing = healed_ && content_ ? *content_ - *healed_ : Duration{};
  return {trace_, findings_, checkers_.size(),
          tally_, healing,   measure_ ? measure_->figures(*this) : Figures{}};
}

void World::find(const Checker& checker, std::string what) {
  const std::string invariant(checker.sentence());
  const bool known = std::any_of(findings_.begin(), findings_.end(),
                                 [&](const Finding& f) { return f.invariant == invariant; });
  if (known) return;
  tell("FINDING " + invariant + ": " + what);
  findings_.push_back({invariant, elapsed(), std::move(what)});
}

void World::tell(const std::string& line) {
  if (!options_.story) return;
  char time[32];
  std::snprintf(time, sizeof time, "%10.6f ", static_cast<double>(elapsed().count()) / 1e6);
  options_.story(time + line);
}

// Names one thing that happens to a host: by its time and its place among those of that instant, so
// that nothing else in the world can change what chance makes of it.
std::uint64_t World::nonce(HostIndex index) {
  Host& host = hosts_[index];
  if (std::exchange(host.last_nonce, now_) != now_) host.nonces = 0;
  return static_cast<std::uint64_t>(now_.time_since_epoch().count()) << 16 | ++host.nonces % 65'536;
}

void World::trace(ByteView bytes) {
  std::uint64_t state = bytes.size();
  for (; bytes.size() >= 8; bytes = bytes.subspan(8))
    state = (state ^ load_le<std::uint64_t>(bytes.data())) * 0x9ddfea08eb382d69ull;
  for (const Byte byte : bytes) state = (state ^ byte) * 0x100000001b3ull;
  trace(state);
}

std::optional<HostIndex> World::index_of(const NodeId& id) const {
  const auto found = ids_.find(id);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

Now World::now_at(const Host& host) const {
  const Duration drift = (now_ - host.drift_since) * host.drift_ppm / 1'000'000;
  return {now_, {beginning_wall.value + to_millis(elapsed() + host.clock_off + drift)}};
}

// --- what happens -------------------------------------------------------------------------------

void World::later(Duration after, HostIndex host, Happening what, bool of_process) {
  agenda_.add({now_ + after, host, of_process ? hosts_[host].life : 0, std::move(what)});
}

void World::happen(Item item) {
  Host& host = hosts_[item.host];
  const bool of_dead = item.life != 0 && (!host.up() || item.life != host.life);
  if (of_dead) return;
  const HostIndex index = item.host;
  const bool of_process =
      std::holds_alternative<Datagram>(item.what) || std::holds_alternative<Answer>(item.what) ||
      std::holds_alternative<Wake>(item.what) || std::holds_alternative<StreamWork>(item.what) ||
      std::holds_alternative<Bounced>(item.what);
  if (of_process && host.up() && wait_for_process(host, item)) return;
  match(
      std::move(item.what),
      [&](Datagram&& in) {
        if (!host.up()) {  // its machine answers for it
          if (const auto sender = places_.find(in.from);
              sender != places_.end() && !host.gone && network_.passes(index, sender->second))
            later(network_.latency(index, sender->second, nonce(index)), sender->second,
                  Bounced{host.at});
          return;
        }
        ++tally_.datagrams;
        trace(mixed(static_cast<std::uint64_t>(now_.time_since_epoch().count())) ^ index);
        trace(in.bytes.view());
        for (const auto& checker : checkers_) checker->on_datagram(*this, index, in.bytes.view());
        if (host.liar) host.liar->hears(in.bytes.view());
        step(index, session::DatagramReceived{in.from, in.bytes.view()});
      },
      [&](Bounced&& in) {
        if (host.up()) step(index, session::DatagramRefused{in.to});
      },
      [&](Wake&&) { wake(index); }, [&](Answer&& in) { step(index, in.input); },
      [&](Commit&&) { commit(index); }, [&](StreamWork&& in) { stream_work(index, in.stream); },
      [&](Resume&&) { resume(index); }, [&](Boot&&) { boot(index); },
      [&](Begin&& in) { begin(scenario_.events[in.index], in.index); },
      [&](End&& in) { end(scenario_.events[in.index], in.index); },
      [&](Second&&) { look_around(); });
}

void World::look_around() {
  agenda_.add({now_ + second, 0, 0, Second{}});
  for (HostIndex i = 0; i < hosts_.size(); ++i) pester(i);
  formed_ = formed_ || all_have_met();
  for (const auto& checker : checkers_) checker->on_second(*this);
  if (!healed_ || content_) return;
  for (const auto& checker : checkers_)
    if (!checker->lacking(*this).empty()) return;
  content_ = now_;
}

bool World::all_have_met() const {
  std::size_t started = 0;
  for (const Event& event : scenario_.events)
    if (event.act == Act::start && event.at < late_start) started += befallen(event).size();
  std::size_t running = 0;
  for (HostIndex i = 0; i < scenario_.hosts; ++i) running += hosts_[i].up();
  if (running < started) return false;
  for (HostIndex i = 0; i < scenario_.hosts; ++i) {
    if (!hosts_[i].up()) continue;
    const node::Snapshot snapshot = hosts_[i].node->snapshot();
    if (snapshot.dht.counting < started || !snapshot.dht.synced) return false;
  }
  return true;
}

node::Config World::config_of(const Host& host, HostIndex index) {
  node::Config config;
  config.mode = Mode::private_;
  config.network_name = network_name;
  config.root = root();
  store_le(config.boot.bytes.data(), chance_.word(Concern::boot, {index, host.life}));
  config.name = "host-" + std::to_string(host.keyed);
  config.version = KITH_VERSION;
  config.lan_discovery = false;
  config.listen = {host.at};
  config.advertise = {host.at};
  for (HostIndex i = 0; i < std::min(seeds, scenario_.hosts); ++i)
    if (i != index) config.join.push_back(to_string(endpoint_of(i)));
  config.records = records_;
  if (host.newer) make_newer(config);
  for (const auto& [what, tune] : tunings)
    if (rarely(index, what)) tune(config.tuning);
  config.seed = chance_.word(Concern::node, {index, host.life});
  config.secret_seed = seed_bytes(chance_, Concern::secret, index, host.life);
  for (const auto& [cell, value] : host.disk.cells()) {
    if (cell.first == Table::meta) config.stored_meta.emplace_back(cell.second, value);
    if (cell.first != Table::record) continue;
    if (host.disk.damaged(cell))
      config.damaged_records.push_back(cell.second);
    else
      config.stored_records.push_back(value);
  }
  return config;
}

Outcome run(const Scenario& scenario, const RunOptions& options) {
  return World(scenario, options).run();
}

}  // namespace kith::sim
