#include "replica.hpp"

#include "kith/crypto/hash.hpp"

namespace kith::dht {
namespace {

Index::Entry entry_of(const wire::Record& record, std::size_t size, bool verified) {
  return {version_of(record), record.kind,   record.tombstone,
          verified,           record.expiry, static_cast<std::uint32_t>(size)};
}

}  // namespace

void Replica::load_at_start(const Buffer& raw) {
  const auto decoded = wire::decode_record(raw);
  if (!decoded) return context_.drop(DropReason::malformed);
  const wire::Record& record = decoded->record;
  const UnixMillis last_seen = context_.config.last_seen;
  const bool away_too_long = last_seen.value > 0 && record.kind == wire::Kind::value &&
                             context_.now.wall.value - last_seen.value > to_millis(away_limit);
  // Kept, it would fail every repair: the others take no such record.
  const bool refused = lasts_too_long(record, context_.config.mode);
  if (away_too_long || refused || purgeable(record, context_.now.wall)) {
    context_.forgetting = true;
    to_forget_.push_back(record.id);
    return forget_some();
  }
  // It was checked before it was written, and storage checks that the bytes are those.
  const Index::Entry entry = entry_of(record, raw.size(), true);
  context_.index.put(record.id, entry, purge_time(entry));
  plan_purge();
  announce_held();
}

void Replica::announce_held() {
  const bool any = context_.index.size() > 0;
  if (any == held_any_) return;
  held_any_ = any;
  context_.out->push(RecordsHeld{any});
}

// --- storing ----------------------------------------------------------------------------------

void Replica::on_store(const NodeId& from, const wire::Store& request) {
  if (!context_.view.find(from)) return context_.drop(DropReason::not_member);
  consider(request.record, {from, request.envelope.request, request.base});
}

void Replica::take(const NodeId& from, const Buffer& raw, OperationId operation) {
  consider(raw, {from, {}, {}, operation});
}

void Replica::consider(const Buffer& raw, Receipt receipt) {
  const auto decoded = wire::decode_record(raw);
  if (!decoded) {
    context_.drop(DropReason::malformed);
    return refuse(receipt, {}, wire::Refusal::bad_record);
  }
  const wire::Record& record = decoded->record;
  const wire::Refusal refusal =
      check(record, context_.config.root, context_.config.mode, context_.now.wall);
  if (refusal != wire::Refusal::none) return refuse(receipt, record.id, refusal);
  // By our clock, which may be ahead: to a repair there is nothing to keep.
  if (purgeable(record, context_.now.wall)) {
    if (receipt.operation != 0) return done_.push_back({receipt.operation, record.id, true});
    // Who hands it over shall not stay for it.
    if (receipt.base == wire::BaseDigest{}) return stale(receipt, record.id, record.sequence);
    return refuse(receipt, record.id, wire::Refusal::bad_record);
  }

  const Version version = version_of(record);
  if (const Index::Entry* held = context_.index.find(record.id)) {
    if (held->version == version) return acknowledge(receipt, record.id, version);
    // Refused to the owner. Where two replicas came to hold both, repair goes by the order of
    // versions as ever: else neither could say that it has what the other has, and count.
    const bool equivocates = record.kind == wire::Kind::owned && receipt.operation == 0 &&
                             held->version.sequence == version.sequence;
    if (equivocates) return refuse(receipt, record.id, wire::Refusal::equivocation);
    if (held->version > version) return stale(receipt, record.id, held->version.sequence);
  }
  if (join_one_in_flight(record.id, version, receipt)) return;
  if (verifying_.size() + writing_.size() >= pending_limit)
    return refuse(receipt, record.id, wire::Refusal::busy);

  const bool from_writer = receipt.from == version.writer;
  const Index::Entry entry = entry_of(record, raw.size(), from_writer);
  Incoming incoming{record.id, entry, raw, purge_time(entry), {receipt}, {}, {}};
  if (!has_room(receipt, record.id, incoming.entry)) return decline(receipt, record.id);
  if (from_writer) return persist(std::move(incoming));
  const std::uint64_t id = ++last_id_;
  std::vector<crypto::Claim> claims{
      {record.writer, wire::record_message(context_.config.network, decoded->head.view()),
       decoded->signature}};
  verifying_.emplace(id, std::move(incoming));
  context_.compute({Waiter::Kind::replica, id},
                   std::make_shared<crypto::VerifyJob>(std::move(claims)));
}

// A version on its way to the disk: the same one shares its receipt, a lower one is stale once this
// one is there. The disk may refuse it yet, and then we have neither.
bool Replica::join_one_in_flight(const RecordId& id, const Version& version,
                                 const Receipt& receipt) {
  for (auto& [token, incoming] : writing_) {
    if (incoming.id != id || incoming.entry.version < version) continue;
    auto& waiting = incoming.entry.version == version ? incoming.receipts : incoming.lower;
    if (waiting.size() < receipts_limit)
      waiting.push_back(receipt);
    else
      refuse(receipt, id, wire::Refusal::busy);
    return true;
  }
  return false;
}

void Replica::on_verified(std::uint64_t id, bool valid) {
  auto node = verifying_.extract(id);
  if (node.empty()) return;
  Incoming& incoming = node.mapped();
  const Receipt receipt = incoming.receipts.front();
  if (!valid) {
    context_.drop(DropReason::bad_signature);
    return refuse(receipt, incoming.id, wire::Refusal::bad_record);
  }
  // The world moved on while the signature was checked.
  if (const Index::Entry* held = context_.index.find(incoming.id)) {
    if (held->version == incoming.entry.version)
      return acknowledge(receipt, incoming.id, held->version);
    if (held->version > incoming.entry.version)
      return stale(receipt, incoming.id, held->version.sequence);
  }
  if (join_one_in_flight(incoming.id, incoming.entry.version, receipt)) return;
  incoming.entry.verified = true;
  persist(std::move(incoming));
}

// The writer's quota. Unverified records claim nothing: they may be forged.
bool Replica::has_room(const Receipt& receipt, const RecordId& id,
                       const Index::Entry& entry) const {
  if (context_.config.mode != Mode::public_) return true;
  // Repair, and what a leaving member hands over, was acknowledged by others. A writer that
  // pretends as much gains the second limit and no more.
  const bool handed_over = receipt.operation != 0 || receipt.base == wire::BaseDigest{};
  return context_.index.has_room(id, entry, handed_over ? writer_repair_limit : writer_limit);
}

// Over its writer's quota. To a repair that is not a failure: no writer may keep us from being
// synced, and the records missing here are its own.
void Replica::decline(const Receipt& receipt, const RecordId& id) {
  if (receipt.operation == 0) return refuse(receipt, id, wire::Refusal::full);
  if (!context_.index.find(id)) declined_.put(id, context_.now.mono + declined_memory);
  done_.push_back({receipt.operation, id, true});
}

bool Replica::declined(const RecordId& id) const {
  const Instant* until = declined_.peek(id);
  return until && context_.now.mono < *until;
}

void Replica::persist(Incoming incoming) {
  const Receipt& receipt = incoming.receipts.front();
  if (!has_room(receipt, incoming.id, incoming.entry)) return decline(receipt, incoming.id);
  if (context_.config.mode == Mode::public_) context_.index.claim(incoming.id, incoming.entry);
  const Token token = context_.token();
  context_.out->push(Persist{token, Table::record, Buffer(incoming.id.view()), incoming.raw});
  writing_.emplace(token, std::move(incoming));
}

void Replica::on_persisted(Token token) {
  if (on_forgotten(token, true)) return;
  dropping_.erase(token);
  auto node = writing_.extract(token);
  if (node.empty()) return;
  const Incoming& incoming = node.mapped();
  context_.index.release(incoming.id, incoming.entry);
  commit(incoming);
  for (const Receipt& receipt : incoming.receipts)
    acknowledge(receipt, incoming.id, incoming.entry.version);
  for (const Receipt& receipt : incoming.lower)
    stale(receipt, incoming.id, incoming.entry.version.sequence);
  for (const Shown& shown : incoming.readers) context_.reply(shown.to, shown.reply);
}

void Replica::commit(const Incoming& incoming) {
  if (!context_.index.wanted(incoming.id, incoming.entry.version)) return;
  context_.index.put(incoming.id, incoming.entry, incoming.purge_at);
  announce_held();
  const auto* name = context_.names.peek(incoming.id);
  const Change change{incoming.id, incoming.entry.version.sequence, incoming.entry.tombstone,
                      name ? *name : nullptr};
  context_.out->push(RecordChanged{std::make_shared<const Change>(change)});
  plan_purge();
}

void Replica::acknowledge(const Receipt& receipt, const RecordId& id, const Version& version) {
  if (receipt.operation != 0) return done_.push_back({receipt.operation, id, true});
  wire::Stored reply{
      receipt.request, wire::StoreStatus::stored, wire::Refusal::none, version.sequence, {}};
  std::vector<NodeId> base = context_.view.base(id.bytes);
  const bool asks_to_count = receipt.base != wire::BaseDigest{};
  if (asks_to_count && (context_.leaving || context_.view.digest(base) != receipt.base)) {
    reply.status = wire::StoreStatus::not_base;
    reply.base = std::move(base);
    ++context_.base_disagreements;
  }
  context_.reply(receipt.from, std::move(reply));
}

void Replica::refuse(const Receipt& receipt, const RecordId& id, wire::Refusal reason) {
  if (receipt.operation != 0) return done_.push_back({receipt.operation, id, false});
  const Index::Entry* held = context_.index.find(id);
  const Sequence sequence = held ? held->version.sequence : Sequence{};
  context_.reply(receipt.from,
                 wire::Stored{receipt.request, wire::StoreStatus::refused, reason, sequence, {}});
}

void Replica::stale(const Receipt& receipt, const RecordId& id, Sequence held) {
  if (receipt.operation != 0) return done_.push_back({receipt.operation, id, true});
  context_.reply(
      receipt.from,
      wire::Stored{receipt.request, wire::StoreStatus::stale, wire::Refusal::none, held, {}});
}

}  // namespace kith::dht
