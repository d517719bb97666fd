#include "poll.hpp"

#include "kith/wire/codec.hpp"

namespace kith::dht {
namespace {

std::vector<NodeId> ids_in(const Buffer& bytes) {
  std::vector<NodeId> ids;
  wire::Reader r(bytes.view());
  while (!r.rest().empty() && !r.failed() && ids.size() < replicas) ids.push_back(r.id<NodeId>());
  if (r.failed()) ids.clear();
  return ids;
}

}  // namespace

void Poll::start() {
  const ByteArray<32>& place = context_.self.bytes;
  const wire::BaseDigest ours = context_.view.digest(context_.view.stamped(place, replicas));
  for (const NodeId& one : whom_)
    requests_.send(id(), one, wire::Fetch{{}, ours, RecordId::from(place), want_},
                   context_.now.mono + poll_timeout, Lane::repair);
  check();
}

void Poll::on_reply(const NodeId& from, const wire::Message& reply) {
  if (const auto* fetched = std::get_if<wire::Fetched>(&reply)) {
    answered_.insert(from);
    if (fetched->status == wire::FetchStatus::not_base) {
      others_.push_back({fetched->base, ids_in(fetched->record)});
      context_.differs(from, context_.self.bytes, fetched->base);
    }
  }
  check();
}

void Poll::check() {
  if (requests_.in_flight(id()) == 0) finish();
}

}  // namespace kith::dht
