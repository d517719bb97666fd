// Agenda: what will happen, by (time, order of planning). The one event heap of a world.
#pragma once

#include <algorithm>
#include <variant>
#include <vector>

#include "kith/base/assert.hpp"
#include "kith/node/node.hpp"
#include "kith/sim/scenario.hpp"

namespace kith::sim {

struct Datagram {
  Endpoint from;
  Buffer bytes;
};
struct Bounced {  // nobody listens there
  Endpoint to;
};
struct Wake {};  // the process's own deadline
struct Answer {  // of the jobs, the disk, the resolver
  node::Input input;
};
struct Commit {  // the oldest transaction of this disk is durable
};
struct StreamWork {  // a stream has something to do at this end
  session::StreamId stream;
};
struct Resume {};  // a pause ends, or a slow step does
struct Boot {};
struct Begin {  // of scenario.events[index]
  std::size_t index;
};
struct End {
  std::size_t index;
};
struct Second {};  // the checkers look around

using Happening = std::variant<Datagram, Bounced, Wake, Answer, Commit, StreamWork, Resume, Boot,
                               Begin, End, Second>;

struct Item {
  Instant at;
  HostIndex host = 0;
  std::uint64_t life = 0;  // of the process it is meant for; 0: of the machine, whoever runs
  Happening what;
};

class Agenda {
 public:
  void add(Item item) {
    KITH_ASSERT(item.at >= reached_);
    std::uint32_t slot = 0;
    if (free_.empty()) {
      slot = static_cast<std::uint32_t>(items_.size());
      items_.push_back(std::move(item));
    } else {
      slot = free_.back();
      free_.pop_back();
      items_[slot] = std::move(item);
    }
    heap_.push_back({items_[slot].at, ++order_, slot});
    std::push_heap(heap_.begin(), heap_.end());
  }
  bool empty() const { return heap_.empty(); }
  Instant next() const { return heap_.front().at; }
  Item pop() {
    std::pop_heap(heap_.begin(), heap_.end());
    const std::uint32_t slot = heap_.back().slot;
    reached_ = heap_.back().at;
    heap_.pop_back();
    free_.push_back(slot);
    return std::move(items_[slot]);
  }
  std::size_t size() const { return heap_.size(); }

 private:
  struct Place {
    Instant at;
    std::uint64_t order;
    std::uint32_t slot;
    bool operator<(const Place& other) const {  // the earliest on top
      return at != other.at ? at > other.at : order > other.order;
    }
  };
  std::vector<Item> items_;
  std::vector<std::uint32_t> free_;
  std::vector<Place> heap_;
  std::uint64_t order_ = 0;
  Instant reached_;  // nothing happens before what has happened
};

}  // namespace kith::sim
