// Lies: what a liar says in place of what its node would, and besides. It knows the protocol, has a
// member's key, and remembers what passed through its hands. Of frames and sessions it knows
// nothing: liar.hpp.
//
// Whatever its node asks on its own account goes out as it is: its clients are served by the node
// of everybody else, and what they are told is as good as anywhere. So the lies are in answers, in
// news, and in messages that no node would send. A lie needs something to be told by: what is not
// known yet is not lied about.
#pragma once

#include <deque>
#include <map>
#include <memory>

#include "chance.hpp"
#include "kith/crypto/identity.hpp"
#include "kith/sim/run.hpp"
#include "kith/wire/member_record.hpp"
#include "kith/wire/message.hpp"

namespace kith::sim {

class Lies {
 public:
  Lies(const Chance& chance, HostIndex index, std::shared_ptr<const crypto::Identity> identity,
       const NetworkId& network, Tally& tally)
      : chance_(chance),
        index_(index),
        identity_(std::move(identity)),
        network_(network),
        tally_(tally) {}

  void begin(std::int64_t mask, std::uint64_t nonce);
  void end() { mask_ = 0; }
  bool lying() const { return mask_ != 0; }

  void remember(const wire::Message& message);  // heard or said
  // What is sent instead of `message`, if anything is, and what besides. `nonce` names the message.
  struct Said {
    std::optional<wire::Message> instead;
    std::vector<wire::Message> besides;
  };
  Said say(wire::Message message, Now now, std::uint64_t nonce);

 private:
  struct Known {  // of a member: its records, latest last
    std::deque<Buffer> records;
    wire::MemberRecord latest;
  };
  using Member = std::pair<const NodeId, Known>;

  bool tells(Lie lie) const { return (mask_ & bit_of(lie)) != 0; }
  bool tell(Lie lie, std::uint64_t one_in);  // now; counts it
  std::uint64_t draw(std::uint64_t limit);   // below
  template <std::size_t N>
  ByteArray<N> made_up() {
    static_assert(N % 8 == 0);
    ByteArray<N> out;
    for (std::size_t i = 0; i < N; i += 8) store_le(out.data() + i, draw(UINT64_MAX));
    return out;
  }
  RequestId unasked() { return {draw(UINT64_MAX) | 1ull << 63}; }
  wire::Envelope envelope() { return {unasked(), 5'000, Lane::repair, 0}; }

  void remember_member(const Buffer& bytes);
  void remember_record(const Buffer& bytes);
  const Member* somebody();
  const std::deque<Buffer>* some_record();

  // In place of what the node says.
  bool silenced(const wire::Message& message) const;
  void bend(wire::Gossip& gossip);
  void bend(wire::Ack& ack);
  void bend(wire::Members& members);
  void bend(wire::Reconciled& reconciled);
  void bend(wire::Stored& stored);
  void bend(wire::Fetched& fetched);
  void bend(wire::NodesFound& found);
  void deny(wire::Fetched& fetched, const Buffer& genuine);
  // Besides.
  void add(std::vector<wire::Message>& out);
  wire::Message question();
  // Made of what is known: forgeries.cpp.
  static wire::Reference reference_to(const wire::MemberRecord& record, const Buffer& bytes);
  wire::Suspicion accusation(const Member& of);
  void condemn(wire::Gossip& gossip, wire::Reference about);
  UnixMillis date();
  void certificate(std::vector<wire::Suspicion>& out);
  Buffer forged_member(const Known& of);
  Buffer another_self(wire::MemberRecord record);
  Buffer forged_record(const Buffer& bytes);
  Buffer shown_by(const wire::Fetched& fetched) const;
  Buffer expired_record();
  std::vector<NodeId> strangers(std::size_t count);

  const Chance& chance_;
  HostIndex index_;
  std::shared_ptr<const crypto::Identity> identity_;
  NetworkId network_;
  Tally& tally_;
  std::int64_t mask_ = 0;
  std::size_t silent_ = 0;  // about which kind of message
  NodeId victim_;           // most accusations are of one
  Now now_;
  std::uint64_t nonce_ = 0, draws_ = 0;

  std::map<NodeId, Known> members_;
  std::map<RecordId, std::deque<Buffer>> records_;
  std::deque<wire::Suspicion> suspicions_;
  std::deque<wire::Message> answers_;
};

}  // namespace kith::sim
