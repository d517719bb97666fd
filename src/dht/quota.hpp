// Quota: what this node holds of each writer, on disk and on its way there. In a public network it
// is bounded, so that no writer takes everybody's room. Counted as it changes: O(log n) a store.
#pragma once

#include <map>

#include "constants.hpp"
#include "kith/base/ids.hpp"

namespace kith::dht {

class Quota {
 public:
  struct Use {
    std::size_t records = 0, bytes = 0;
    bool operator==(const Use&) const = default;
  };

  // What is on disk of this record of this writer went from `before` to `after` bytes; 0: nothing.
  void changed(const NodeId& writer, const RecordId& id, std::size_t before, std::size_t after);

  // Whether `bytes` more of a record fit, of which `held` are on disk. What takes the place of
  // something as large always does: a refresh, a delete.
  bool fits(const NodeId& writer, const RecordId& id, std::size_t held, std::size_t bytes,
            const Use& limit) const;
  // On its way to the disk: counts as the larger of both until it has arrived or is given up.
  void claim(const NodeId& writer, const RecordId& id, std::size_t held, std::size_t bytes);
  void release(const NodeId& writer, const RecordId& id, std::size_t held);

  Use of(const NodeId& writer) const;

 private:
  struct Claim {
    std::size_t bytes = 0;  // the largest version under way
    std::size_t versions = 0;
  };
  std::size_t claimed(const NodeId& writer, const RecordId& id) const;
  void move(const NodeId& writer, std::size_t from, std::size_t to);

  std::map<NodeId, Use> uses_;
  std::map<std::pair<NodeId, RecordId>, Claim> claims_;  // as many as stores are pending
};

// Of one writer at one replica of a public network. A store is refused beyond it; what others have
// acknowledged is taken over up to `writer_repair_factor` times as much, so that replicas which
// admitted different records of a writer near its limit lose none.
inline constexpr Quota::Use writer_limit{writer_records_limit, writer_bytes_limit};
inline constexpr Quota::Use writer_repair_limit{
    .records = writer_repair_factor * writer_records_limit,
    .bytes = writer_repair_factor * writer_bytes_limit};

}  // namespace kith::dht
