#include "quota.hpp"

#include <algorithm>

namespace kith::dht {

std::size_t Quota::claimed(const NodeId& writer, const RecordId& id) const {
  const auto it = claims_.find({writer, id});
  return it == claims_.end() ? 0 : it->second.bytes;
}

void Quota::move(const NodeId& writer, std::size_t from, std::size_t to) {
  if (from == to) return;
  Use& use = uses_[writer];
  use.records = use.records + (to > 0 ? 1 : 0) - (from > 0 ? 1 : 0);
  use.bytes = use.bytes + to - from;
  if (use == Use{}) uses_.erase(writer);
}

void Quota::changed(const NodeId& writer, const RecordId& id, std::size_t before,
                    std::size_t after) {
  const std::size_t on_its_way = claimed(writer, id);
  move(writer, std::max(before, on_its_way), std::max(after, on_its_way));
}

bool Quota::fits(const NodeId& writer, const RecordId& id, std::size_t held, std::size_t bytes,
                 const Use& limit) const {
  const std::size_t counted = std::max(held, claimed(writer, id));
  if (bytes <= counted) return true;
  const Use use = of(writer);
  const bool another = counted == 0;
  return use.records + (another ? 1 : 0) <= limit.records &&
         use.bytes + bytes - counted <= limit.bytes;
}

void Quota::claim(const NodeId& writer, const RecordId& id, std::size_t held, std::size_t bytes) {
  Claim& claim = claims_[{writer, id}];
  const std::size_t before = std::max(held, claim.bytes);
  claim.bytes = std::max(claim.bytes, bytes);
  ++claim.versions;
  move(writer, before, std::max(held, claim.bytes));
}

void Quota::release(const NodeId& writer, const RecordId& id, std::size_t held) {
  const auto it = claims_.find({writer, id});
  if (it == claims_.end() || --it->second.versions > 0) return;
  const std::size_t before = std::max(held, it->second.bytes);
  claims_.erase(it);
  move(writer, before, held);
}

Quota::Use Quota::of(const NodeId& writer) const {
  const auto it = uses_.find(writer);
  return it == uses_.end() ? Use{} : it->second;
}

}  // namespace kith::dht
