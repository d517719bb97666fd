#include "counted.hpp"

#include "kith/crypto/hash.hpp"

namespace kith::dht {
namespace {

Hash256 ids_of(const std::vector<Counting>& members) {
  Bytes ids;
  for (const Counting& member : members) {
    append(ids, member.id.view());
    ids.push_back(static_cast<std::uint8_t>(member.as));
    if (member.as == Counting::As::counts) continue;  // its stamp may move as it likes
    ByteArray<8> stamp;
    store_le(stamp.data(), static_cast<std::uint64_t>(member.synced.value));
    append(ids, stamp);
  }
  return crypto::hash256({ids});
}

}  // namespace

void Counted::begin() {
  epoch_ = context_.view.epoch();
  ids_ = ids_of(context_.view.counting());
}

void Counted::note() {
  if (context_.view.epoch() == epoch_ || context_.timers.when({Timer::Kind::counting})) return;
  const auto members = static_cast<std::int64_t>(context_.view.counting_count());
  context_.timers.set({Timer::Kind::counting},
                      context_.now.mono + counting_delay + milliseconds(members));
}

void Counted::tell() {
  context_.timers.cancel({Timer::Kind::counting});
  if (context_.view.epoch() == epoch_) return;
  epoch_ = context_.view.epoch();
  std::vector<Counting> members = context_.view.counting();
  const Hash256 ids = ids_of(members);
  if (std::exchange(ids_, ids) == ids) return;
  writing_ = context_.token();
  context_.out->push(CountingChanged{
      *writing_, std::make_shared<const std::vector<Counting>>(std::move(members))});
}

void Counted::reply_when_told(const NodeId& to, wire::Fetched reply) {
  if (waiting_.size() >= promises_limit) waiting_.erase(waiting_.begin());
  waiting_.push_back({*writing_, to, std::move(reply)});
}

bool Counted::on_disk(Token token, bool written) {
  std::erase_if(waiting_, [&](Promise& one) {
    if (one.on_disk != token) return false;
    if (!written) one.reply = {one.reply.request, wire::FetchStatus::refused};
    context_.reply(one.to, std::move(one.reply), Lane::repair);
    return true;
  });
  if (writing_ != token) return false;
  writing_.reset();
  if (written) return true;
  epoch_ = 0;  // again in a while
  ids_.reset();
  context_.timers.set({Timer::Kind::counting}, context_.now.mono + sync_retry);
  return true;
}

}  // namespace kith::dht
