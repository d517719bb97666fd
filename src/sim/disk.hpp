// Disk: one host's stored tables. Writes queue and become durable in order, a group at a time, as
// storage/ commits them; a crash loses what was not durable, but for a prefix that was lucky. What
// was there before a write is kept only for as long as the scenario may roll this disk back.
#pragma once

#include <deque>
#include <map>
#include <optional>

#include "chance.hpp"
#include "kith/base/bytes.hpp"
#include "kith/base/disk.hpp"

namespace kith::sim {

using Cell = std::pair<Table, Bytes>;
using Cells = std::map<Cell, Buffer>;

class Disk {
 public:
  struct Write {
    Token token;
    Cell cell;
    std::optional<Buffer> value;  // nullopt: forget
    Instant asked;
  };

  // True: no commit was under way, so one begins now.
  bool write(Write write) {
    queue_.push_back(std::move(write));
    return committing_ == 0 && (committing_ = queue_.size(), true);
  }
  // The commit under way is durable: its tokens. Another begins when more is queued.
  std::vector<Token> commit(Instant now);
  bool committing() const { return committing_ > 0; }

  // What a reader of this process sees: the durable cells and those under way.
  std::optional<Buffer> read(const Cell& cell) const;

  void crash(std::uint64_t luck);  // `luck`: how much of the queue was durable after all
  void wipe() { cells_.clear(), past_.clear(), damaged_.clear(); }
  void roll_back(Instant to);  // to what was durable then, but not beyond what is remembered
  void remember(Duration past) { remembered_ = past; }
  std::size_t damage(const Chance& chance, std::int64_t per_mille, std::uint64_t nonce);
  bool damaged(const Cell& cell) const { return damaged_.contains(cell); }

  const Cells& cells() const { return cells_; }
  Disk copy() const {  // of what is durable
    Disk other;
    other.cells_ = cells_;
    return other;
  }

 private:
  static constexpr std::size_t past_limit = 4096;
  struct Past {
    Instant at;
    Cell cell;
    std::optional<Buffer> before;
  };
  void apply(const Write& write, Instant now);

  Cells cells_;
  std::map<Cell, bool> damaged_;
  std::deque<Write> queue_;
  std::size_t committing_ = 0;
  std::deque<Past> past_;
  Duration remembered_{};
};

}  // namespace kith::sim
