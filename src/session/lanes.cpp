#include "lanes.hpp"

#include <algorithm>

#include "kith/base/assert.hpp"

namespace kith::session {

bool SendLanes::push(Lane lane, Buffer message) {
  if (count_ >= stream_messages || bytes_ + message.size() > stream_bytes) return false;
  if (!queues_) queues_ = std::make_unique<Queues>();
  ++count_;
  bytes_ += message.size();
  (*queues_)[static_cast<std::size_t>(lane)].messages.push_back(std::move(message));
  return true;
}

Chunk SendLanes::next(std::size_t limit) {
  KITH_ASSERT(!empty());
  std::size_t lane = 0;
  while ((*queues_)[lane].messages.empty()) ++lane;
  Queue& queue = (*queues_)[lane];
  const Buffer& message = queue.messages.front();
  const std::size_t size = std::min(limit, message.size() - queue.sent);
  Chunk chunk{static_cast<Lane>(lane), message.slice(queue.sent, size), true};
  queue.sent += size;
  if (queue.sent == message.size()) {
    chunk.more = false;
    --count_;
    bytes_ -= message.size();
    queue.messages.pop_front();
    queue.sent = 0;
  }
  if (empty()) queues_.reset();
  return chunk;
}

void SendLanes::restart() {
  if (!queues_) return;
  for (Queue& queue : *queues_) queue.sent = 0;
}

void SendLanes::clear() { *this = SendLanes(); }

Reassembly::Verdict Reassembly::add(Lane lane, ByteView chunk, bool more, Buffer& message) {
  Bytes& partial = partial_[static_cast<std::size_t>(lane)];
  if (partial.size() + chunk.size() > wire::message_limit) return Verdict::too_large;
  if (more) {
    append(partial, chunk);
    held_ += chunk.size();
    return Verdict::partial;
  }
  if (partial.empty()) {
    message = Buffer(chunk);
    return Verdict::whole;
  }
  held_ -= partial.size();
  append(partial, chunk);
  message = Buffer(partial);
  partial = Bytes();
  return Verdict::whole;
}

}  // namespace kith::session
