// What a replica's disk says, and what goes from it: refusals, purges, and what is of no use after
// a long absence.
#include "replica.hpp"

namespace kith::dht {
namespace {

wire::Refusal refusal_of(DiskRefusal reason) {
  return reason == DiskRefusal::full ? wire::Refusal::full : wire::Refusal::busy;
}

}  // namespace

std::int64_t Replica::purge_time(const Index::Entry& entry) {
  return dht::purge_time(entry.version.sequence, entry.tombstone, entry.expiry);
}

void Replica::on_refused(const DiskRefused& refused) {
  if (on_forgotten(refused.token, false)) return;
  if (auto node = writing_.extract(refused.token); !node.empty()) {
    context_.index.release(node.mapped().id, node.mapped().entry);
    const Incoming& incoming = node.mapped();
    for (const auto* waiting : {&incoming.receipts, &incoming.lower})
      for (const Receipt& receipt : *waiting)
        refuse(receipt, incoming.id, refusal_of(refused.reason));
    for (const Shown& shown : incoming.readers)
      context_.reply(shown.to, wire::Fetched{shown.reply.request, wire::FetchStatus::refused});
    return;
  }
  if (auto kept = dropping_.extract(refused.token); !kept.empty()) {
    const auto& [id, entry] = kept.mapped();  // still there, and after the next start as well
    if (context_.index.wanted(id, entry.version)) context_.index.put(id, entry, purge_time(entry));
    announce_held();
    return plan_purge();
  }
  auto node = reading_.extract(refused.token);
  if (node.empty()) return;
  const Reading& reading = node.mapped();
  // Damaged on disk: storage has put it aside. The next round of repair fetches it.
  if (refused.reason == DiskRefusal::damaged) lose(reading.record);
  context_.reply(reading.to, wire::Fetched{reading.request, wire::FetchStatus::refused});
}

void Replica::lose(const RecordId& id) {
  context_.index.lose(id);
  context_.damaged = true;
}

// --- what is of no use any more ---------------------------------------------------------------

// A few at a time, and again what the disk refused: storage takes no more at once. What is on its
// way to the disk takes its place there; forgotten after it, that would be gone. After a long
// absence `seen` is written when the last is gone, by which the next start knows that what it finds
// was put here since.
void Replica::forget_some() {
  while (!to_forget_.empty() && forgetting_.size() < forget_window) {
    const RecordId id = to_forget_.front();
    if (being_written(id))
      return context_.timers.set({Timer::Kind::forget}, context_.now.mono + sync_retry);
    to_forget_.pop_front();
    if (context_.index.find(id)) continue;  // something newer is in its place
    const Token token = context_.token();
    forgetting_.emplace(token, id);
    context_.out->push(Forget{token, Table::record, Buffer(id.view())});
  }
}

void Replica::forget_more() {
  forget_some();
  if (!to_forget_.empty() || !forgetting_.empty() || !context_.forgetting || seen_) return;
  seen_ = context_.token();
  ByteArray<8> value;
  store_le(value.data(), static_cast<std::uint64_t>(context_.now.wall.value));
  context_.out->push(Persist{*seen_, Table::meta, Buffer(as_bytes("seen")), Buffer(value)});
}

bool Replica::on_forgotten(Token token, bool written) {
  const auto order = forgetting_.extract(token);
  const bool seen = seen_ == token;
  if (order.empty() && !seen) return false;
  if (seen) seen_.reset();
  if (seen && written) {
    context_.forgetting = false;
  } else if (written) {
    forget_more();
  } else {
    if (!seen) to_forget_.push_back(order.mapped());
    context_.timers.set({Timer::Kind::forget}, context_.now.mono + sync_retry);
  }
  return true;
}

// --- purging and dropping --------------------------------------------------------------------

void Replica::purge() {
  // One turn's worth; the rest follows at once.
  for (int i = 0; i < 256; ++i) {
    const auto id = context_.index.next_to_purge(context_.now.wall);
    if (!id) break;
    context_.index.erase(*id);
    to_forget_.push_back(*id);
  }
  forget_some();
  announce_held();
  plan_purge();
}

bool Replica::being_written(const RecordId& id) const {
  return std::any_of(writing_.begin(), writing_.end(),
                     [&](const auto& one) { return one.second.id == id; });
}

void Replica::drop(const RecordId& id, const Version& at_most) {
  const Index::Entry* held = context_.index.find(id);
  if (!held || at_most < held->version) return;
  if (being_written(id)) return;  // it would be gone from the disk and in the index
  const Token token = context_.token();
  dropping_.emplace(token, std::pair(id, *held));
  context_.index.erase(id);
  context_.out->push(Forget{token, Table::record, Buffer(id.view())});
  announce_held();
  plan_purge();
}

// Wall time decides what is due; looked at again within the hour, for it may be set.
void Replica::plan_purge() {
  const auto next = context_.index.next_purge_millis();
  if (!next) return context_.timers.cancel({Timer::Kind::purge});
  // Capped before it is a Duration, which has a thousandth of the range.
  const auto wait =
      std::clamp<std::int64_t>(*next - context_.now.wall.value, 1, to_millis(hours(1)));
  context_.timers.set({Timer::Kind::purge}, context_.now.mono + milliseconds(wait));
}

}  // namespace kith::dht
