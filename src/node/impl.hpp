// Node::Impl: the four machines and the wires between them. Three files, three directions:
//   node.cpp   what the world says        -> a machine's input
//   route.cpp  what a peer says           -> membership or dht
//   lift.cpp   what a machine wants       -> the world, or a sibling's input
#pragma once

#include "joins.hpp"
#include "kith/base/bounded.hpp"
#include "kith/base/flat_map.hpp"
#include "kith/base/visit.hpp"
#include "kith/crypto/hash.hpp"
#include "kith/node/node.hpp"
#include "meta.hpp"

namespace kith::node {

struct Node::Impl {
  // Whose order an answer from the world belongs to: the low bits of every token that leaves. The
  // generation tells this node's orders from those of the one it replaced on the same sockets.
  enum class Room : std::uint8_t { node = 0, session = 1, membership = 2, dht = 3, discovery = 4 };
  static constexpr std::uint64_t rooms = 8, generations = 256;
  Token outer(Room room, Token inner) const {
    const std::uint64_t mark = config.generation % generations * rooms;
    return {inner.value * rooms * generations + mark + static_cast<std::uint64_t>(room)};
  }
  static Room room_of(Token token) { return static_cast<Room>(token.value % rooms); }
  static Token inner(Token token) { return {token.value / (rooms * generations)}; }
  bool is_ours(Token token) const {
    return token.value / rooms % generations == config.generation % generations;
  }

  Config config;
  std::shared_ptr<const crypto::Identity> identity;
  NetworkId network;
  Rng rng;
  discovery::Lan lan;
  session::Session session;
  membership::Membership membership;
  dht::Dht dht;
  discovery::Discovery discovery;
  Joins joins;

  // Of the rooms, as of their last turn: most turns are one room's, and everybody asks after each.
  struct {
    std::optional<Instant> session, membership, dht, discovery;
  } due;

  session::Session::Outbox from_session;
  membership::Membership::Outbox from_membership;
  dht::Dht::Outbox from_dht;
  discovery::Discovery::Outbox from_discovery;

  struct Ping {
    Ticket ticket;
    NodeId peer;
    Instant sent, deadline;
  };
  std::map<RequestId, Ping> pings;
  struct Told {              // of a member
    wire::Verdict verdict;   // that users have heard: news only when it changes
    bool reachable = false;  // alive with an address, and another: the peer cache may hold it
  };
  FlatMap<NodeId, Told> told;
  std::size_t reachable = 0;  // of them
  // Once reachable. Where there is room: they may be the other half of a cut.
  std::map<NodeId, SavedPeer> dead_peers;
  Buffer saved_peers;           // as last written
  std::size_t saved_count = 0;  // peers in there
  Instant next_save;
  std::uint64_t last_token = 0;
  std::array<std::uint64_t, drop_reason_count> dropped{};
  std::size_t live = 1;
  enum class Leaving : std::uint8_t { no, draining, announcing, done } leaving = Leaving::no;
  std::optional<Instant> leave_deadline;
  Now now;
  Outbox* out = nullptr;

  Impl(Config config, std::shared_ptr<const crypto::Identity> identity, Now now);

  // node.cpp
  void start();
  void handle(const Input& input);
  void expire();
  std::optional<Instant> next_deadline() const;
  template <class Answer>
  void answer(Token token, const Answer& given);
  void join(const JoinRequested& request);
  void forget(const ForgetRequested& request);
  void ping(const PingRequested& request);
  void save_meta(std::string_view name, Buffer value);
  void save_seen();
  void save_peers();
  void leave(bool drain);
  void announce_leave();
  void finish_leave();

  // route.cpp
  void route(const session::Received& received);
  bool take_ping(const NodeId& from, const wire::Message& message);

  // lift.cpp: hands over what the machines said until they have nothing more to say.
  void pump();
  void lift(session::Output output);
  void lift(membership::Output output);
  void lift(dht::Output output);
  void lift(discovery::Output output);
  void lift_member(const membership::MemberPtr& member);
  void note_place(const membership::Member& member, Told& known);
  void lift_reaped(const NodeId& id);
  void lift_dial(const session::DialFinished& finished);
  void end_join(Joins::Ended ended);
  void drop(DropReason reason);
  void warn(std::string text);

  Now corrected() const { return {now.mono, membership.corrected(now)}; }
  void tell(const session::Input& input) {
    session.step(input, now, from_session);
    due.session = session.next_deadline();
  }
  void tell(const membership::Input& input) {
    membership.step(input, now, from_membership);
    due.membership = membership.next_deadline();
  }
  void tell(const dht::Input& input) {
    dht.step(input, corrected(), from_dht);
    due.dht = dht.next_deadline();
  }
  void tell(const discovery::Input& input) {
    discovery.step(input, now, from_discovery);
    due.discovery = discovery.next_deadline();
  }
};

}  // namespace kith::node
