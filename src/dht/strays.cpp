#include "strays.hpp"

namespace kith::dht {

void Strays::look() {
  const bool idle = away_.empty() && bringing_.empty();
  if (stopped_ || (epoch_ == context_.view.epoch() && !(failed_ && idle))) return;
  epoch_ = context_.view.epoch();
  failed_ = false;
  away_.clear();
  // In public mode they stay: who comes near a key and claims to have it may have come for that.
  if (context_.view.shares_everything() || context_.config.mode == Mode::public_) return;
  for (const auto& [id, entry] : context_.index.entries())
    if (strayed(id) && !being_brought(id)) away_.insert(id);
  bring();
}

bool Strays::strayed(const RecordId& id) const {
  return !contains(context_.view.keepers(id.bytes), context_.self);
}

bool Strays::being_brought(const RecordId& id) const {
  return std::any_of(bringing_.begin(), bringing_.end(),
                     [&](const auto& one) { return one.second.first == id; });
}

void Strays::bring() {
  const std::size_t window = context_.client_operations > 0 ? strays_window_busy : strays_window;
  while (!stopped_ && !away_.empty() && bringing_.size() < window) {
    const RecordId id = away_.extract(away_.begin()).value();
    if (const Index::Entry* held = context_.index.find(id)) {
      const Version version = held->version;
      bringing_.emplace(orders_.get(id), std::pair(id, version));
    }
  }
}

void Strays::on_brought(const Get& get) {
  const auto brought = bringing_.extract(get.id());
  if (brought.empty()) return;
  const auto& [id, version] = brought.mapped();
  // Our own disk may have refused to show it; and a quorum of a small base is few copies.
  const bool safe = get.succeeded() && get.winner() >= version && get.base().size() == replicas &&
                    get.base() == context_.view.base(id.bytes);
  if (!safe)
    failed_ = true;
  else if (strayed(id))
    orders_.drop(id, get.winner());
  bring();
}

}  // namespace kith::dht
