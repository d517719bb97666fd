// Replica: this node as a holder of records: answers store, fetch, find_nodes and reconcile.
//
// The rule that an acknowledgement never lies lives here: `stored` is said after Persisted, never
// before. A record is verified once: not at all when its writer sent it over its own session (the
// session proves the writer), else before it is kept.
#pragma once

#include <deque>

#include "context.hpp"

namespace kith::dht {

class Replica {
 public:
  explicit Replica(Context& context) : context_(context) {}

  void load_at_start(const Buffer& raw);
  void on_store(const NodeId& from, const wire::Store& request);
  void on_fetch(const NodeId& from, const wire::Fetch& request);
  struct Polled {
    wire::Fetched reply;
    bool differs;  // our bases
  };
  std::optional<Polled> on_poll(const NodeId& from, const wire::Fetch& request);
  void on_find_nodes(const NodeId& from, const wire::FindNodes& request);
  void on_reconcile(const NodeId& from, const wire::Reconcile& request);

  // Repair: keep a record that `from` gave us. The operation hears on_taken through take_done().
  void take(const NodeId& from, const Buffer& raw, OperationId operation);
  // Lately offered by repair and over its writer's quota: not worth fetching again.
  bool declined(const RecordId& id) const;
  struct Done {
    OperationId operation;
    RecordId id;
    bool kept;
  };
  std::vector<Done> take_done() { return std::exchange(done_, {}); }

  void on_verified(std::uint64_t id, bool valid);
  void on_persisted(Token token);
  void on_loaded(const Loaded& loaded);
  void on_refused(const DiskRefused& refused);
  void lose(const RecordId& id);
  void purge();
  void forget_more();
  // What its keepers have in that version or a later one.
  void drop(const RecordId& id, const Version& at_most);

  // The records that both of us should hold; the whole index while the network is small.
  const reconcile::RangeSet& shared_with(const NodeId& peer);

 private:
  // Who waits for a record to be on disk: a store request, or a repair.
  struct Receipt {
    NodeId from;
    RequestId request;
    wire::BaseDigest base{};
    OperationId operation = 0;
  };
  struct Shown {
    NodeId to;
    wire::Fetched reply;
  };
  struct Incoming {
    RecordId id;
    Index::Entry entry;
    Buffer raw;
    std::int64_t purge_at = 0;
    std::vector<Receipt> receipts;
    std::vector<Receipt> lower;  // who came with a version that this one makes stale
    std::vector<Shown> readers;  // who asked meanwhile, and the disk was ahead of its receipt
  };
  struct Reading {
    NodeId to;
    RequestId request;
    wire::FetchStatus status;
    std::vector<NodeId> base;
    RecordId record;
    Version version;  // as the index knew it
  };

  void consider(const Buffer& raw, Receipt receipt);
  bool join_one_in_flight(const RecordId& id, const Version& version, const Receipt& receipt);
  bool has_room(const Receipt& receipt, const RecordId& id, const Index::Entry& entry) const;
  void decline(const Receipt& receipt, const RecordId& id);
  void persist(Incoming incoming);
  void commit(const Incoming& incoming);
  void acknowledge(const Receipt& receipt, const RecordId& id, const Version& version);
  void refuse(const Receipt& receipt, const RecordId& id, wire::Refusal reason);
  void stale(const Receipt& receipt, const RecordId& id, Sequence held);
  bool await_receipt(const RecordId& id, const Version& version, const NodeId& to,
                     const wire::Fetched& reply);
  static void show_version(wire::Fetched& reply, const Version& version);
  void announce_held();
  void plan_purge();
  bool being_written(const RecordId& id) const;
  void forget_some();
  bool on_forgotten(Token token, bool written);
  static std::int64_t purge_time(const Index::Entry& entry);

  Context& context_;
  std::map<std::uint64_t, Incoming> verifying_;
  std::map<Token, Incoming> writing_;
  std::map<Token, Reading> reading_;
  std::map<Token, std::pair<RecordId, Index::Entry>> dropping_;
  std::deque<RecordId> to_forget_;
  std::map<Token, RecordId> forgetting_;
  std::optional<Token> seen_;  // that it is written
  std::vector<Done> done_;
  LruMap<RecordId, Instant> declined_{declined_limit};  // until when
  std::uint64_t last_id_ = 0;
  bool held_any_ = false;

  struct Shared {
    std::uint64_t view_epoch = 0, index_epoch = 0;
    reconcile::RangeSet set;
  };
  LruMap<NodeId, Shared> shared_{4};
};

}  // namespace kith::dht
