#include "find.hpp"

#include "kith/kad/space.hpp"

namespace kith::dht {

Find::Find(Context& context, Requests& requests, OperationId id, LookupRequested request)
    : Operation(context, requests, id),
      request_(std::move(request)),
      lookup_(record_id(context.config.root, wire::Kind::value, {}, request_.name).bytes,
              {replicas, 4, 12, 256}) {
  started_ = context_.now.mono;
  deadline_ = started_ + request_.deadline;
  report_.name = request_.name;
  report_.id = record_id(context_.config.root, wire::Kind::value, {}, request_.name);
}

void Find::start() {
  wake_at(deadline_);
  for (const NodeId& id : context_.view.live_closest(report_.id.bytes, 64)) lookup_.add(id);
  advance();
}

void Find::advance() {
  if (lookup_.finished()) return complete();
  const auto rto = [&](const NodeId& peer) { return requests_.rto(peer); };
  for (const NodeId& peer : lookup_.ask(context_.now.mono, rto))
    requests_.send(id(), peer, wire::FindNodes{{}, report_.id.bytes}, deadline_);
}

void Find::on_reply(const NodeId& from, const wire::Message& reply) {
  const auto* found = std::get_if<wire::NodesFound>(&reply);
  if (!found) return;
  std::vector<NodeId> ids;
  // Only members can be asked: whoever we do not know yet comes through the roster, verified.
  for (const wire::Contact& contact : found->nodes)
    if (context_.view.live(contact.id)) ids.push_back(contact.id);
  lookup_.answered(from, ids, context_.now.mono);
  advance();
}

void Find::on_unreachable(const NodeId& peer) {
  lookup_.failed(peer);
  advance();
}

void Find::complete() {
  if (finished()) return;
  const std::vector<NodeId> base = context_.view.base(report_.id.bytes);
  std::vector<NodeId> all = context_.view.holders(report_.id.bytes);
  for (const NodeId& id : base)
    if (!contains(all, id)) all.push_back(id);
  all = kad::closest(report_.id.bytes, std::move(all), 2 * replicas,
                     [](const NodeId& id) { return id.bytes; });
  for (std::size_t rank = 0; rank < all.size(); ++rank) {
    const bool counts = contains(base, all[rank]);
    report_.replicas.push_back(
        {all[rank], rank, kad::distance_bits(all[rank].bytes, report_.id.bytes), counts});
  }
  for (const kad::LookupStep& step : lookup_.steps())
    report_.steps.push_back({step.peer, step.rtt, step.fresh, step.nearer});
  report_.took = context_.now.mono - started_;
  context_.out->push(Completed{request_.ticket, std::make_shared<Report>(report_)});
  finish();
}

}  // namespace kith::dht
