#include "repair.hpp"

#include <algorithm>

namespace kith::dht {

void Repair::start() {
  started_ = context_.now.mono;
  context_.timers.set({Timer::Kind::lone}, started_ + lone_settle);
  const Duration usual = context_.config.tuning.anti_entropy_interval;
  const Duration jitter = context_.rng.between(Duration(0), usual);
  context_.timers.set({Timer::Kind::anti_entropy}, context_.now.mono + usual + jitter);
}

void Repair::schedule(Duration delay) {
  dirty_ = true;
  retry_ = sync_retry;   // there is news: what failed for long may go now
  if (running_) return;  // the end of this round starts the next
  const Instant when = context_.now.mono + delay;
  const auto planned = context_.timers.when({Timer::Kind::sync});
  if (!planned || when < *planned) context_.timers.set({Timer::Kind::sync}, when);
}

void Repair::on_change(const NodeId& who, View::Change change) {
  if (who == context_.self || stopping_) return;
  const View::Member* member = context_.view.find(who);
  const View::Member* me = context_.view.find(context_.self);
  const bool new_here = !me || !me->counts();
  if (draining_) {
    visited_.erase(who);  // it may be back without what it was given
    if (member && !member->counts()) schedule(Duration(0));  // perhaps who went first
  }
  switch (change) {
    case View::Change::none:
      break;
    case View::Change::joined:
    case View::Change::news:
      // A counting member may hold what we lack; for those who count already, only a new one does.
      if (member->counts() && (new_here || change == View::Change::joined)) schedule(Duration(0));
      // It did not wait, and it may know why: those it asked to be counted differ from the others
      // until the dead is retired.
      if (dirty_ && !running_ && context_.view.waits_for_us(who)) schedule(Duration(0));
      break;
    case View::Change::returned:
      publish_due_ = true;
      schedule(Duration(0));
      break;
    case View::Change::restamped:
      // Elsewhere that death may have been found later, or we had found it alone: those wait for a
      // stamp of ours past it.
      if (!me || !me->counts()) break;
      if (me->synced > member->verdict_stamp && me->releases_one(who)) break;
      publish_due_ = true;
      schedule(delay_after(who, *member));
      break;
    case View::Change::gone:
      // Retired here already, it may count for others: they wait for our stamp past this death.
      if (!member || !member->may_count_elsewhere()) break;
      publish_due_ = true;
      schedule(delay_after(who, *member));
      break;
  }
}

// Most of the dead come back soon, and nothing needs to move then. There is no time where too few
// are left, nor where the dead was about to count: only those it asked count it, and until it is
// retired they do not agree with the others. That is for those whose stamps retire it.
Duration Repair::delay_after(const NodeId& id, const View::Member& dead) {
  if (!dead.stamped()) {
    const bool asked_for =
        contains(context_.view.neighbours(id.bytes, neighbourhood), context_.self);
    return asked_for && may_hurry() ? Duration(0) : repair_delay;
  }
  const std::vector<NodeId> base = context_.view.base(id.bytes);
  const auto live = std::count_if(base.begin(), base.end(),
                                  [this](const NodeId& one) { return context_.view.live(one); });
  return static_cast<std::size_t>(live) < write_quorum(base.size()) ? Duration(0) : repair_delay;
}

// Nobody makes a network publish without end by dying.
bool Repair::may_hurry() {
  const Instant now = context_.now.mono;
  if (hurries_paid_ > now + repair_delay * (hurries_at_once - 1)) return false;
  hurries_paid_ = std::max(hurries_paid_, now) + repair_delay;
  return true;
}

void Repair::on_doubted() {
  if (stopping_) return;
  publish_due_ = true;
  schedule(repair_delay);
}

// By one who may have retired us, and restarted since: it lost the verdict that we would have
// refuted, and waits for another stamp of ours. The round finds out. Who leaves us out for its own
// pleasure makes us publish no more often than that.
void Repair::on_left_out() {
  if (stopping_ || running_ || context_.timers.when({Timer::Kind::sync})) return;
  const Instant now = context_.now.mono;
  left_out_paid_ = std::max(left_out_paid_, now) + left_out_delay;
  schedule(std::max<Duration>(sync_retry, left_out_paid_ - now - left_out_delay * hurries_at_once));
}

// What could not be read here is with the others: a whole round fetches it.
void Repair::on_damaged() {
  if (!stopping_) schedule(Duration(0));
}

// Who asks counts others than we do, and perhaps not us: only who asks is told so.
void Repair::on_other_base(const NodeId& asker) {
  const View::Member* me = context_.view.find(context_.self);
  if (stopping_ || draining_ || asker == context_.self || !me || !me->stamped()) return;
  const Instant* last = asked_back_.peek(asker);
  if (last && context_.now.mono - *last < sync_retry) return;
  asked_back_.put(asker, context_.now.mono);
  launch_.poll({asker}, Poll::Ask::look);
}

void Repair::on_sync_timer() {
  if (!running_ && !stopping_ && !leaves_) begin_round();
}

void Repair::begin_round() {
  running_ = true;
  dirty_ = false;
  // What was handed over stays so while there is nothing new to give.
  const bool given = step_ == Step::hand_over && given_epoch_ == context_.index.epoch();
  step_ = draining_ ? Step::hand_over : Step::look;
  given_epoch_ = context_.index.epoch();
  overtaken_ = false;
  if (!given) visited_.clear();
  refused_.clear();
  forget_answers();
  // The counting neighbours, for they have what was acknowledged; who leaves gives to the nearest.
  to_visit_ = draining_ ? context_.view.partners()
                        : context_.view.neighbours(context_.self.bytes, neighbourhood);
  std::erase_if(to_visit_,
                [this](const NodeId& id) { return id == context_.self || visited_.contains(id); });
  next_partner();
}

void Repair::next_partner() {
  if (stopping_) return;
  // What this round has seen so far took nothing from us.
  if (draining_ && step_ != Step::hand_over) return begin_round();
  // Far apart a pass outlasts a promise: asked for again in time, it holds from the first asking
  // on.
  if (step_ == Step::fetch && !to_visit_.empty() &&
      context_.now.mono - promised_at_ >= promise_use / 2) {
    promised_at_ = context_.now.mono;
    poll_ = launch_.poll(answered_, Poll::Ask::promise);
    return;
  }
  while (!to_visit_.empty()) {
    const NodeId partner = to_visit_.front();
    to_visit_.erase(to_visit_.begin());
    if (!context_.view.live(partner)) continue;
    const bool leaves = step_ == Step::hand_over;
    exchange_ =
        launch_.exchange(partner, leaves ? Exchange::Purpose::leave : Exchange::Purpose::mend);
    return;
  }
  if (step_ == Step::hand_over) return ask_to_leave();
  if (step_ != Step::fetch) return poll();
  answered_ = visited_;
  const bool late = context_.now.mono - promised_at_ >= promise_use;
  late || !enough_reached() ? fail_round() : conclude();
}

void Repair::on_ended(const Exchange& exchange) {
  if (exchange.id() == anti_entropy_) {
    anti_entropy_ = 0;
    return;
  }
  if (exchange.id() != exchange_) return;
  exchange_ = 0;
  (exchange.succeeded() ? visited_ : refused_).insert(exchange.partner());
  next_partner();
}

// Those visited who have not been asked yet in this step. And who counted once: it may have retired
// us, and counted on when we did not, before it left.
void Repair::poll() {
  std::set<NodeId> whom;
  for (const NodeId& id : visited_)
    if (asked_.insert(id).second) whom.insert(id);
  if (step_ == Step::look)
    for (const NodeId& id : context_.view.veterans())
      if (asked_.insert(id).second) whom.insert(id);
  poll_ = launch_.poll(whom, step_ == Step::promise ? Poll::Ask::promise : Poll::Ask::look);
}

void Repair::forget_answers() {
  asked_.clear();
  answered_.clear();
  others_.clear();
}

void Repair::on_polled(const Poll& ended) {
  if (stopping_) return;
  if (ended.id() == founding_) return found(ended);
  if (ended.id() != poll_) return;
  poll_ = 0;
  if (step_ == Step::hand_over) return leave_or_wait(ended);
  if (step_ == Step::fetch) {  // who did not say so again may count us no more
    const auto silent = [&](const NodeId& id) { return !ended.answered().contains(id); };
    std::erase_if(visited_, silent);
    std::erase_if(to_visit_, silent);
    answered_ = ended.answered();
    others_.insert(others_.end(), ended.others().begin(), ended.others().end());
    return next_partner();
  }
  answered_.insert(ended.answered().begin(), ended.answered().end());
  others_.insert(others_.end(), ended.others().begin(), ended.others().end());
  to_visit_ = strangers();
  if (draining_ || !to_visit_.empty()) return next_partner();
  if (!enough_reached()) return fail_round();
  if (step_ == Step::promise) {
    step_ = Step::fetch;
    to_visit_.assign(answered_.begin(), answered_.end());
    visited_.clear();
    return next_partner();
  }
  if (counted_by_all()) return conclude();
  step_ = Step::promise;
  publish_due_ = true;  // what they are promised
  promised_at_ = context_.now.mono;
  forget_answers();
  poll();
}

// Those who come to count just now, and who retired us while we were cut off: they are asked too.
std::vector<NodeId> Repair::strangers() const {
  std::set<NodeId> met;
  const auto meet = [&](const NodeId& id) {
    const bool known = id == context_.self || visited_.contains(id) || refused_.contains(id);
    if (!known && context_.view.live(id)) met.insert(id);
  };
  for (const auto& [base, promised] : others_) {
    std::for_each(base.begin(), base.end(), meet);
    std::for_each(promised.begin(), promised.end(), meet);
  }
  return {met.begin(), met.end()};
}

bool Repair::counted_by_all() const {
  const View::Member* me = context_.view.find(context_.self);
  return me && me->counts() &&
         std::all_of(others_.begin(), others_.end(), [this](const Poll::Other& other) {
           return std::find(other.base.begin(), other.base.end(), context_.self) !=
                  other.base.end();
         });
}

bool Repair::enough_reached() const {
  const std::vector<NodeId> set = context_.view.stamped(context_.self.bytes, neighbourhood);
  const View::Member* me = context_.view.find(context_.self);
  std::size_t missed = set.size() - (me && me->counts() ? 1 : 0);
  for (const NodeId& id : set) missed -= answered_.contains(id) ? 1 : 0;
  return all_bases_have_quorum(set.size(), missed) &&
         std::all_of(others_.begin(), others_.end(),
                     [this](const Poll::Other& other) { return reaches_quorum(other); });
}

// Those who retired us while we were cut off do not know us yet, nor the others of our side. With
// one of them and each other we would be a majority that the rest of them does not know of. Who was
// promised and not reached may count by now, and others with it.
bool Repair::reaches_quorum(const Poll::Other& other) const {
  const auto missed_of = [this](const std::vector<NodeId>& ids) {
    return static_cast<std::size_t>(std::count_if(ids.begin(), ids.end(), [this](const NodeId& id) {
      return id != context_.self && !answered_.contains(id);
    }));
  };
  const std::size_t soon = missed_of(other.promised);
  return other.base.empty() ||
         all_bases_have_quorum(other.base.size() + soon, missed_of(other.base) + soon);
}

void Repair::fail_round() {
  running_ = false;
  // The last who counted is gone: somebody has to go first again.
  if (!context_.view.has_synced_member() && !context_.timers.when({Timer::Kind::lone}))
    context_.timers.set({Timer::Kind::lone}, context_.now.mono + lone_settle);
  // A newcomer meets its first member before the others: with news there is no reason to wait.
  if (dirty_) return begin_round();
  dirty_ = true;
  context_.timers.set({Timer::Kind::sync}, context_.now.mono + retry_);
  retry_ = std::min(retry_ * 2, Duration(seconds(30)));
}

void Repair::conclude() {
  running_ = false;
  retry_ = sync_retry;
  const View::Member* me = context_.view.find(context_.self);
  const bool owes =
      !me || !me->counts() ||
      (context_.view.any_unsettled() && me->synced <= context_.view.newest_verdict()) ||
      context_.view.owes_release();
  if (publish_due_ || owes) {
    if (context_.forgetting) return fail_round();  // what we have would go with the next start
    publish();
  }
  if (dirty_) return begin_round();
  context_.index.recovered();
  strays_.look();
}

void Repair::publish() {
  publish_due_ = false;
  const View::Member* me = context_.view.find(context_.self);
  std::int64_t stamp = std::max(context_.now.wall.value, context_.view.newest_verdict().value + 1);
  if (me) stamp = std::max({stamp, me->synced.value + 1, me->retired_at.value + 1});
  write({stamp});
}

void Repair::write(UnixMillis stamp) {
  writing_ = context_.token();
  stamp_ = stamp;
  // On disk before it: who else counts, and whom others may retire by it.
  releases_ = stamp.value > 0 ? context_.view.to_release() : std::vector<wire::IdPrefix>{};
  context_.view.releasing(releases_);
  launch_.keep_counting();
  ByteArray<8> value;
  store_le(value.data(), static_cast<std::uint64_t>(stamp.value));
  context_.out->push(Persist{*writing_, Table::meta, Buffer(as_bytes("synced")), Buffer(value)});
}

bool Repair::on_disk(Token token, bool written) {
  if (writing_ != token) return false;
  writing_.reset();
  if (!written) context_.view.releasing({});
  if (written) context_.out->push(SyncedChanged{stamp_, std::exchange(releases_, {})});
  if (stamp_.value == 0) {
    // Refused: we go as one that was stopped, for we would come back as one that counts.
    context_.out->push(Drained{});
  } else if (!written) {
    publish_due_ = true;  // at the end of the round that runs, if one does
    if (!running_) schedule(sync_retry);
  }
  return true;
}

// Nobody here is synced: a fresh network. The smallest live id goes first, with what it has, if
// nobody knows better; the others sync from it. Somebody has to, or nobody ever could.
void Repair::on_lone_timer() {
  if (stopping_) return;
  if (context_.view.has_synced_member()) {
    // Back from a restart with nobody there to start a round: it is ours to find out.
    if (dirty_) schedule(Duration(0));
    return;
  }
  // Alone on a first start with somebody to look for: give them time.
  const bool waits = context_.config.expects_peers && context_.view.live_count() <= 1 &&
                     context_.now.mono - started_ < lone_settle_expecting;
  if (!waits && founding_ == 0 && context_.view.smallest_live() == context_.self) ask_to_found();
  context_.timers.set({Timer::Kind::lone}, context_.now.mono + lone_settle);
}

// One that counted, left and came back may remember others that counted with it and are away just
// now: what was acknowledged is theirs, and a network founded without them would say that it is
// not.
void Repair::ask_to_found() {
  const std::vector<NodeId> live = context_.view.partners();
  founding_ = launch_.poll({live.begin(), live.end()}, Poll::Ask::look);
}

void Repair::found(const Poll& asked) {
  founding_ = 0;
  const bool unknown = std::all_of(asked.others().begin(), asked.others().end(),
                                   [](const Poll::Other& other) { return other.base.empty(); });
  const std::vector<NodeId> live = context_.view.partners();
  const bool all = std::all_of(live.begin(), live.end(),
                               [&](const NodeId& id) { return asked.answered().contains(id); });
  const bool busy = writing_ || context_.forgetting;
  if (!unknown || !all || busy || context_.view.has_synced_member()) return;
  dirty_ = false;
  context_.index.recovered();  // nobody has it
  publish();
}

void Repair::on_anti_entropy_timer() {
  const Duration usual = context_.config.tuning.anti_entropy_interval;
  const Duration wait = context_.rng.between(usual / 2, usual * 3 / 2);
  context_.timers.set({Timer::Kind::anti_entropy}, context_.now.mono + wait);
  if (running_ || anti_entropy_ != 0 || stopping_) return;
  if (synced()) strays_.look();
  std::vector<NodeId> partners = context_.view.partners();
  std::erase_if(partners, [&](const NodeId& id) { return !context_.view.find(id)->counts(); });
  if (partners.empty()) return;
  const NodeId partner = partners[context_.rng.below(partners.size())];
  anti_entropy_ = launch_.exchange(partner, Exchange::Purpose::mend);
  launch_.poll({partner}, Poll::Ask::look);  // whether we count there: `on_left_out` if not
}

void Repair::set_stop() {
  stopping_ = true;
  strays_.stop();
}

bool Repair::synced() const {
  const View::Member* me = context_.view.find(context_.self);
  return me && me->counts() && !running_ && !dirty_ && !context_.view.any_unsettled();
}

}  // namespace kith::dht
