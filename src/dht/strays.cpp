#include "strays.hpp"

namespace kith::dht {

void Strays::look() {
  if (stopped_ || epoch_ == context_.view.epoch()) return;
  epoch_ = context_.view.epoch();
  const auto known = std::exchange(home_, {});
  away_.clear();
  if (context_.view.shares_everything()) return;
  for (const auto& [id, entry] : context_.index.entries()) {
    const std::vector<NodeId> keepers = context_.view.keepers(id.bytes);
    if (std::find(keepers.begin(), keepers.end(), context_.self) != keepers.end()) continue;
    const Home home{context_.view.digest(context_.view.base(id.bytes)), entry.version};
    const auto it = known.find(id);
    (it != known.end() && it->second == home ? home_ : away_).emplace(id, home);
  }
  bring();
}

void Strays::bring() {
  const std::size_t window = context_.client_operations > 0 ? repair_window_busy : repair_window;
  while (!stopped_ && !away_.empty() && bringing_.size() < window) {
    const auto stray = away_.extract(away_.begin());
    bringing_.emplace(launch_(stray.key()), std::pair(stray.key(), stray.mapped()));
  }
}

void Strays::on_brought(const Get& get) {
  const auto brought = bringing_.extract(get.id());
  if (brought.empty()) return;
  if (get.succeeded())
    home_.insert(brought.mapped());
  else
    epoch_ = 0;
  bring();
}

}  // namespace kith::dht
