// What a replica answers to who reads, polls, looks up and reconciles.
#include "replica.hpp"

namespace kith::dht {

void Replica::on_fetch(const NodeId& from, const wire::Fetch& request) {
  if (!context_.view.find(from)) return context_.drop(DropReason::not_member);
  wire::Fetched reply{request.envelope.request};
  const Index::Entry* held = context_.index.find(request.record);
  reply.status = held ? wire::FetchStatus::found : wire::FetchStatus::none;
  if (context_.index.lost(request.record)) {
    held = nullptr;
    reply.status = wire::FetchStatus::refused;
  }
  if (request.base != wire::BaseDigest{}) {
    std::vector<NodeId> base = context_.view.base(request.record.bytes);
    if (context_.view.digest(base) != request.base) {
      ++context_.base_disagreements;
      reply.status = wire::FetchStatus::not_base;
      reply.base = std::move(base);
    }
  }
  if (!held) return context_.reply(from, std::move(reply));
  if (request.want == wire::Want::value) {
    const Token token = context_.token();
    reading_.emplace(token, Reading{from, reply.request, reply.status, std::move(reply.base),
                                    request.record, held->version});
    context_.out->push(Load{token, Table::record, Buffer(request.record.view())});
    return;
  }
  show_version(reply, held->version);
  context_.reply(from, std::move(reply));
}

// Who asks will publish a stamp. It is told whom we count near it, and who else was promised as
// much and may do so at any time.
std::optional<Replica::Polled> Replica::on_poll(const NodeId& from, const wire::Fetch& request) {
  if (!context_.view.find(from)) {
    context_.drop(DropReason::not_member);
    return std::nullopt;
  }
  wire::Fetched reply{request.envelope.request};
  reply.status = wire::FetchStatus::none;
  std::vector<NodeId> base = context_.view.stamped(from.bytes, replicas);
  Bytes promised;
  for (const NodeId& id : context_.view.promised(from.bytes))
    if (id != from) append(promised, id.view());
  const bool differs = context_.view.digest(base) != request.base;
  if (!promised.empty() || differs) {
    reply.status = wire::FetchStatus::not_base;
    if (context_.view.find(from)->in_doubt()) std::erase(base, from);  // it wants another stamp
    reply.base = std::move(base);
    reply.record = Buffer(promised);
  }
  return Polled{std::move(reply), differs};
}

void Replica::show_version(wire::Fetched& reply, const Version& version) {
  reply.sequence = version.sequence;
  reply.writer = version.writer;
  reply.content = version.content;
}

// The disk may be ahead of the index by a commit. Until its receipt is here we answer others by the
// index: who was shown the new version would count us for it, and the next one would miss it.
bool Replica::await_receipt(const RecordId& id, const Version& version, const NodeId& to,
                            const wire::Fetched& reply) {
  for (auto& [token, incoming] : writing_) {
    if (incoming.id != id || incoming.entry.version != version) continue;
    if (incoming.readers.size() < receipts_limit)
      incoming.readers.push_back({to, reply});
    else
      context_.reply(to, wire::Fetched{reply.request, wire::FetchStatus::refused});
    return true;
  }
  return false;
}

void Replica::on_loaded(const Loaded& loaded) {
  auto node = reading_.extract(loaded.token);
  if (node.empty()) return;
  Reading& reading = node.mapped();
  wire::Fetched reply{reading.request, reading.status};
  reply.base = std::move(reading.base);
  const auto decoded =
      loaded.found
          ? wire::decode_record(loaded.value)
          : Result<wire::DecodedRecord, wire::DecodeError>(fail(wire::DecodeError::malformed));
  if (decoded) {
    const wire::Record& record = decoded->record;
    const bool as_known =
        record.sequence == reading.version.sequence && record.content == reading.version.content;
    const Version version = as_known ? reading.version : version_of(record);
    show_version(reply, version);
    reply.record = loaded.value;
    if (!as_known && await_receipt(reading.record, version, reading.to, reply)) return;
  } else if (reply.status == wire::FetchStatus::found) {
    reply.status = wire::FetchStatus::refused;
  }
  context_.reply(reading.to, std::move(reply));
}

void Replica::on_find_nodes(const NodeId& from, const wire::FindNodes& request) {
  wire::NodesFound reply{request.envelope.request};
  for (const NodeId& id : context_.view.live_closest(request.target, wire::nodes_limit)) {
    const View::Member* member = context_.view.find(id);
    reply.nodes.push_back({id, member->key, member->endpoint});
  }
  context_.reply(from, std::move(reply));
}

const reconcile::RangeSet& Replica::shared_with(const NodeId& peer) {
  if (context_.view.shares_everything()) return context_.index.everything();
  Shared* known = shared_.find(peer);
  const bool fresh = known && known->view_epoch == context_.view.epoch() &&
                     known->index_epoch == context_.index.epoch();
  if (fresh) return known->set;
  Shared& shared = shared_.put(peer, {context_.view.epoch(), context_.index.epoch(), {}});
  // Base and holders: a key's base has it, and the newcomers among its holders want it, even when
  // so many came at once that nobody is both.
  for (const auto& [id, entry] : context_.index.entries()) {
    const std::vector<NodeId> keepers = context_.view.keepers(id.bytes);
    if (contains(keepers, context_.self) && contains(keepers, peer))
      shared.set.put(id.bytes, fingerprint(entry.version));
  }
  return shared.set;
}

void Replica::on_reconcile(const NodeId& from, const wire::Reconcile& request) {
  if (!context_.view.find(from)) return context_.drop(DropReason::not_member);
  context_.reply(from, reconcile::answer(shared_with(from), request), Lane::repair);
}

}  // namespace kith::dht
