// Context: what the parts of the DHT share during one turn: the time, the outbox, the view, the
// index, the timers. Owned by Dht; every part holds a reference.
#pragma once

#include <algorithm>
#include <deque>
#include <map>

#include "constants.hpp"
#include "index.hpp"
#include "kith/base/bounded.hpp"
#include "kith/base/deadline_queue.hpp"
#include "kith/dht/dht.hpp"
#include "view.hpp"

namespace kith::dht {

using OperationId = std::uint64_t;

struct Timer {
  enum class Kind : std::uint8_t {
    resend,
    operation,
    sync,
    anti_entropy,
    purge,
    forget,
    retire,
    lone,
    counting
  };
  Kind kind;
  std::uint64_t id = 0;
  auto operator<=>(const Timer&) const = default;
};

// Who asked for a heavy computation.
struct Waiter {
  enum class Kind : std::uint8_t { operation, replica };
  Kind kind;
  std::uint64_t id = 0;
};

struct Context {
  Context(Config c, std::shared_ptr<const crypto::Identity> i, Rng r)
      : config(std::move(c)), identity(std::move(i)), rng(r), self(identity->id()), view(self) {}

  Config config;
  std::shared_ptr<const crypto::Identity> identity;
  Rng rng;
  NodeId self;
  View view;
  Index index;
  DeadlineQueue<Timer> timers;
  std::map<Token, Waiter> computing;
  std::deque<std::pair<NodeId, wire::Message>> loopback;  // to ourselves: no wire, same path
  LruMap<RecordId, std::shared_ptr<const std::string>> names{names_limit};
  // The last sequence signed here: never again, though our own disk refused that version.
  LruMap<RecordId, Sequence> signed_sequences{names_limit};
  std::size_t client_operations = 0;
  std::uint64_t base_disagreements = 0, repairs_sent = 0, repairs_received = 0;
  std::uint64_t resends = 0, resends_withheld = 0;
  bool leaving = false;     // what we are given now would go with us: no receipt of ours counts
  bool forgetting = false;  // see Dht::forgetting: nothing may be said to be here for good
  bool damaged = false;     // a record that was held here could not be read
  bool left_out = false;    // of a base that has us in our view: those others may have retired us

  Now now;  // of this turn
  Outbox<Output>* out = nullptr;

  Token token() { return {++last_token_}; }
  void compute(Waiter waiter, std::shared_ptr<const Job> job) {
    const Token t = token();
    computing.emplace(t, waiter);
    out->push(Compute{t, std::move(job)});
  }
  // A member counts another base at that place than we do.
  void differs(const NodeId& from, const ByteArray<32>& place, const std::vector<NodeId>& base) {
    out->push(ViewDisagrees{from});
    left_out = left_out || (contains(view.base(place), self) && !contains(base, self));
  }
  void drop(DropReason reason) { out->push(Dropped{reason}); }
  // An answer: over the wire, or round the corner when we asked ourselves.
  void reply(const NodeId& to, wire::Message message, Lane lane = Lane::data) {
    if (to == self)
      loopback.emplace_back(self, std::move(message));
    else
      out->push(SendMessage{to, wire::encode(message), lane});
  }

 private:
  std::uint64_t last_token_ = 0;
};

}  // namespace kith::dht
