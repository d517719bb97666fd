#include "lies.hpp"

#include <algorithm>

#include "kith/base/visit.hpp"
#include "kith/crypto/hash.hpp"
#include "kith/wire/record.hpp"

namespace kith::sim {
namespace {

using wire::MessageType;

// Of each of these a liar may say nothing; the last place stands for all answers.
constexpr MessageType silences[] = {
    MessageType::ack,     MessageType::nack,       MessageType::gossip,
    MessageType::members, MessageType::reconciled, MessageType::heard,
    MessageType::stored,  MessageType::fetched,    MessageType::nodes_found};
constexpr std::size_t silences_count = std::size(silences);

constexpr std::size_t versions_limit = 4;  // of one thing: what is remembered
constexpr std::size_t things_limit = 64;
static_assert(things_limit <= wire::pull_limit);
constexpr std::size_t besides_limit = 4;  // messages, for each of its node's

MessageType type_of(const wire::Message& message) {
  return static_cast<MessageType>(wire::encode(message).view().front());
}
bool answers(MessageType type) {
  return type != MessageType::gossip &&
         std::find(std::begin(silences), std::end(silences), type) != std::end(silences);
}

template <class T>
void keep(std::deque<T>& all, T one, std::size_t limit) {
  if (std::find(all.begin(), all.end(), one) != all.end()) return;
  all.push_back(std::move(one));
  if (all.size() > limit) all.pop_front();
}

}  // namespace

// --- chance -------------------------------------------------------------------------------------

std::uint64_t Lies::draw(std::uint64_t limit) {
  return chance_.below(limit, Concern::lie, {index_, nonce_, ++draws_});
}

bool Lies::tell(Lie lie, std::uint64_t one_in) {
  if (!tells(lie) || draw(one_in) > 0) return false;
  ++tally_.lies[static_cast<std::size_t>(lie)];
  return true;
}

// --- what it knows ------------------------------------------------------------------------------

void Lies::remember(const wire::Message& message) {
  const auto news = [&](const wire::Gossip& gossip) {
    for (const wire::Suspicion& suspicion : gossip.suspicions)
      keep(suspicions_, suspicion, things_limit);
  };
  if (const auto* ping = std::get_if<wire::Ping>(&message)) news(ping->gossip);
  if (const auto* ack = std::get_if<wire::Ack>(&message)) news(ack->gossip);
  if (const auto* push = std::get_if<wire::GossipPush>(&message)) news(push->gossip);
  if (const auto* store = std::get_if<wire::Store>(&message)) remember_record(store->record);
  if (const auto* fetched = std::get_if<wire::Fetched>(&message)) remember_record(fetched->record);
  if (const auto* members = std::get_if<wire::Members>(&message)) {
    for (const Buffer& record : members->records) remember_member(record);
    news({{}, members->suspicions});
  }
}

void Lies::remember_member(const Buffer& bytes) {
  const auto decoded = wire::decode_member_record(bytes.view());
  if (!decoded) return;
  const NodeId id = crypto::node_id(decoded->record.key);
  if (!members_.contains(id) && members_.size() == things_limit) return;
  Known& known = members_[id];
  if (!known.records.empty() && decoded->record.incarnation < known.latest.incarnation) return;
  known.latest = decoded->record;
  keep(known.records, bytes, versions_limit);
}

void Lies::remember_record(const Buffer& bytes) {
  const auto decoded = wire::decode_record(bytes);
  if (!decoded) return;
  const RecordId id = decoded->record.id;
  if (records_.contains(id) || records_.size() < things_limit)
    keep(records_[id], bytes, versions_limit);
}

const Lies::Member* Lies::somebody() {
  if (members_.empty()) return nullptr;
  const auto it = std::next(members_.begin(), static_cast<std::ptrdiff_t>(draw(members_.size())));
  return it->first == identity_->id() ? nullptr : &*it;
}

const std::deque<Buffer>* Lies::some_record() {
  if (records_.empty()) return nullptr;
  return &std::next(records_.begin(), static_cast<std::ptrdiff_t>(draw(records_.size())))->second;
}

// --- what it says -------------------------------------------------------------------------------

void Lies::begin(std::int64_t mask, std::uint64_t nonce) {
  mask_ = mask;
  nonce_ = nonce, draws_ = 0;
  silent_ = draw(silences_count + 1);
  victim_ = {};
  if (const auto* member = somebody()) victim_ = member->first;
}

bool Lies::silenced(const wire::Message& message) const {
  const MessageType type = type_of(message);
  return silent_ == silences_count ? answers(type) : type == silences[silent_];
}

Lies::Said Lies::say(wire::Message message, Now now, std::uint64_t nonce) {
  now_ = now, nonce_ = nonce, draws_ = 0;
  remember(message);
  if (!lying()) return {std::move(message), {}};
  Said said;
  if (silenced(message) && tell(Lie::silence, 1)) {
    add(said.besides);
    return said;
  }
  if (const auto* nack = std::get_if<wire::Nack>(&message); nack && tell(Lie::forge, 1))
    message = wire::Ack{nack->request, now.wall, {}};  // an alibi for one that it did not reach
  if (answers(type_of(message))) keep(answers_, message, things_limit);
  match(
      message, [&](wire::Ping& it) { bend(it.gossip); },
      [&](wire::GossipPush& it) { bend(it.gossip); }, [&](wire::Ack& it) { bend(it); },
      [&](wire::Members& it) { bend(it); }, [&](wire::Reconciled& it) { bend(it); },
      [&](wire::Stored& it) { bend(it); }, [&](wire::Fetched& it) { bend(it); },
      [&](wire::NodesFound& it) { bend(it); }, [](auto&) {});
  add(said.besides);
  said.instead = std::move(message);
  return said;
}

void Lies::bend(wire::Gossip& gossip) {
  const auto* other = somebody();
  const auto usual = members_.find(victim_);
  if (usual != members_.end() && draw(4) > 0) other = &*usual;
  // What its node says fills a datagram by itself when much happens.
  constexpr std::size_t few = 4;
  if (!other || gossip.suspicions.size() > few || gossip.references.size() > few) return;
  const Known& member = other->second;
  wire::Reference about = reference_to(member.latest, member.records.back());
  if (tell(Lie::accuse, 3)) {
    gossip.suspicions.push_back(accusation(*other));
    if (draw(2) > 0) condemn(gossip, about);
  }
  if (!suspicions_.empty() && tell(Lie::replay, 6))
    gossip.suspicions.push_back(suspicions_[draw(suspicions_.size())]);
  if (tell(Lie::replay, 6)) {
    const auto old = wire::decode_member_record(member.records.front().view());
    if (old) gossip.references.push_back(reference_to(old->record, member.records.front()));
  } else if (tell(Lie::forge, 6)) {
    if (draw(2) > 0) about.incarnation = {about.incarnation.value + 1 + draw(1'000'000)};
    if (draw(2) > 0) about.record = made_up<8>();
    about.verdict = static_cast<wire::Verdict>(draw(4));
    gossip.references.push_back(about);
  }
}

// A verdict, by what it signed and whatever genuine accusations it has of that incarnation.
void Lies::condemn(wire::Gossip& gossip, wire::Reference about) {
  about.verdict = wire::Verdict::dead;
  gossip.references.push_back(about);
  for (const wire::Suspicion& suspicion : suspicions_)
    if (suspicion.subject.subject == about.subject && suspicion.subject.record == about.record &&
        gossip.suspicions.size() < 6)
      gossip.suspicions.push_back(suspicion);
}

void Lies::bend(wire::Ack& ack) {
  bend(ack.gossip);
  if (!tell(Lie::clocks, 1)) return;
  const std::int64_t absurd[] = {0,
                                 1,
                                 -1,
                                 INT64_MAX,
                                 INT64_MIN,
                                 now_.wall.value + to_millis(hours(24)) * 3650,
                                 now_.wall.value - to_millis(hours(24)) * 30,
                                 now_.wall.value + to_millis(minutes(90))};
  ack.clock = {absurd[draw(std::size(absurd))]};
}

void Lies::bend(wire::Members& members) {
  for (Buffer& record : members.records) {
    const auto decoded = wire::decode_member_record(record.view());
    const auto known =
        decoded ? members_.find(crypto::node_id(decoded->record.key)) : members_.end();
    if (known == members_.end()) continue;
    const bool own = known->first == identity_->id();
    if (!own && tell(Lie::replay, 3)) {
      record = known->second.records.front();
    } else if (tell(Lie::forge, 3)) {
      record = own ? another_self(known->second.latest) : forged_member(known->second);
    }
  }
  if (tell(Lie::forge, 3)) certificate(members.suspicions);
}

void Lies::bend(wire::Reconciled& reconciled) {
  if (!tell(Lie::misroute, 2)) return;
  for (wire::RangeDigest& child : reconciled.children) child.fingerprint = made_up<16>();
  if (reconciled.ranges.empty()) return;
  wire::RangeItems& range = reconciled.ranges[draw(reconciled.ranges.size())];
  if (draw(3) == 0) range.items.clear();
  for (wire::RangeItem& item : range.items) item.version = made_up<8>();
  wire::RangeItem nothing{made_up<32>(), made_up<8>()};
  const std::size_t fixed = range.depth / 2u;  // an item of that range, but for half a byte
  std::copy_n(range.prefix.begin(), fixed, nothing.key.begin());
  if (range.items.size() < wire::items_limit) range.items.push_back(nothing);
}

void Lies::bend(wire::Stored& stored) {
  if (stored.status != wire::StoreStatus::stored && tell(Lie::receipts, 2)) {
    stored = {stored.request, wire::StoreStatus::stored, wire::Refusal::none, stored.sequence, {}};
  } else if (tell(Lie::forge, 4)) {  // a greater version than anybody has, or could have
    const std::uint64_t more[] = {1, 1'000, 1ull << 40, 1ull << 52};
    stored = {stored.request,
              wire::StoreStatus::stale,
              wire::Refusal::none,
              {stored.sequence.value + more[draw(4)]},
              {}};
  } else if (tell(Lie::misroute, 4)) {
    stored.status = wire::StoreStatus::not_base;
    stored.base = strangers(draw(wire::base_limit + 1));
  }
}

void Lies::bend(wire::Fetched& fetched) {
  const Buffer genuine = shown_by(fetched);
  if (tell(Lie::receipts, 2)) {
    deny(fetched, genuine);
  } else if (!genuine.empty() && tell(Lie::forge, 2)) {
    fetched.record = forged_record(genuine);  // also where only a digest was asked for
  } else if (tell(Lie::misroute, 4)) {
    const bool also_promised = draw(2) > 0;
    fetched = {fetched.request, wire::FetchStatus::not_base, {}, {}, {}, {}, {}};
    fetched.base = strangers(draw(wire::base_limit + 1));
    Bytes promised;
    if (also_promised)
      for (const NodeId& id : strangers(8)) append(promised, id.view());
    fetched.record = Buffer(promised);
  }
}

// What it holds as it once was, or not at all; where it holds nothing, a version that it cannot
// show.
void Lies::deny(wire::Fetched& fetched, const Buffer& genuine) {
  const auto record = wire::decode_record(genuine);
  if (!record) {
    fetched.status = wire::FetchStatus::found;
    fetched.sequence = {fetched.sequence.value + 1 + draw(1000)};
    fetched.content = Hash256::from(made_up<32>());
  } else if (draw(2) > 0) {
    fetched = {fetched.request, wire::FetchStatus::none, {}, {}, {}, {}, {}};
  } else if (const auto known = records_.find(record->record.id); known != records_.end()) {
    const auto old = wire::decode_record(known->second.front());
    fetched.sequence = old->record.sequence;
    fetched.writer = crypto::node_id(old->record.writer);
    fetched.content = old->record.content;
    if (!fetched.record.empty()) fetched.record = known->second.front();
  }
}

void Lies::bend(wire::NodesFound& found) {
  if (!tell(Lie::misroute, 2)) return;
  const wire::Contact self{
      identity_->id(), identity_->public_key(), {IpAddress::v4(10, 250, 0, 1), 4747}};
  switch (draw(4)) {
    case 0:  // nobody
      return found.nodes.clear();
    case 1:  // itself, for everything
      found.nodes.assign(wire::nodes_limit, self);
      return;
    case 2:  // the same one again and again
      if (!found.nodes.empty())
        found.nodes.assign(wire::nodes_limit, wire::Contact(found.nodes.front()));
      return;
    default:  // members that are none, and members where they are not
      for (wire::Contact& contact : found.nodes) contact.endpoint = self.endpoint;
      for (const NodeId& id : strangers(8))
        if (found.nodes.size() < wire::nodes_limit)
          found.nodes.push_back({id, PublicKey::from(made_up<32>()), self.endpoint});
  }
}

std::vector<NodeId> Lies::strangers(std::size_t count) {
  std::vector<NodeId> out;
  while (out.size() < count) out.push_back(NodeId::from(made_up<32>()));
  std::sort(out.begin(), out.end());
  return out;
}

// --- besides ------------------------------------------------------------------------------------

void Lies::add(std::vector<wire::Message>& out) {
  if (const auto* member = somebody(); member && tell(Lie::forge, 8)) {
    wire::Members members;
    members.records.push_back(forged_member(member->second));
    certificate(members.suspicions);
    out.push_back(std::move(members));
  }
  if (const auto* versions = some_record()) {
    wire::Store store{envelope(), {}, {}};
    if (draw(2) > 0) store.base = made_up<8>();
    if (tell(Lie::forge, 8)) {
      store.record = forged_record(versions->back());
      out.push_back(store);
    }
    if (tell(Lie::replay, 8)) {
      store.record = draw(4) > 0 ? versions->front() : expired_record();
      out.push_back(std::move(store));
    }
  }
  if (!answers_.empty() && tell(Lie::replay, 8)) out.push_back(answers_[draw(answers_.size())]);
  while (out.size() < besides_limit && tell(Lie::storm, 2)) out.push_back(question());
}

wire::Message Lies::question() {
  switch (draw(6)) {
    case 0: {
      wire::PullMembers pull{envelope(), {}};
      for (const auto& [id, known] : members_) pull.subjects.push_back(wire::prefix_of(id));
      while (pull.subjects.size() < wire::pull_limit)
        pull.subjects.push_back(wire::IdPrefix::from(made_up<8>()));
      return pull;
    }
    case 1:
      return wire::FindNodes{envelope(), made_up<32>()};
    case 2: {  // all there is, in one range or in sixteen
      wire::Reconcile all{envelope(), static_cast<wire::Topic>(draw(2)), {}};
      const bool split = draw(2) > 0;
      for (unsigned i = 0; i < (split ? 16u : 1u); ++i)
        all.ranges.push_back({static_cast<std::uint8_t>(split),
                              {static_cast<Byte>(i << 4)},
                              static_cast<std::uint32_t>(draw(1000)),
                              made_up<16>()});
      return all;
    }
    case 3: {
      const auto* member = somebody();
      return wire::ProbeRequest{envelope(), member ? member->first : NodeId::from(made_up<32>())};
    }
    case 4: {
      const RecordId id =
          records_.empty() ? RecordId::from(made_up<32>()) : records_.begin()->first;
      return wire::Fetch{envelope(), {}, id, wire::Want::value};
    }
    default:
      return wire::Ping{envelope(), {}};
  }
}

}  // namespace kith::sim
