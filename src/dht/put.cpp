#include "put.hpp"

#include "kith/crypto/hash.hpp"

namespace kith::dht {
namespace {

// The wire does not tell a full disk from a spent quota; only public networks have the latter.
std::string full_text(Mode mode) {
  if (mode != Mode::public_) return "its disk is full";
  return "it has no room: its disk is full, or it already holds " +
         std::to_string(writer_records_limit) + " records or " +
         std::to_string(writer_bytes_limit >> 20) +
         " MiB of yours, the most of one writer; deleted and expired ones count for a while";
}

std::string to_string(wire::Refusal reason, Mode mode) {
  switch (reason) {
    case wire::Refusal::none:
      return "no reason given";
    case wire::Refusal::full:
      return full_text(mode);
    case wire::Refusal::busy:
      return "it is overloaded";
    case wire::Refusal::bad_record:
      return "it says the record is not valid";
    case wire::Refusal::not_permitted:
      return "a public network takes only owned names with a TTL of up to 7 days";
    case wire::Refusal::equivocation:
      return "another value exists under the same version";
  }
  return "?";
}

}  // namespace

Put::Put(Context& context, Requests& requests, OperationId id, PutRequested request)
    : Operation(context, requests, id), request_(std::move(request)) {
  started_ = context_.now.mono;
  deadline_ = started_ + request_.deadline;
  report_.name = request_.name;
  report_.kind = request_.kind;
  report_.bytes = request_.value.size();
  report_.id = record_id(context_.config.root, request_.kind, context_.self, request_.name);
}

void Put::start() {
  wake_at(deadline_);
  const bool too_long = context_.config.mode == Mode::public_ && request_.ttl > public_ttl_max;
  if (too_long)
    return complete(PutOutcome::rejected, to_string(wire::Refusal::not_permitted, Mode::public_));
  on_view_changed();
}

void Put::on_view_changed() {
  if (state_ == State::storing) return conclude();
  if (state_ != State::waiting) return;
  base_ = context_.view.base(report_.id.bytes);
  if (base_.empty()) return;  // nobody is synced yet: a fresh network settles in a moment
  report_.needed = needed(request_.consistency, base_.size(), write_quorum(base_.size()));
  report_.asked = base_.size();
  sign();
}

void Put::sign() {
  state_ = State::signing;
  retry_.reset();  // of the version before
  const Index::Entry* held = context_.index.find(report_.id);
  const Sequence* mine = context_.signed_sequences.peek(report_.id);
  const std::uint64_t previous =
      std::max({above_.value, held ? held->version.sequence.value : 0, mine ? mine->value : 0});
  const auto wall = static_cast<std::uint64_t>(std::max<std::int64_t>(context_.now.wall.value, 0));
  wire::Record record;
  record.id = report_.id;
  record.kind = request_.kind;
  record.tombstone = request_.tombstone;
  record.sequence = {std::max(previous + 1, wall)};
  if (request_.ttl) record.expiry = {context_.now.wall.value + to_millis(*request_.ttl)};
  record.writer = context_.identity->public_key();
  record.content = crypto::hash256({request_.value.view()});
  if (request_.kind == wire::Kind::owned)
    record.ext = label_ext(label_of(context_.config.root, request_.name));
  append(record.ext, context_.config.ext);
  report_.sequence = record.sequence;
  context_.signed_sequences.put(report_.id, record.sequence);
  head_ = wire::record_head(record);
  context_.compute({Waiter::Kind::operation, id()},
                   std::make_shared<crypto::SignJob>(
                       context_.identity, wire::record_message(context_.config.network, head_)));
}

void Put::on_computed(const JobResult& result) {
  if (state_ != State::signing) return;
  const auto& signature = static_cast<const crypto::Signed&>(result).signature;
  raw_ = wire::encode_record(head_, request_.value.view(), signature);
  stored_before_ |= !stored_.empty() || !unheard_.empty();
  stored_.clear();
  unheard_.clear();
  refused_.clear();
  counted_.clear();
  store();
}

// To the base, which counts, and to the live holders, which help. A retry asks again only those
// that have not acknowledged it under this base.
void Put::store() {
  state_ = State::storing;
  ++report_.rounds;
  retry_.reset();
  base_differs_ = false;
  requests_.cancel(id());
  waiting_for_ = {base_.begin(), base_.end()};
  for (const NodeId& holder : context_.view.holders(report_.id.bytes))
    if (!stored_.contains(holder)) waiting_for_.insert(holder);
  newcomers_.clear();
  if (request_.consistency != Consistency::one)
    for (const NodeId& id : waiting_for_)
      if (const View::Member* member = context_.view.find(id); member && !member->counts())
        newcomers_.insert(id);
  for (const NodeId& replica : counted_) waiting_for_.erase(replica);
  for (const NodeId& replica : refused_) waiting_for_.erase(replica);
  const wire::BaseDigest digest = context_.view.digest(base_);
  // Those held dead as well: they may live.
  unheard_.insert(waiting_for_.begin(), waiting_for_.end());
  for (const NodeId& replica : waiting_for_)
    requests_.send(id(), replica, wire::Store{{}, digest, raw_}, deadline_);
}

void Put::retry_in(Duration wait) {
  if (retry_) return;
  retry_ = context_.now.mono + wait;
  wake_at(std::min(*retry_, deadline_));
}

bool Put::in_base(const NodeId& id) const { return contains(base_, id); }

void Put::on_reply(const NodeId& from, const wire::Message& reply) {
  const auto* stored = std::get_if<wire::Stored>(&reply);
  if (!stored || state_ != State::storing) return;
  waiting_for_.erase(from);
  unheard_.erase(from);
  on_stored(from, *stored);
}

void Put::on_stored(const NodeId& from, const wire::Stored& reply) {
  switch (reply.status) {
    case wire::StoreStatus::stored:
      stored_.insert(from);
      if (in_base(from)) counted_.insert(from);
      break;
    case wire::StoreStatus::not_base:
      stored_.insert(from);
      if (in_base(from)) {
        base_differs_ = true;
        context_.differs(from, report_.id.bytes, reply.base);
      }
      break;
    case wire::StoreStatus::stale:
      if (outbid(reply.sequence)) return sign();
      refused_.insert(from);
      refusal_ = "another writer was faster each time; read it and try again";
      break;
    case wire::StoreStatus::refused:
      refused_.insert(from);
      refusal_ = to_string(reply.reason, context_.config.mode);
      break;
  }
  conclude();
}

// Above what it says it has. Not for ever: a replica that says so each time is one that refuses,
// and the others may be a quorum. Nor above what no replica would have taken, nor ever will.
bool Put::outbid(Sequence held) {
  if (stale_ == stale_retries || !within_future_limit(held, context_.now.wall)) return false;
  ++stale_;
  above_ = std::max(above_, held);
  requests_.cancel(id());
  return true;
}

void Put::on_unreachable(const NodeId& peer) {
  // Its request was given up; it stays a member of the base and simply does not count.
  // It may be restarting: it is asked again as long as the roster holds it alive.
  if (waiting_for_.erase(peer) == 0) return;
  if (in_base(peer) && context_.view.live(peer)) retry_in(unreachable_retry);
  conclude();
}

void Put::conclude() {
  if (state_ != State::storing || finished()) return;
  if (counted_.size() >= report_.needed) {
    if (newcomers_answered()) complete(PutOutcome::applied, {});
    return;
  }
  std::size_t may_count = counted_.size();
  bool waiting = false;
  for (const NodeId& id : base_) {
    if (counted_.contains(id) || refused_.contains(id)) continue;
    ++may_count;
    if (waiting_for_.contains(id) && context_.view.live(id)) waiting = true;
  }
  if (may_count < report_.needed && !refusal_.empty()) return conclude_refused();
  if (waiting) return;
  if (base_differs_) {
    if (retry_) return;
    if (base_tries_ < base_retries) return retry_in(base_retry_first * (1 << (2 * base_tries_++)));
    return complete(PutOutcome::unknown, "the replicas do not agree yet on who they are");
  }
  bool dead_only = true;
  for (const NodeId& id : base_)
    if (!counted_.contains(id) && !refused_.contains(id) && context_.view.live(id))
      dead_only = false;
  // Nobody is left to wait for: say so now, not at the deadline. It spreads when they return.
  if (dead_only) complete(PutOutcome::unknown, "too few of its replicas are alive");
}

// It cannot reach a quorum any more. Whoever was asked may be storing it all the same: only when
// all have spoken is it known whether it was rejected or is on some disks.
void Put::conclude_refused() {
  for (const NodeId& id : waiting_for_)
    if (context_.view.live(id)) return;
  complete(nowhere() ? PutOutcome::rejected : PutOutcome::unknown,
           "a replica refused: " + refusal_);
}

// Many may begin to count at once, and a reader who knows it before us asks them. So they answer
// too before it is applied; not for longer than an answer takes, for the promise is the base's.
bool Put::newcomers_answered() const {
  return std::none_of(newcomers_.begin(), newcomers_.end(), [&](const NodeId& id) {
    return waiting_for_.contains(id) && context_.view.live(id);
  });
}

void Put::on_silence(const NodeId& peer) {
  if (newcomers_.erase(peer) > 0) conclude();
}

void Put::on_timer() {
  if (context_.now.mono >= deadline_) {
    if (state_ == State::storing && counted_.size() >= report_.needed)
      return complete(PutOutcome::applied, {});
    const bool no_base = state_ == State::waiting;
    return complete(PutOutcome::unknown,
                    no_base ? "no member is synced yet" : "the deadline passed");
  }
  if (retry_ && context_.now.mono >= *retry_) {
    std::vector<NodeId> base = context_.view.base(report_.id.bytes);
    // Receipts were given under the old base; under another one everybody is asked anew.
    if (base != base_) counted_.clear();
    base_ = std::move(base);
    report_.needed = std::max(
        report_.needed, needed(request_.consistency, base_.size(), write_quorum(base_.size())));
    store();
    conclude();
  }
  wake_at(retry_ ? std::min(*retry_, deadline_) : deadline_);
}

void Put::stop() {
  newcomers_.clear();
  conclude();
  complete(PutOutcome::unknown, "the daemon is stopping");
}

void Put::complete(PutOutcome outcome, std::string reason) {
  if (finished()) return;
  report_.outcome = outcome;
  report_.reason = std::move(reason);
  report_.stored.assign(counted_.begin(), counted_.end());
  report_.stored_base = counted_.size();
  for (const NodeId& id : stored_)
    if (!counted_.contains(id)) report_.stored.push_back(id);
  report_.took = context_.now.mono - started_;
  context_.out->push(Completed{request_.ticket, std::make_shared<Report>(report_)});
  finish();
}

}  // namespace kith::dht
