#include "kith/dht/dht.hpp"

#include "counted.hpp"
#include "find.hpp"
#include "get.hpp"
#include "kith/base/assert.hpp"
#include "kith/base/visit.hpp"
#include "poll.hpp"
#include "put.hpp"
#include "repair.hpp"

namespace kith::dht {

static_assert(sizeof(Output) <= 64);
static_assert(Machine<Dht>);

struct Dht::Impl {
  Context context;
  Requests requests{context};
  Replica replica{context};
  std::map<OperationId, std::unique_ptr<Operation>> operations;
  Repair repair;
  OperationId last_operation = 0;
  bool started = false;
  Counted counted{context};
  struct {
    Incarnation incarnation;
    UnixMillis synced;
  } own;

  Impl(Config config, std::shared_ptr<const crypto::Identity> identity, Rng rng)
      : context(std::move(config), std::move(identity), rng),
        repair(context, {[this](const NodeId& partner, Exchange::Purpose purpose) {
                           return launch<Exchange>(replica, partner, purpose);
                         },
                         [this](const std::set<NodeId>& whom, Poll::Ask ask) {
                           return launch<Poll>(whom, ask);
                         },
                         {[this](const RecordId& stray) { return launch<Get>(stray); },
                          [this](const RecordId& stray, const Version& at_most) {
                            replica.drop(stray, at_most);
                          }},
                         [this] { counted.tell(); }}) {}

  template <class Op, class... Args>
  OperationId launch(Args&&... args) {
    const OperationId id = ++last_operation;
    auto operation = std::make_unique<Op>(context, requests, id, std::forward<Args>(args)...);
    Operation& started_now = *operation;
    operations.emplace(id, std::move(operation));
    started_now.start();
    return id;
  }

  Operation* find(OperationId id) {
    const auto it = operations.find(id);
    return it == operations.end() || it->second->finished() ? nullptr : it->second.get();
  }

  // --- one turn -------------------------------------------------------------------------------

  void begin(Now now, Outbox& out) {
    context.now = now;
    context.out = &out;
    if (std::exchange(started, true)) return;
    for (const Counting& member : context.config.counting) context.view.remember(member, now);
    counted.begin();
    retire();
    repair.start();
  }

  // Until nothing is left to do at this instant: what we asked ourselves, what repair waited for,
  // and the removal of what has finished.
  void settle() {
    for (;;) {
      if (!context.loopback.empty()) {
        auto [from, message] = std::move(context.loopback.front());
        context.loopback.pop_front();
        dispatch(from, message);
      } else if (auto done = replica.take_done(); !done.empty()) {
        for (const Replica::Done& taken : done)
          if (Operation* operation = find(taken.operation))
            operation->on_taken(taken.id, taken.kept);
      } else if (!remove_finished()) {
        break;
      }
    }
    if (std::exchange(context.left_out, false)) repair.on_left_out();
    if (std::exchange(context.damaged, false)) repair.on_damaged();
    counted.note();
    context.out = nullptr;
  }

  bool remove_finished() {
    bool removed = false;
    for (auto it = operations.begin(); it != operations.end();) {
      if (!it->second->finished()) {
        ++it;
        continue;
      }
      const std::unique_ptr<Operation> operation = std::move(it->second);
      it = operations.erase(it);
      removed = true;
      if (const auto* exchange = dynamic_cast<const Exchange*>(operation.get())) {
        repair.on_ended(*exchange);
        return true;  // it may have launched another: the iterator is stale
      }
      if (const auto* poll = dynamic_cast<const Poll*>(operation.get())) {
        repair.on_polled(*poll);
        return true;
      }
      const auto* get = dynamic_cast<const Get*>(operation.get());
      if (get && !get->of_client()) {
        repair.on_brought(*get);
        return true;
      }
      --context.client_operations;
    }
    return removed;
  }

  // --- messages -------------------------------------------------------------------------------

  void dispatch(const NodeId& from, const wire::Message& message) {
    match(
        message, [&](const wire::Store& m) { replica.on_store(from, m); },
        [&](const wire::Fetch& m) {
          const std::optional<Poll::Ask> ask = Poll::asked(from, m);
          if (!ask) return replica.on_fetch(from, m);
          if (ask == Poll::Ask::leave) return repair.on_leaver(from, m.envelope.request);
          const bool promise = ask == Poll::Ask::promise;
          if (promise && !context.view.may_promise(from, context.now.mono))
            return context.reply(
                from, wire::Fetched{m.envelope.request, wire::FetchStatus::refused}, Lane::repair);
          std::optional<Replica::Polled> polled = replica.on_poll(from, m);
          if (!polled) return;
          if (polled->differs) repair.on_other_base(from);
          if (promise && give_promise(from))
            return counted.reply_when_told(from, std::move(polled->reply));
          context.reply(from, std::move(polled->reply), Lane::repair);
        },
        [&](const wire::FindNodes& m) { replica.on_find_nodes(from, m); },
        [&](const wire::Reconcile& m) { replica.on_reconcile(from, m); },
        [&](const wire::Stored& m) { answered(from, m.request, message); },
        [&](const wire::Fetched& m) { answered(from, m.request, message); },
        [&](const wire::NodesFound& m) { answered(from, m.request, message); },
        [&](const wire::Reconciled& m) { answered(from, m.request, message); },
        [&](const auto&) { context.drop(DropReason::unexpected); });
  }

  // True: the answer has to wait. Whoever is promised goes by it, so it outlives us.
  bool give_promise(const NodeId& to) {
    if (!context.view.promise(to, context.now.mono)) return false;
    retire();
    counted.tell();
    return counted.writing();
  }
  void answered(const NodeId& from, RequestId request, const wire::Message& message) {
    const OperationId id = requests.take(from, request);
    if (id == 0) return context.drop(DropReason::unexpected);
    if (Operation* operation = find(id)) operation->on_reply(from, message);
  }

  // --- inputs ---------------------------------------------------------------------------------

  void on(const MessageReceived& in) { dispatch(in.from, *in.message); }

  void on(const MemberSeen& in) {
    if (in.id == context.self) note_self(in);
    view_changed(in.id, context.view.see(in, context.now));
    if (!context.view.live(in.id)) unreachable(in.id);
  }
  // Our own record moved by nothing of ours: we were accused. Some may have buried us and no longer
  // count us, others not; a new stamp makes them one again.
  void note_self(const MemberSeen& in) {
    const bool doubted = own.incarnation.value > 0 && in.incarnation > own.incarnation &&
                         in.synced == own.synced && in.synced.value > 0;
    own = {in.incarnation, in.synced};
    if (doubted) repair.on_doubted();
  }
  void on(const MemberForgotten& in) {
    if (context.view.forget(in.id, context.now.mono)) view_changed(in.id, View::Change::news);
    unreachable(in.id);
  }
  void view_changed(const NodeId& who, View::Change change) {
    if (change == View::Change::none) return;
    retire();
    if (context.view.find(who)) repair.on_change(who, change);
    for (auto& [id, operation] : operations)
      if (!operation->finished()) operation->on_view_changed();
  }
  void retire() {
    context.view.retire(context.now.mono);
    if (const auto next = context.view.next_retirement(context.now.mono))
      context.timers.set({Timer::Kind::retire},
                         std::max(*next, context.now.mono + milliseconds(1)));
    else
      context.timers.cancel({Timer::Kind::retire});
  }
  void on(const PeerUnreachable& in) { unreachable(in.peer); }
  void unreachable(const NodeId& peer) {
    for (const OperationId id : requests.give_up(peer))
      if (Operation* operation = find(id)) operation->on_unreachable(peer);
  }

  void on(const RecordLoaded& in) { replica.load_at_start(in.raw); }

  void on(const RecordDamaged& in) { replica.lose(in.id); }

  bool admit(Ticket ticket, Report refusal) {
    if (context.client_operations < operations_limit) {
      ++context.client_operations;
      return true;
    }
    context.out->push(Completed{ticket, std::make_shared<Report>(std::move(refusal))});
    return false;
  }
  void remember(wire::Kind kind, const NodeId& owner, const std::string& name) {
    const RecordId id = record_id(context.config.root, kind, owner, name);
    context.names.put(id, std::make_shared<const std::string>(name));
  }
  void on(const PutRequested& in) {
    PutReport refused;
    refused.name = in.name;
    refused.outcome = PutOutcome::rejected;
    refused.reason = "too many operations are running";
    if (!admit(in.ticket, std::move(refused))) return;
    remember(in.kind, context.self, in.name);
    launch<Put>(in);
  }
  void on(const GetRequested& in) {
    GetReport refused;
    refused.name = in.name;
    refused.reason = "too many operations are running";
    if (!admit(in.ticket, std::move(refused))) return;
    const wire::Kind kind = in.owner ? wire::Kind::owned : wire::Kind::value;
    remember(kind, in.owner.value_or(NodeId{}), in.name);
    launch<Get>(in);
  }
  void on(const LookupRequested& in) {
    LookupReport refused;
    refused.name = in.name;
    if (!admit(in.ticket, std::move(refused))) return;
    launch<Find>(in);
  }
  void on(const DrainRequested&) { repair.drain(); }
  void on(const StopRequested&) {
    counted.tell();
    repair.set_stop();
    for (auto& [id, operation] : operations)
      if (!operation->finished()) operation->stop();
  }
  void on(const TimeSkipped&) {
    // Requests resend by themselves; who we are to sync with is told by the roster.
  }
  void on(const Computed& in) {
    const auto node = context.computing.extract(in.token);
    if (node.empty()) return context.drop(DropReason::unexpected);
    const Waiter waiter = node.mapped();
    if (waiter.kind == Waiter::Kind::operation) {
      if (Operation* operation = find(waiter.id)) operation->on_computed(*in.result);
      return;
    }
    replica.on_verified(waiter.id, static_cast<const crypto::Verified&>(*in.result).valid.front());
  }
  void on(const Persisted& in) {
    if (counted.on_disk(in.token, true) || repair.on_disk(in.token, true)) return;
    replica.on_persisted(in.token);
  }
  void on(const Loaded& in) { replica.on_loaded(in); }
  void on(const DiskRefused& in) {
    if (counted.on_disk(in.token, false)) return;
    if (!repair.on_disk(in.token, false)) replica.on_refused(in);
  }

  // --- time -----------------------------------------------------------------------------------

  void fire(const Timer& timer) {
    switch (timer.kind) {
      case Timer::Kind::resend:
        return overdue(requests.on_timer(timer.id));
      case Timer::Kind::operation:
        if (Operation* operation = find(timer.id)) operation->on_timer();
        return;
      case Timer::Kind::sync:
        return repair.on_sync_timer();
      case Timer::Kind::anti_entropy:
        return repair.on_anti_entropy_timer();
      case Timer::Kind::purge:
        return replica.purge();
      case Timer::Kind::forget:
        return replica.forget_more();
      case Timer::Kind::retire:
        return retired_by_time();
      case Timer::Kind::counting:
        return counted.tell();
      case Timer::Kind::lone:
        return repair.on_lone_timer();
    }
  }
  void overdue(const std::optional<Requests::Overdue>& late) {
    if (!late) return;
    Operation* operation = find(late->operation);
    if (!operation) return;
    if (late->expired)
      operation->on_unreachable(late->peer);
    else if (late->silent)
      operation->on_silence(late->peer);
  }
  void retired_by_time() {
    retire();
    for (auto& [id, operation] : operations)
      if (!operation->finished()) operation->on_view_changed();
  }
};

Dht::Dht(Config config, std::shared_ptr<const crypto::Identity> identity, Rng rng)
    : impl_(std::make_unique<Impl>(std::move(config), std::move(identity), rng)) {}
Dht::~Dht() = default;
Dht::Dht(Dht&&) noexcept = default;

void Dht::step(const Input& input, Now now, Outbox& out) {
  impl_->begin(now, out);
  match(input, [&](const auto& in) { impl_->on(in); });
  impl_->settle();
}

void Dht::expire(Now now, Outbox& out) {
  impl_->begin(now, out);
  while (const auto timer = impl_->context.timers.pop_due(now.mono)) impl_->fire(*timer);
  impl_->settle();
}

std::optional<Instant> Dht::next_deadline() const { return impl_->context.timers.next(); }

bool Dht::forgetting() const { return impl_->context.forgetting; }

Snapshot Dht::snapshot() const {
  const Context& context = impl_->context;
  Snapshot out;
  out.tombstones = context.index.tombstones();
  out.records = context.index.size() - out.tombstones;
  out.counting = context.view.counting_count();
  out.counting_dead = context.view.unsettled_count();
  out.synced = impl_->repair.synced();
  out.operations = context.client_operations;
  out.base_disagreements = context.base_disagreements;
  out.repairs_sent = context.repairs_sent;
  out.repairs_received = context.repairs_received;
  out.resends = context.resends;
  out.resends_withheld = context.resends_withheld;
  for (const auto& [id, operation] : impl_->operations)
    if (const auto* exchange = dynamic_cast<const Exchange*>(operation.get()))
      out.queued_bytes += exchange->queued() * context.index.mean_size();
  if (!context.view.any_unsettled()) return out;
  for (const auto& [id, entry] : context.index.entries()) {
    const std::vector<NodeId> base = context.view.base(id.bytes);
    const bool all_live = std::all_of(
        base.begin(), base.end(), [&](const NodeId& member) { return context.view.live(member); });
    if (!all_live) ++out.under_replicated;
  }
  return out;
}

}  // namespace kith::dht
