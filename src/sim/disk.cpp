#include "disk.hpp"

namespace kith::sim {

std::vector<Token> Disk::commit(Instant now) {
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < committing_; ++i) {
    apply(queue_.front(), now);
    tokens.push_back(queue_.front().token);
    queue_.pop_front();
  }
  committing_ = queue_.size();
  return tokens;
}

void Disk::apply(const Write& write, Instant now) {
  const auto found = cells_.find(write.cell);
  past_.push_back(
      {now, write.cell, found == cells_.end() ? std::nullopt : std::optional(found->second)});
  const auto beyond = [&] {
    return past_.size() > past_limit || past_.front().at + remembered_ <= now;
  };
  while (!past_.empty() && beyond()) past_.pop_front();
  damaged_.erase(write.cell);
  if (write.value)
    cells_.insert_or_assign(write.cell, *write.value);
  else
    cells_.erase(write.cell);
}

std::optional<Buffer> Disk::read(const Cell& cell) const {
  for (auto write = queue_.rbegin(); write != queue_.rend(); ++write)
    if (write->cell == cell) return write->value;
  const auto found = cells_.find(cell);
  return found == cells_.end() ? std::nullopt : std::optional(found->second);
}

void Disk::crash(std::uint64_t luck) {
  const std::size_t survives = queue_.empty() ? 0 : luck % (queue_.size() + 1);
  for (std::size_t i = 0; i < survives; ++i) apply(queue_[i], queue_[i].asked);
  queue_.clear();
  committing_ = 0;
}

void Disk::roll_back(Instant to) {
  while (!past_.empty() && past_.back().at > to) {
    Past& past = past_.back();
    if (past.before)
      cells_.insert_or_assign(past.cell, *past.before);
    else
      cells_.erase(past.cell);
    past_.pop_back();
  }
}

std::size_t Disk::damage(const Chance& chance, std::int64_t per_mille, std::uint64_t nonce) {
  std::size_t count = 0, hit = 0;
  for (const auto& [cell, value] : cells_) {
    if (cell.first != Table::record) continue;
    if (!chance.per_mille(per_mille, Concern::rot, {nonce, ++count})) continue;
    damaged_[cell] = true;
    ++hit;
  }
  return hit;
}

}  // namespace kith::sim
