// What a node orders, carried out: packets, jobs, the disk, the answers to clients.
#include "kith/base/visit.hpp"
#include "world.hpp"

namespace kith::sim {
namespace {

constexpr Duration resolve_time = microseconds(60);
constexpr Duration load_time = microseconds(20);

std::string_view name_of(wire::Verdict verdict) {
  constexpr std::string_view names[] = {"alive", "suspect", "dead", "left"};
  return names[static_cast<std::size_t>(verdict)];
}

// What a release of tomorrow sends besides, now and then: a frame that today has no name for.
constexpr std::int64_t unknown_frames = 20;  // per mille of its datagrams
constexpr std::uint64_t unknown_from = 0x08, unknown_to = 0x63;

Buffer unknown_frame(std::uint64_t word) {
  Bytes frame(40);
  for (std::size_t i = 0; i < frame.size(); i += 8) store_le(frame.data() + i, mixed(word + i));
  frame[0] = static_cast<Byte>(unknown_from + word % (unknown_to - unknown_from + 1));
  return Buffer(frame);
}

constexpr Duration slow_job = milliseconds(10), late_receipt = milliseconds(1500);

Bytes copied(const Buffer& buffer) { return Bytes(buffer.view().begin(), buffer.view().end()); }

}  // namespace

void World::carry(HostIndex index, node::Output output) {
  match(
      std::move(output), [&](session::Transmit&& o) { transmit(index, o); },
      [&](session::OpenStream&& o) { open_stream(index, o); },
      [&](session::WriteStream&& o) {
        Host& host = hosts_[index];
        if (host.liar) o.bytes = host.liar->says(o.stream, o.bytes, now_at(host));
        write_stream(index, o.stream, std::move(o.bytes));
      },
      [&](session::CloseStream&& o) { close_stream(index, o.stream); },
      [&](discovery::SendBeacon&&) {},  // private mode: none
      [&](discovery::Resolve&& o) {
        std::vector<IpAddress> addresses;
        if (const auto ip = parse_ip(*o.host)) addresses.push_back(*ip);
        later(resolve_time, index, Answer{discovery::Resolved{o.token, std::move(addresses)}});
      },
      [&](Compute&& o) {
        Duration usual = chance_.of(scenario_.job, Concern::job, {index, o.token.value});
        if (rarely(index, Rare::slow_jobs)) usual = slow_job;
        Instant& done = hosts_[index].jobs_done;
        done = std::max(done, now_ + usual);
        later(done - now_, index, Answer{Computed{o.token, o.job->run()}});
      },
      [&](Persist&& o) {
        write(index, {o.token, {o.table, copied(o.key)}, std::move(o.value), now_});
      },
      [&](Forget&& o) { write(index, {o.token, {o.table, copied(o.key)}, std::nullopt, now_}); },
      [&](Load&& o) { load(index, o); }, [&](node::Completed&& o) { completed(index, o); },
      [&](node::MemberNews&& o) {
        const auto verdict = o.member->verdict;
        if (verdict == wire::Verdict::dead) ++tally_.deaths;
        if (!options_.story) return;
        const auto subject = index_of(o.member->id);
        tell("host " + std::to_string(index) + " says " + std::to_string(subject.value_or(999999)) +
             " is " + std::string(name_of(verdict)) + (o.member->alone ? " (alone)" : ""));
      },
      [&](node::RecordNews&&) {}, [&](node::JoinNews&&) {}, [&](node::Warning&&) {},
      [&](node::NetworkAdopted&&) {}, [&](node::MustStop&&) { crash(index); },
      [&](node::Left&&) { left(index); }, [&](Dropped&&) {});
}

void World::transmit(HostIndex index, const session::Transmit& out) {
  const Host& host = hosts_[index];
  if (!host.liar) return send(index, out);
  for (const Buffer& bytes : host.liar->says(out, now_at(host))) send(index, {out.to, bytes});
}

void World::send(HostIndex index, const session::Transmit& out) {
  tally_.bytes += out.bytes.size();
  for (const auto& checker : checkers_) checker->on_send(*this, index, out);
  pass_on(index, out.to, out.bytes);
  if (!hosts_[index].newer) return;
  // Messages of unknown types it cannot send: only a session can seal one, and none of today's
  // does. tests/node has a peer whose session does nothing else.
  const std::uint64_t word = chance_.word(Concern::tomorrow, {index, nonce(index)});
  if (word % 1000 >= unknown_frames) return;
  ++tally_.fired[static_cast<std::size_t>(Act::newer)];
  pass_on(index, out.to, unknown_frame(mixed(word)));
}

void World::pass_on(HostIndex index, const Endpoint& to, const Buffer& bytes) {
  const auto place = places_.find(to);
  if (place == places_.end()) return;
  for (const Arrival& arrival : network_.datagram(index, place->second, bytes, now_, nonce(index)))
    agenda_.add({arrival.at, place->second, 0, Datagram{hosts_[index].at, arrival.bytes}});
}

// --- what is rare
// ---------------------------------------------------------------------------------

// Whether it happens to that host; then it is counted.
bool World::rarely(HostIndex index, Rare what) {
  if (!hosts_[index].is(what)) return false;
  ++tally_.fired[static_cast<std::size_t>(Act::rare)];
  ++tally_.rare[static_cast<std::size_t>(what)];
  return true;
}

// What the world says to a process once a second, or now and then, at some time within it.
void World::pester(HostIndex index) {
  if (!hosts_[index].up() || hosts_[index].rare == 0) return;
  const auto draw = [&](Duration most, Concern concern) {
    return chance_.between(Duration(0), most, concern, {index, nonce(index)});
  };
  if (rarely(index, Rare::load)) {
    const Duration lag = draw(milliseconds(200), Concern::load);
    const auto jobs = static_cast<std::size_t>(draw(Duration(256), Concern::load).count());
    later(draw(seconds(1), Concern::load), index, Answer{node::LoadMeasured{lag, jobs}});
  }
  const bool skips = chance_.per_mille(200, Concern::skip, {index, nonce(index)});
  if (skips && rarely(index, Rare::skips)) {
    const node::TimeSkipped skipped{draw(seconds(10), Concern::skip)};
    later(draw(seconds(1), Concern::skip), index, Answer{skipped});
  }
}

// --- the disk -----------------------------------------------------------------------------------

void World::write(HostIndex index, Disk::Write write) {
  Host& host = hosts_[index];
  const auto refuse = [&](DiskRefusal why, Act act) {
    ++tally_.fired[static_cast<std::size_t>(act)];
    later(load_time, index, Answer{DiskRefused{write.token, why}});
  };
  if (host.disk_full && write.value) return refuse(DiskRefusal::full, Act::disk_full);
  if (chance_.per_mille(host.disk_busy, Concern::disk_busy, {index, nonce(index)}))
    return refuse(DiskRefusal::busy, Act::disk_busy);
  if (!host.disk.write(std::move(write))) return;
  const Duration usual = chance_.of(scenario_.disk, Concern::disk, {index, nonce(index)});
  later(host.commit_time.value_or(usual), index, Commit{});
}

void World::commit(HostIndex index) {
  Host& host = hosts_[index];
  ++tally_.commits;
  for (const Token token : host.disk.commit(now_)) {
    Instant told = now_ + Duration(1);
    if (rarely(index, Rare::late_receipts))
      told += chance_.between(Duration(0), late_receipt, Concern::receipt, {index, nonce(index)});
    host.receipt = std::max(told, host.receipt);  // one after the other
    later(host.receipt - now_, index, Answer{Persisted{token}});
  }
  if (!host.disk.committing()) return;
  const Duration usual = chance_.of(scenario_.disk, Concern::disk, {index, nonce(index)});
  later(host.commit_time.value_or(usual), index, Commit{});
}

void World::load(HostIndex index, const Load& load) {
  const Cell cell{load.table, copied(load.key)};
  const Host& host = hosts_[index];
  const Disk& disk = host.disk;
  if (disk.damaged(cell))
    return later(load_time, index, Answer{DiskRefused{load.token, DiskRefusal::damaged}});
  if (host.disk_busy > 0 &&
      chance_.per_mille(host.disk_busy, Concern::disk_busy, {index, nonce(index)}))
    return later(load_time, index, Answer{DiskRefused{load.token, DiskRefusal::busy}});
  const auto value = disk.read(cell);
  later(load_time, index, Answer{Loaded{load.token, value.has_value(), value.value_or(Buffer())}});
}

// --- clients ------------------------------------------------------------------------------------

void World::completed(HostIndex index, const node::Completed& done) {
  const auto* report = std::get_if<dht::ReportPtr>(done.report.get());
  if (!report || done.ticket.value == 0 || done.ticket.value > operations_.size()) return;
  Operation& operation = operations_[done.ticket.value - 1];
  if (operation.at != index || operation.ended) return;
  operation.ended = now_;
  operation.report = *report;
  trace(done.ticket.value);
  trace(static_cast<std::uint64_t>(now_.time_since_epoch().count()));
  if (const auto* put = std::get_if<dht::PutReport>(report->get())) {
    tally_.applied += put->outcome == dht::PutOutcome::applied;
    trace(put->sequence.value);
    tell("host " + std::to_string(index) + " put " + operation.key + ": " +
         (put->outcome == dht::PutOutcome::applied ? "applied" : put->reason) + " on " +
         std::to_string(put->stored_base) + ", needed " + std::to_string(put->needed) +
         ", sequence " + std::to_string(put->sequence.value));
  } else if (const auto* get = std::get_if<dht::GetReport>(report->get())) {
    tally_.complete += get->complete;
    tally_.found += get->found;
    trace(get->sequence.value);
    tell("host " + std::to_string(index) + " get " + operation.key + ": " +
         (get->found ? "found" : "none") +
         (get->complete ? "" : ", incomplete (" + get->reason + ")") + ", sequence " +
         std::to_string(get->sequence.value));
  }
  for (const auto& checker : checkers_) checker->on_ended(*this, operation);
}

void World::left(HostIndex index) {
  Host& host = hosts_[index];
  tell("host " + std::to_string(index) + " has left");
  while (host.disk.committing()) host.disk.commit(now_);  // an orderly end writes what it accepted
  crash(index);
  host.left = true;
}

}  // namespace kith::sim
