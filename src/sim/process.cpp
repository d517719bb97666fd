// Processes: how a host's one thread spends its time, as runtime/drive does: sockets before timers,
// but not for ever; lost time is told before anything else, a late timer after it has fired.
#include "world.hpp"

namespace kith::sim {
namespace {

constexpr std::size_t socket_buffer = 512;  // datagrams that wait for a busy process
// Of runtime/drive and app/daemon.
constexpr Duration sleep_threshold = seconds(1);
constexpr Duration lag_told = milliseconds(20);
constexpr std::size_t drain_limit = 4 * 32;
constexpr Duration drain_time = milliseconds(5);

}  // namespace

void World::boot(HostIndex index) {
  Host& host = hosts_[index];
  if (host.up() || host.gone) return;
  ++host.life;
  host.left = false;
  host.since = now_;
  host.armed.reset();
  host.deadline.reset();
  host.due.reset();
  host.drained = 0;
  if (host.liar) host.liar->restarts();
  host.node = std::make_unique<node::Node>(config_of(host, index), host.identity, now_at(host));
  tell("host " + std::to_string(index) + " starts, life " + std::to_string(host.life));
  host.node->start(now_at(host), out_);
  drain(index);
  if (!host.newer || !host.up()) return;
  // A fact that only tomorrow's release keeps: today's finds it when it is put back.
  const ByteView key = as_bytes("tomorrow");
  write(index, {{0}, {Table::meta, Bytes(key.begin(), key.end())}, Buffer(key), now_});
}

void World::crash(HostIndex index) {
  Host& host = hosts_[index];
  if (!host.up()) return;
  tell("host " + std::to_string(index) + " is killed");
  host.node.reset();
  host.disk.crash(chance_.word(Concern::crash, {index, host.life}));
  host.backlog.clear();
  host.paused = host.asleep = host.resume_planned = host.draining = host.leaving = false;
  host.busy_until = now_;
  end_streams(index);
  for (Operation& operation : operations_)
    if (operation.at == index && !operation.ended) operation.ended = now_;
}

void World::step(HostIndex index, const node::Input& input) {
  ++tally_.steps;
  Host& host = hosts_[index];
  host.node->step(input, now_at(host), out_);
  drain(index);
}

void World::drain(HostIndex index) {
  std::vector<node::Output> outputs = out_.take();
  const Instant begun = now_;
  now_ += scenario_.step;  // its orders leave when its work is done
  for (node::Output& output : outputs) {
    for (const auto& checker : checkers_) checker->on_output(*this, index, output);
    carry(index, std::move(output));
  }
  now_ = begun;
  Host& host = hosts_[index];
  if (!host.up()) return;
  if (const Duration cost = scenario_.step + host.step_cost; cost.count() > 0) {
    host.busy_until = now_ + cost;
    plan_resume(index);
  }
  arm(index);
}

void World::plan_resume(HostIndex index) {
  Host& host = hosts_[index];
  if (!std::exchange(host.resume_planned, true))
    agenda_.add({host.busy_until, index, host.life, Resume{}});
}

// Stands where runtime/drive's timer would: what is late is late since then.
void World::arm(HostIndex index) {
  Host& host = hosts_[index];
  const auto deadline = host.node->next_deadline();
  if (deadline != host.deadline) {
    host.deadline = deadline;
    host.due = deadline ? std::optional(std::max(*deadline, now_)) : std::nullopt;
  }
  if (!host.due || (host.armed && *host.armed <= *host.due)) return;  // that one will look again
  host.armed = std::max(*host.due, now_);
  agenda_.add({*host.armed, index, host.life, Wake{}});
}

// True: it has to wait until the process runs again.
bool World::wait_for_process(Host& host, Item& item) {
  const bool free = !host.paused && host.busy_until <= now_;
  if (free && (host.backlog.empty() || host.draining)) return false;
  if (std::holds_alternative<Wake>(item.what)) {  // looked at when it resumes
    host.armed.reset();
    return true;
  }
  const bool datagram = std::holds_alternative<Datagram>(item.what);
  if (datagram && (host.asleep || host.backlog.size() >= socket_buffer)) return true;  // lost
  host.backlog.push_back(std::move(item));
  return true;
}

void World::wake(HostIndex index) {
  Host& host = hosts_[index];
  if (host.armed != now_) return;  // an earlier one took its place
  host.armed.reset();
  if (!host.due || *host.due > now_) return arm(index);
  expire(index);
}

void World::expire(HostIndex index) {
  Host& host = hosts_[index];
  host.drained = 0;
  const Duration lag = now_ - *host.due;
  host.deadline.reset();  // the timer is spent
  host.due.reset();
  ++tally_.steps;
  host.node->expire(now_at(host), out_);
  drain(index);
  if (lag > lag_told && host.up()) step(index, node::LoadMeasured{lag, 0});
}

// A pause ended, or a slow step did.
void World::resume(HostIndex index) {
  Host& host = hosts_[index];
  host.resume_planned = false;
  const std::uint64_t life = host.life;
  const auto runs = [&] {
    return host.up() && host.life == life && !host.paused && host.busy_until <= now_;
  };
  host.draining = true;
  while (runs() && turn(index)) {
  }
  host.draining = false;
  if (runs()) arm(index);
  // A timer that fired just before this one began another step.
  if (host.up() && host.busy_until > now_) plan_resume(index);
}

// One thing that is to be done now; false: there is nothing.
bool World::turn(HostIndex index) {
  Host& host = hosts_[index];
  const bool late = host.due && *host.due <= now_;
  if (late && now_ - *host.due > sleep_threshold) {
    const Duration gap = now_ - std::exchange(host.due, now_).value();  // told once
    tell("host " + std::to_string(index) + " lost " + std::to_string(to_millis(gap)) + " ms");
    return step(index, node::TimeSkipped{gap}), true;
  }
  if (late && host.drained == 0) host.drained_since = now_;
  const bool enough = host.drained >= drain_limit || now_ - host.drained_since > drain_time;
  if (late && (host.backlog.empty() || (host.drained > 0 && enough))) return expire(index), true;
  if (host.backlog.empty()) return false;
  if (late) ++host.drained;
  Item item = std::move(host.backlog.front());
  host.backlog.pop_front();
  happen(std::move(item));
  return true;
}

}  // namespace kith::sim
