// A world of N real Dht machines: virtual clock, an in-memory network with a delay, disks that
// answer, and a roster that tells everybody at once. Jobs run inline. One seed, one trace.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>

#include "kith/base/visit.hpp"
#include "kith/crypto/hash.hpp"
#include "kith/dht/dht.hpp"

namespace kith::test {

class DhtWorld {
 public:
  struct Node {
    std::shared_ptr<const crypto::Identity> identity;
    std::unique_ptr<dht::Dht> dht;
    std::map<Bytes, Buffer> disk;
    bool up = false;
    bool disk_full = false, disk_silent = false;
    Duration receipt_delay{};                // so long after its disk has something it is told
    UnixMillis synced, stored_synced;        // as told to the others, as on disk
    std::vector<wire::IdPrefix> releases{};  // of the stamp that was told
    std::vector<dht::Counting> counting;
    std::set<std::size_t> unreachable;  // links cut from here
    bool records_held = false, drained = false;
    std::size_t lose = 0;
    Duration ahead{};              // its wall clock
    std::set<Bytes> rotten{};      // what its disk cannot read; whoever tries puts it aside
    std::size_t orders_limit = 0;  // writes under way that its disk takes; 0: any
    std::size_t orders = 0;
    UnixMillis last_seen;
    Incarnation incarnation;  // one more with each start
  };

  explicit DhtWorld(std::size_t size, std::uint64_t seed = 1, Mode mode = Mode::private_)
      : rng_(seed), mode_(mode) {
    root_.assign(32, 7);
    for (std::size_t i = 0; i < size; ++i) {
      ByteArray<32> key{};
      key[0] = static_cast<Byte>(i + 1);
      key[1] = static_cast<Byte>(seed);
      nodes_.push_back(
          {std::make_shared<const crypto::Identity>(crypto::Identity::from_seed(key))});
    }
  }

  Now now() const {
    return {mono_, UnixMillis{1'760'000'000'000 + to_millis(mono_.time_since_epoch())}};
  }
  Now now_of(std::size_t i) const {
    return {mono_, UnixMillis{now().wall.value + to_millis(nodes_[i].ahead)}};
  }
  Node& node(std::size_t i) { return nodes_[i]; }
  const NodeId& id(std::size_t i) const { return nodes_[i].identity->id(); }
  std::size_t index_of(const NodeId& id) const {
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      if (nodes_[i].identity->id() == id) return i;
    return nodes_.size();
  }

  // Starts (or restarts) a node with what is on its disk, and tells everybody.
  void start(std::size_t i) {
    Node& n = nodes_[i];
    dht::Config config{mode_, network_, root_, n.last_seen, false, n.counting};
    n.orders = 0;
    ++n.incarnation.value;
    n.synced = n.stored_synced;
    n.releases.clear();
    n.dht = std::make_unique<dht::Dht>(config, n.identity, rng_.fork());
    n.up = true;
    const auto disk = n.disk;
    for (const auto& [key, value] : disk)
      if (!put_aside(i, key)) step(i, dht::RecordLoaded{value});
    for (std::size_t other = 0; other < nodes_.size(); ++other) {
      if (!nodes_[other].up) continue;
      step(other, seen(i, dht::Presence::alive));
      if (other != i) step(i, seen(other, dht::Presence::alive));
    }
    for (const auto& [dead, stamp] : dead_)
      if (dead != i) step(i, seen(dead, dht::Presence::dead, stamp));
    dead_.erase(i);
  }
  // What this node holds under a name, as its disk keeps it.
  Bytes key_of(const std::string& name) const {
    const RecordId id = dht::record_id(root_, wire::Kind::value, {}, name);
    return Bytes(id.bytes.begin(), id.bytes.end());
  }
  void wipe(std::size_t i) {
    nodes_[i].disk.clear();
    nodes_[i].stored_synced = {};
    nodes_[i].counting.clear();
  }
  // Power off; nobody knows yet.
  void crash(std::size_t i) { nodes_[i].up = false; }
  // The roster's verdict, as everybody hears it.
  void declare_dead(std::size_t i) {
    const UnixMillis stamp = now().wall;
    dead_[i] = stamp;
    for (std::size_t other = 0; other < nodes_.size(); ++other)
      if (nodes_[other].up && reaches(other, i) == false)
        step(other, seen(i, dht::Presence::dead, stamp));
  }
  void kill(std::size_t i) {
    crash(i);
    declare_dead(i);
  }
  bool reaches(std::size_t from, std::size_t to) const {
    return nodes_[to].up && !nodes_[from].unreachable.contains(to);
  }
  void cut(const std::vector<std::size_t>& a, const std::vector<std::size_t>& b) {
    for (const std::size_t x : a)
      for (const std::size_t y : b) {
        nodes_[x].unreachable.insert(y);
        nodes_[y].unreachable.insert(x);
        const UnixMillis stamp = now().wall;
        step(x, seen(y, dht::Presence::dead, stamp));
        step(y, seen(x, dht::Presence::dead, stamp));
      }
  }
  // A link that swallows everything, and nobody has noticed yet.
  void hush(std::size_t a, std::size_t b) {
    nodes_[a].unreachable.insert(b);
    nodes_[b].unreachable.insert(a);
  }
  void heal() {
    for (std::size_t x = 0; x < nodes_.size(); ++x) {
      const auto lost = std::exchange(nodes_[x].unreachable, {});
      for (const std::size_t y : lost) step(x, seen(y, dht::Presence::alive));
    }
  }

  dht::MemberSeen seen(std::size_t who, dht::Presence presence, UnixMillis stamp = {}) const {
    return {id(who),
            nodes_[who].identity->public_key(),
            presence,
            nodes_[who].synced,
            stamp,
            {},
            nodes_[who].incarnation,
            nodes_[who].releases};
  }

  void step(std::size_t i, const dht::Input& input) {
    dht::Dht::Outbox out;
    nodes_[i].dht->step(input, now_of(i), out);
    handle(i, out);
  }

  // Runs every event and deadline up to now + span.
  void run(Duration span) {
    const Instant until = mono_ + span;
    for (;;) {
      std::optional<Instant> next;
      for (const Node& n : nodes_)
        if (n.up) next = earlier(next, n.dht->next_deadline());
      if (!events_.empty()) next = earlier(next, events_.begin()->first.first);
      if (!next || *next > until) break;
      mono_ = std::max(mono_, *next);
      while (!events_.empty() && events_.begin()->first.first <= mono_) {
        auto node = events_.extract(events_.begin());
        node.mapped()();
      }
      for (std::size_t i = 0; i < nodes_.size(); ++i) {
        if (!nodes_[i].up) continue;
        const auto deadline = nodes_[i].dht->next_deadline();
        if (!deadline || *deadline > mono_) continue;
        dht::Dht::Outbox out;
        nodes_[i].dht->expire(now_of(i), out);
        handle(i, out);
      }
    }
    mono_ = until;
  }

  // --- operations -----------------------------------------------------------------------------
  dht::ReportPtr finish(std::size_t, Ticket ticket, Duration patience = seconds(12)) {
    const Instant until = mono_ + patience;
    while (!reports_.contains(ticket) && mono_ < until) run(milliseconds(1));
    return reports_.contains(ticket) ? reports_.at(ticket) : nullptr;
  }
  Ticket begin_put(std::size_t i, dht::PutRequested request) {
    request.ticket = {++last_ticket_};
    step(i, request);
    return request.ticket;
  }
  Ticket begin_put(std::size_t i, std::string name, std::string_view value,
                   dht::Consistency consistency = dht::Consistency::quorum) {
    const Ticket ticket{++last_ticket_};
    dht::PutRequested put{ticket, std::move(name)};
    put.value = Buffer(as_bytes(value));
    put.consistency = consistency;
    step(i, put);
    return ticket;
  }
  dht::PutReport put(std::size_t i, std::string name, std::string_view value,
                     dht::Consistency consistency = dht::Consistency::quorum) {
    const Ticket ticket = begin_put(i, std::move(name), value, consistency);
    return std::get<dht::PutReport>(*finish(i, ticket));
  }
  dht::PutReport put(std::size_t i, dht::PutRequested request) {
    return std::get<dht::PutReport>(*finish(i, begin_put(i, std::move(request))));
  }
  dht::GetReport get(std::size_t i, std::string name,
                     dht::Consistency consistency = dht::Consistency::quorum,
                     std::optional<NodeId> owner = {}) {
    const Ticket ticket{++last_ticket_};
    step(i, dht::GetRequested{ticket, std::move(name), owner, consistency});
    return std::get<dht::GetReport>(*finish(i, ticket));
  }
  dht::LookupReport lookup(std::size_t i, std::string name) {
    const Ticket ticket{++last_ticket_};
    step(i, dht::LookupRequested{ticket, std::move(name)});
    return std::get<dht::LookupReport>(*finish(i, ticket));
  }
  // It has left, and what it had is with the others.
  bool handed_over(std::size_t i) const { return nodes_[i].drained && nodes_[i].synced.value == 0; }
  void start_first(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) start(i);
    run(seconds(5));
  }
  void start_all() { start_first(nodes_.size()); }
  std::size_t size() const { return nodes_.size(); }
  bool all_synced() const {
    return std::all_of(nodes_.begin(), nodes_.end(),
                       [](const Node& n) { return !n.up || n.dht->snapshot().synced; });
  }
  std::uint64_t messages() const { return messages_; }
  std::uint64_t dropped(DropReason reason) const {
    const auto it = dropped_.find(reason);
    return it == dropped_.end() ? 0 : it->second;
  }
  // The next `count` datagrams to this node are lost.
  void lose_next(std::size_t to, std::size_t count) { nodes_[to].lose = count; }
  std::function<void(std::size_t from, std::size_t to, const wire::Message&)> on_message;
  // A liar's: what arrives instead of what was sent.
  std::function<void(std::size_t from, wire::Message&)> tamper;
  // What goes out, lost or not.
  std::function<void(std::size_t from, std::size_t to, const Buffer&)> on_send;
  Duration delay{milliseconds(1)};
  Duration job_delay{50};
  int loss_percent = 0;
  std::set<std::size_t> uninformed;  // who does not hear yet that others are synced

 private:
  void later(Duration after, std::function<void()> what) {
    events_.emplace(std::pair(mono_ + after, ++last_event_), std::move(what));
  }

  void handle(std::size_t i, dht::Dht::Outbox& out) {
    for (dht::Output& output : out.take()) {
      match(
          std::move(output), [&](dht::SendMessage m) { deliver(i, m); },
          [&](dht::Completed m) { reports_[m.ticket] = m.report; }, [&](dht::RecordChanged) {},
          [&](dht::SyncedChanged m) {
            nodes_[i].synced = m.stamp;
            nodes_[i].releases = m.releases;
            for (std::size_t other = 0; other < nodes_.size(); ++other)
              later(delay, [this, i, other] {
                const bool told = other == i || !uninformed.contains(other);
                if (told && nodes_[other].up && (other == i || reaches(other, i)))
                  step(other, seen(i, dht::Presence::alive));
              });
          },
          [&](dht::RecordsHeld m) { nodes_[i].records_held = m.any; }, [&](dht::ViewDisagrees) {},
          [&](dht::CountingChanged m) {
            write(i, m.token, [this, i, m] { nodes_[i].counting = *m.members; });
          },
          [&](dht::Drained) { nodes_[i].drained = true; },
          [&](Compute m) {
            std::shared_ptr<const JobResult> result = m.job->run();
            later(job_delay,
                  [this, i, token = m.token, result] { alive_step(i, Computed{token, result}); });
          },
          [&](Persist m) { write(i, m.token, [this, i, m] { keep(i, m); }); },
          [&](Load m) {
            const Bytes key(m.key.view().begin(), m.key.view().end());
            if (nodes_[i].rotten.erase(key) > 0) {
              nodes_[i].disk.erase(key);
              return later(Duration(20), [this, i, token = m.token] {
                alive_step(i, DiskRefused{token, DiskRefusal::damaged});
              });
            }
            const auto it = nodes_[i].disk.find(key);
            const bool found = it != nodes_[i].disk.end();
            const Buffer value = found ? it->second : Buffer();
            later(Duration(20), [this, i, token = m.token, found, value] {
              alive_step(i, Loaded{token, found, value});
            });
          },
          [&](Forget m) {
            write(i, m.token, [this, i, key = Bytes(m.key.view().begin(), m.key.view().end())] {
              nodes_[i].disk.erase(key);
            });
          },
          [&](Dropped m) { ++dropped_[m.reason]; });
    }
  }
  void alive_step(std::size_t i, const dht::Input& input) {
    if (nodes_[i].up) step(i, input);
  }
  bool put_aside(std::size_t i, const Bytes& key) {
    if (nodes_[i].rotten.erase(key) == 0) return false;
    nodes_[i].disk.erase(key);
    step(i, dht::RecordDamaged{RecordId::from(key)});
    return true;
  }
  void keep(std::size_t i, const Persist& order) {
    const std::string name = to_text(order.key.view());
    if (order.table == Table::record)
      nodes_[i].disk[Bytes(order.key.view().begin(), order.key.view().end())] = order.value;
    else
      (name == "synced" ? nodes_[i].stored_synced
                        : nodes_[i].last_seen) = {load_le<std::int64_t>(order.value.data())};
  }
  void write(std::size_t i, Token token, std::function<void()> keep) {
    Node& n = nodes_[i];
    if (n.disk_silent) return;
    if (n.disk_full) {
      later(Duration(100),
            [this, i, token] { alive_step(i, DiskRefused{token, DiskRefusal::full}); });
      return;
    }
    if (n.orders_limit > 0 && n.orders == n.orders_limit)
      return later(Duration(100),
                   [this, i, token] { alive_step(i, DiskRefused{token, DiskRefusal::busy}); });
    ++n.orders;
    later(Duration(400), [this, i, token, keep = std::move(keep)] {
      if (!nodes_[i].up) return;  // power was cut before the sync
      --nodes_[i].orders;
      keep();
      if (nodes_[i].receipt_delay == Duration{}) return step(i, Persisted{token});
      later(nodes_[i].receipt_delay, [this, i, token] { alive_step(i, Persisted{token}); });
    });
  }
  void deliver(std::size_t from, const dht::SendMessage& m) {
    ++messages_;
    const std::size_t to = index_of(m.to);
    if (to == nodes_.size()) return;
    if (on_send) on_send(from, to, m.message);
    if (loss_percent > 0 && m.message.size() <= wire::datagram_message_limit &&
        rng_.chance(static_cast<std::uint64_t>(loss_percent), 100))
      return;
    if (nodes_[to].lose > 0 && nodes_[to].lose--) return;
    later(delay, [this, from, to, message = m.message] {
      if (!reaches(from, to)) return;
      auto decoded = wire::decode(message);
      REQUIRE(decoded);
      if (tamper) tamper(from, *decoded);
      if (on_message) on_message(from, to, *decoded);
      step(to, dht::MessageReceived{id(from), &*decoded});
    });
  }

  Rng rng_;
  Mode mode_;
  NetworkId network_{};
  Bytes root_;
  Instant mono_{seconds(100)};
  std::vector<Node> nodes_;
  std::map<std::pair<Instant, std::uint64_t>, std::function<void()>> events_;
  std::map<Ticket, dht::ReportPtr> reports_;
  std::map<std::size_t, UnixMillis> dead_;
  std::map<DropReason, std::uint64_t> dropped_;
  std::uint64_t last_event_ = 0, last_ticket_ = 0, messages_ = 0;
};

}  // namespace kith::test
