#include "get.hpp"

#include "kith/crypto/hash.hpp"

namespace kith::dht {

Get::Get(Context& context, Requests& requests, OperationId id, GetRequested request)
    : Operation(context, requests, id), request_(std::move(request)) {
  started_ = context_.now.mono;
  deadline_ = started_ + request_.deadline;
  report_.name = request_.name;
  report_.kind = request_.owner ? wire::Kind::owned : wire::Kind::value;
  report_.id = record_id(context_.config.root, report_.kind, request_.owner.value_or(NodeId{}),
                         request_.name);
}

Get::Get(Context& context, Requests& requests, OperationId id, const RecordId& stray)
    : Operation(context, requests, id), lane_(Lane::repair) {
  started_ = context_.now.mono;
  deadline_ = started_ + request_.deadline;
  report_.id = stray;
}

void Get::start() {
  plan_wake();
  on_view_changed();
}

void Get::plan_wake() {
  Instant when = deadline_;
  if (retry_) when = std::min(when, *retry_);
  for (const auto& [replica, until] : show_by_) when = std::min(when, until);
  wake_at(when);
}

void Get::on_view_changed() {
  if (state_ == State::waiting && context_.view.has_synced_member()) return begin();
  if (state_ == State::asking) decide();
}

void Get::begin() {
  state_ = State::asking;
  retry_.reset();
  show_by_.clear();
  late_.clear();
  base_differs_ = false;
  requests_.cancel(id());
  value_asked_.clear();
  counted_.clear();
  failed_.clear();
  next_ = 0;
  base_ = context_.view.base(report_.id.bytes);
  report_.needed = std::max(report_.needed,
                            needed(request_.consistency, base_.size(), read_quorum(base_.size())));
  order_.clear();
  if (contains(base_, context_.self)) order_.push_back(context_.self);
  for (const NodeId& id : base_)
    if (id != context_.self && context_.view.live(id)) order_.push_back(id);
  for (const NodeId& id : context_.view.holders(report_.id.bytes))
    if (!contains(order_, id)) order_.push_back(id);
  // A copy from another time, before the base moved on; what we hold may have stayed behind.
  const Index::Entry* held = context_.index.find(report_.id);
  if (held && !contains(order_, context_.self) && context_.view.live(context_.self))
    versions_[held->version].insert(context_.self);
  ask_next(report_.needed + 1, of_client());
  decide();
}

// One is asked for the value, the others for a digest: the value crosses the network once.
void Get::ask_next(std::size_t count, bool value_first) {
  const wire::BaseDigest digest = context_.view.digest(base_);
  for (; count > 0 && next_ < order_.size(); --count, ++next_) {
    const NodeId replica = order_[next_];
    if (value_first) value_asked_.insert(replica);
    const wire::Want want =
        std::exchange(value_first, false) ? wire::Want::value : wire::Want::digest;
    requests_.send(id(), replica, wire::Fetch{{}, digest, report_.id, want}, deadline_, lane_);
  }
}

void Get::on_silence(const NodeId&) {
  if (state_ == State::asking) ask_next(1, false);  // hedge: its slot goes to the next replica
}

void Get::on_unreachable(const NodeId& peer) {
  failed_.insert(peer);
  if (state_ == State::asking) {
    ask_next(1, false);
    decide();
  } else if (state_ == State::fetching) {
    fetch_winner();
  } else if (state_ == State::writing_back) {
    write_back();
  }
}

void Get::on_reply(const NodeId& from, const wire::Message& reply) {
  if (const auto* fetched = std::get_if<wire::Fetched>(&reply)) return on_fetched(from, *fetched);
  const auto* stored = std::get_if<wire::Stored>(&reply);
  if (!stored || state_ != State::writing_back) return;
  const bool has_it =
      stored->status == wire::StoreStatus::stored || stored->status == wire::StoreStatus::stale;
  if (has_it)
    versions_[winner_].insert(from);
  else
    failed_.insert(from);
  write_back();
}

void Get::note_record(const NodeId& from, const Buffer& raw) {
  const auto decoded = wire::decode_record(raw);
  const bool sane = decoded && decoded->record.id == report_.id &&
                    check(decoded->record, context_.config.root, context_.config.mode,
                          context_.now.wall) == wire::Refusal::none;
  if (!sane) {
    context_.drop(DropReason::malformed);
    failed_.insert(from);
    return;
  }
  shown_[version_of(decoded->record)].push_back({from, raw});
}

void Get::on_fetched(const NodeId& from, const wire::Fetched& reply) {
  const bool holds = reply.sequence.value > 0;
  const bool shows = !reply.record.empty();
  if (showing_.contains(reply.request)) show_by_.erase(from);
  // It was slow, and told the truth.
  const bool late =
      shows && (state_ == State::asking || state_ == State::fetching) && late_.contains(from);
  if (late) failed_.erase(from);
  if (shows) note_record(from, reply.record);
  const bool hides =
      !shows && (holds || showing_.contains(reply.request)) && value_asked_.contains(from);
  // No replica takes a sequence that far ahead: by one of the clocks it claims what cannot be.
  const bool impossible = !within_future_limit(reply.sequence, context_.now.wall);
  if (reply.status == wire::FetchStatus::refused || hides || impossible) failed_.insert(from);
  if (late && late_.extract(from).mapped() && !failed_.contains(from)) counted_.insert(from);
  if (holds && !failed_.contains(from))
    versions_[Version{reply.sequence, reply.writer, reply.content}].insert(from);
  if (reply.status == wire::FetchStatus::not_base && contains(base_, from)) {
    base_differs_ = true;
    context_.differs(from, report_.id.bytes, reply.base);
  }
  const bool answers =
      !showing_.contains(reply.request) &&
      (reply.status == wire::FetchStatus::found || reply.status == wire::FetchStatus::none);
  if (answers && contains(base_, from) && !failed_.contains(from)) counted_.insert(from);
  if (state_ == State::asking) {
    if (!counted_.contains(from)) ask_next(1, false);
    decide();
  } else if (state_ == State::fetching) {
    fetch_winner();
  }
}

bool Get::exhausted() const { return next_ >= order_.size() && requests_.in_flight(id()) == 0; }

// In a base of two one answer is a quorum, for both have every applied write; but the other is
// waited for while it lives. It may know that the base has grown, and writes have passed us by.
bool Get::enough() const {
  if (counted_.size() < report_.needed) return false;
  if (base_.size() != 2 || request_.consistency == Consistency::one) return true;
  return std::all_of(base_.begin(), base_.end(), [&](const NodeId& id) {
    return counted_.contains(id) || !context_.view.live(id);
  });
}

void Get::decide() {
  if (finished() || state_ != State::asking) return;
  if (enough()) {
    if (versions_.empty()) return complete(true, {});
    return fetch_winner();
  }
  if (!exhausted() || retry_) return;
  if (base_differs_ && base_tries_ < base_retries) {
    retry_ = context_.now.mono + base_retry_first * (1 << (2 * base_tries_));
    ++base_tries_;
    return plan_wake();
  }
  // Everybody who lives has spoken and it is no quorum: the value, honestly incomplete.
  if (!versions_.empty()) return fetch_winner();
  complete(false, "too few of its replicas are alive");
}

// The value may be at hand already; else the holders that claim it are asked, one after another,
// each when the one before has failed to show it or has taken its time.
void Get::fetch_winner() {
  state_ = State::fetching;
  const auto& [version, holders] = *versions_.rbegin();
  if (shown_.contains(version)) return verify_winner();
  std::vector<NodeId> order(holders.begin(), holders.end());
  std::stable_partition(order.begin(), order.end(),
                        [this](const NodeId& holder) { return holder == context_.self; });
  bool hope = false;
  for (const NodeId& holder : order) {
    if (failed_.contains(holder)) continue;
    if (value_asked_.insert(holder).second) {
      showing_.insert(requests_.send(
          id(), holder, wire::Fetch{{}, {}, report_.id, wire::Want::value}, deadline_, lane_));
      show_by_[holder] = context_.now.mono + std::max(3 * requests_.rto(holder), show_at_least);
      return plan_wake();
    }
    hope = true;
  }
  if (!hope || requests_.in_flight(id()) == 0) discard(version);  // nobody could show it
}

// The same as if it could not, so that no claim holds up a read to its deadline. Its answer is
// waited for all the same: a large value on a slow link comes late, and gives it back its vote
// while the others are no quorum without it.
void Get::on_not_shown() {
  const bool matters = state_ == State::asking || state_ == State::fetching;
  for (const auto& [replica, until] : show_by_)
    if (matters && until <= context_.now.mono && failed_.insert(replica).second)
      late_[replica] = counted_.contains(replica);
  const auto passed = [&](const auto& one) { return one.second <= context_.now.mono; };
  if (std::erase_if(show_by_, passed) > 0 && state_ == State::fetching) fetch_winner();
}

void Get::verify_winner() {
  winner_ = versions_.rbegin()->first;
  const Index::Entry* held = context_.index.find(report_.id);
  const bool ours = shown_.at(winner_).front().by == context_.self;
  if (ours && held && held->version == winner_ && held->verified) {
    verified_ = true;
    return write_back();
  }
  state_ = State::verifying;
  const auto decoded = wire::decode_record(raw());
  std::vector<crypto::Claim> claims{
      {decoded->record.writer, wire::record_message(context_.config.network, decoded->head.view()),
       decoded->signature}};
  context_.compute({Waiter::Kind::operation, id()},
                   std::make_shared<crypto::VerifyJob>(std::move(claims)));
}

void Get::on_computed(const JobResult& result) {
  if (state_ != State::verifying || finished()) return;
  if (!static_cast<const crypto::Verified&>(result).valid.front()) {
    context_.drop(DropReason::bad_signature);
    return disbelieve();
  }
  verified_ = true;
  const auto* held = context_.index.find(report_.id);
  if (held && held->version == winner_ && shown_.at(winner_).front().by == context_.self)
    context_.index.mark_verified(report_.id);
  write_back();
}

// Who showed what its writer did not sign has no say in this read. The others that claim the
// version may have it.
void Get::disbelieve() {
  const auto shown = shown_.find(winner_);
  const NodeId by = shown->second.front().by;
  failed_.insert(by);
  counted_.erase(by);
  versions_[winner_].erase(by);
  shown->second.pop_front();
  if (shown->second.empty()) shown_.erase(shown);
  if (versions_[winner_].empty()) versions_.erase(winner_);
  state_ = State::asking;
  ask_next(1, false);
  decide();
}

// Whoever claimed a version that it could not show, or that does not verify, has no say in this
// read any more: to go by the next older one and call it complete could miss a write.
void Get::disown(Version version) {
  for (const NodeId& claimed : versions_[version]) {
    failed_.insert(claimed);
    counted_.erase(claimed);
  }
  versions_.erase(version);
  shown_.erase(version);
}

void Get::discard(Version version) {
  disown(version);
  state_ = State::asking;
  ask_next(report_.needed, false);
  decide();
}

void Get::write_back() {
  if (finished()) return;
  const bool quorum = enough();
  if (request_.consistency == Consistency::one || !quorum)
    return complete(quorum, "too few of its replicas answered");
  const std::set<NodeId>& holders = versions_[winner_];
  std::size_t have = 0, may = 0, live = 0;
  for (const NodeId& id : base_) {
    const bool has = holders.contains(id), lives = context_.view.live(id);
    have += has ? 1 : 0;
    live += lives ? 1 : 0;
    may += has || (lives && !failed_.contains(id)) ? 1 : 0;
  }
  const std::size_t needed = write_quorum(base_.size());
  if (have >= needed) return complete(true, {});
  // Two members: every acknowledged write is on both, so the copy of the one that lives is a read
  // quorum by itself. One that lives and does not take it may show the older value to the next.
  if (may < needed)
    return complete(base_.size() == 2 && have >= live,
                    "the value could not be written back to a quorum");
  if (state_ == State::writing_back) return;
  state_ = State::writing_back;
  const wire::BaseDigest digest = context_.view.digest(base_);
  for (const NodeId& replica : base_)
    if (!holders.contains(replica) && context_.view.live(replica))
      requests_.send(id(), replica, wire::Store{{}, digest, raw()}, deadline_, lane_);
}

void Get::on_timer() {
  if (context_.now.mono >= deadline_) return on_deadline();
  on_not_shown();
  if (finished()) return;
  if (retry_ && context_.now.mono >= *retry_) begin();
  if (!finished()) plan_wake();
}

// What was shown is told, incomplete where it is, and a claim to something newer has no say: one
// more turn to check the signature of what we have, no waiting beyond it.
void Get::on_deadline() {
  if (state_ == State::waiting) return complete(false, "no member is synced yet");
  if (state_ == State::verifying) return;
  if (state_ == State::writing_back) return complete(false, "the deadline passed");
  while (!versions_.empty() && !shown_.contains(versions_.rbegin()->first))
    disown(versions_.rbegin()->first);
  if (versions_.empty()) return complete(false, "the deadline passed");
  verify_winner();
}

void Get::stop() { complete(false, "the daemon is stopping"); }

void Get::complete(bool complete, std::string reason) {
  if (finished()) return;
  report_.complete = complete;
  if (!complete) report_.reason = std::move(reason);
  report_.asked = next_;
  report_.responded = counted_.size();
  if (verified_) {
    const auto decoded = wire::decode_record(raw());
    const wire::Record& record = decoded->record;
    report_.found = !record.tombstone && !expired(record.expiry, context_.now.wall);
    report_.sequence = record.sequence;
    report_.writer = winner_.writer;
    if (report_.found) report_.value = record.value;
  }
  report_.took = context_.now.mono - started_;
  if (!of_client()) return finish();
  context_.out->push(Completed{request_.ticket, std::make_shared<Report>(report_)});
  finish();
}

}  // namespace kith::dht
