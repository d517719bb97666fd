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

std::optional<Poll::Ask> Poll::asked(const NodeId& from, const wire::Fetch& request) {
  if (request.record.bytes != from.bytes) return std::nullopt;
  if (request.base == wire::BaseDigest{}) return Ask::leave;
  return request.want == wire::Want::value ? Ask::promise : Ask::look;
}

void Poll::start() {
  const ByteArray<32>& place = context_.self.bytes;
  const wire::BaseDigest ours = ask_ == Ask::leave
                                    ? wire::BaseDigest{}
                                    : context_.view.digest(context_.view.stamped(place, replicas));
  const wire::Want want = ask_ == Ask::promise ? wire::Want::value : wire::Want::digest;
  for (const NodeId& one : whom_)
    requests_.send(id(), one, wire::Fetch{{}, ours, RecordId::from(place), want},
                   context_.now.mono + poll_timeout, Lane::repair);
  check();
}

void Poll::on_reply(const NodeId& from, const wire::Message& reply) {
  if (const auto* fetched = std::get_if<wire::Fetched>(&reply)) {
    const bool given = ask_ != Ask::promise || fetched->status != wire::FetchStatus::refused;
    if (given) answered_.insert(from);
    const View::Member* member = context_.view.find(from);
    refused_ =
        refused_ || (fetched->status == wire::FetchStatus::refused && member && member->counts());
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
