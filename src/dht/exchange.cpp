#include "exchange.hpp"

namespace kith::dht {

Exchange::Exchange(Context& context, Requests& requests, OperationId id, Replica& replica,
                   const NodeId& partner, Purpose purpose)
    : Operation(context, requests, id),
      replica_(replica),
      partner_(partner),
      purpose_(purpose),
      reconciler_(purpose == Purpose::leave) {}

const reconcile::RangeSet& Exchange::mine() const {
  // What leaves with us must go to whoever holds it then, so all of it is offered.
  return purpose_ == Purpose::leave ? context_.index.everything() : replica_.shared_with(partner_);
}

void Exchange::start() {
  wake_at(context_.now.mono + exchange_timeout);
  ask();
}

void Exchange::ask() {
  const std::vector<wire::RangeDigest> ranges = reconciler_.next(mine());
  if (ranges.empty()) return progress();
  const std::size_t most =
      exchange_questions + resolved_ + (purpose_ == Purpose::leave ? mine().size() : 0);
  if (++questions_ > most) return end(false);
  asking_ = true;
  const Instant deadline = context_.now.mono + exchange_timeout;
  requests_.send(id(), partner_, wire::Reconcile{{}, wire::Topic::records, ranges}, deadline,
                 Lane::repair);
}

void Exchange::on_reply(const NodeId&, const wire::Message& reply) {
  if (const auto* answer = std::get_if<wire::Reconciled>(&reply)) on_reconciled(*answer);
  if (const auto* fetched = std::get_if<wire::Fetched>(&reply)) on_fetched(*fetched);
  if (const auto* stored = std::get_if<wire::Stored>(&reply)) {
    moving_.erase(stored->request);
    failed_some_ |= stored->status == wire::StoreStatus::refused;
    resolved(1);
  }
  progress();
}

void Exchange::on_reconciled(const wire::Reconciled& answer) {
  asking_ = false;
  std::vector<reconcile::Difference> differences;
  if (!reconciler_.take(mine(), answer, differences)) {
    context_.drop(DropReason::unexpected);
    return end(false);
  }
  std::size_t settled = 0;
  for (const reconcile::Difference& difference : differences) {
    // When we leave all goes to all our neighbours: as others leave as well, the farthest of them
    // may come to keep it.
    const bool leaves = purpose_ == Purpose::leave;
    const bool wanted = leaves ? difference.mine.has_value() : difference.theirs.has_value();
    const RecordId record = RecordId::from(difference.key);
    const bool declined = !leaves && replica_.declined(record);
    if (wanted && !declined) queue_.push_back(record);
    // What it has and a leaver lacks it may have invented.
    if (declined || (!wanted && !leaves)) ++settled;
  }
  if (settled > 0) resolved(settled);
}

void Exchange::on_fetched(const wire::Fetched& fetched) {
  const auto moved = moving_.extract(fetched.request);
  if (moved.empty()) return;
  const RecordId record = moved.mapped();
  if (fetched.record.empty()) {
    // Purged meanwhile, or unreadable there: then another partner has to have it.
    failed_some_ |= fetched.status == wire::FetchStatus::refused;
  } else if (const auto decoded = wire::decode_record(fetched.record);
             !decoded || decoded->record.id != record) {
    failed_some_ = true;  // it was not asked for
    context_.drop(DropReason::unexpected);
  } else if (purpose_ != Purpose::leave) {
    ++context_.repairs_received;
    taking_.insert(record);
    replica_.take(partner_, fetched.record, id());
  } else {
    ++context_.repairs_sent;
    const RequestId request = requests_.send(id(), partner_, wire::Store{{}, {}, fetched.record},
                                             context_.now.mono + exchange_timeout, Lane::repair);
    moving_.emplace(request, record);
  }
}

// Fetch from the side that has it: the partner, or ourselves when we leave.
void Exchange::move_some() {
  const std::size_t most = context_.config.tuning.repair_window;
  const std::size_t window =
      context_.client_operations > 0 ? std::min(repair_window_busy, most) : most;
  const NodeId source = purpose_ == Purpose::leave ? context_.self : partner_;
  while (!queue_.empty() && moving_.size() + taking_.size() < window) {
    const RecordId record = queue_.front();
    queue_.pop_front();
    const RequestId request =
        requests_.send(id(), source, wire::Fetch{{}, {}, record, wire::Want::value},
                       context_.now.mono + exchange_timeout, Lane::repair);
    moving_.emplace(request, record);
  }
}

void Exchange::progress() {
  if (finished()) return;
  move_some();
  const bool room = queue_.size() < wire::items_limit;
  if (!asking_ && room && !reconciler_.finished()) return ask();
  const bool idle = queue_.empty() && moving_.empty() && taking_.empty() && !asking_;
  if (!idle || !reconciler_.finished()) return;
  end(!failed_some_);
}

void Exchange::on_taken(const RecordId& record, bool kept) {
  taking_.erase(record);
  failed_some_ |= !kept;
  if (kept) resolved(1);
  progress();
}

// Each key differs once in an exchange, and what we keep is signed: so neither the questions nor
// the time of a partner that invents differences grow with what it invents.
void Exchange::resolved(std::size_t differences) {
  resolved_ += differences;
  wake_at(context_.now.mono + exchange_timeout);
}

void Exchange::on_unreachable(const NodeId& peer) {
  if (peer == partner_) end(false);
}

void Exchange::on_timer() {
  // Nothing came of it for the whole timeout: this partner is of no use now.
  end(false);
}

void Exchange::end(bool succeeded) {
  if (finished()) return;
  succeeded_ = succeeded;
  finish();
}

}  // namespace kith::dht
