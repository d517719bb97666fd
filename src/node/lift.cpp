// What the machines want, lifted to the world's vocabulary or handed to a sibling.
#include "constants.hpp"
#include "impl.hpp"

namespace kith::node {

void Node::Impl::pump() {
  while (!from_session.empty() || !from_membership.empty() || !from_dht.empty() ||
         !from_discovery.empty()) {
    for (session::Output& output : from_session.take()) lift(std::move(output));
    for (membership::Output& output : from_membership.take()) lift(std::move(output));
    for (dht::Output& output : from_dht.take()) lift(std::move(output));
    for (discovery::Output& output : from_discovery.take()) lift(std::move(output));
  }
}

void Node::Impl::drop(DropReason reason) {
  ++dropped[static_cast<std::size_t>(reason)];
  out->push(Dropped{reason});
}

void Node::Impl::warn(std::string text) {
  out->push(Warning{std::make_shared<const std::string>(std::move(text))});
}

// --- session ------------------------------------------------------------------------------------

void Node::Impl::lift(session::Output output) {
  match(
      std::move(output), [&](session::Transmit o) { out->push(std::move(o)); },
      [&](session::OpenStream o) { out->push(std::move(o)); },
      [&](session::WriteStream o) { out->push(std::move(o)); },
      [&](session::CloseStream o) { out->push(std::move(o)); },
      [&](session::Received o) { route(o); },
      [&](session::Established o) { tell(membership::PeerEstablished{o.peer, o.key}); },
      [&](session::EndpointMoved) {},
      [&](session::DeliveryFailed o) {
        if (o.reason == session::Undelivered::overflow) return drop(DropReason::limit_reached);
        if (o.reason == session::Undelivered::refused)
          tell(membership::PeerRefused{o.peer});
        else
          tell(membership::PeerUnreachable{o.peer});
        tell(dht::PeerUnreachable{o.peer});
      },
      [&](session::DialFinished o) { lift_dial(o); },
      [&](session::LanSeen o) {
        tell(
            discovery::LanHeard{{o.lan.bytes, o.lan.holds_records}, o.from, joins.dial_to(o.from)});
      },
      [&](Compute o) { out->push(Compute{outer(Room::session, o.token), std::move(o.job)}); },
      [&](Dropped o) { drop(o.reason); });
}

void Node::Impl::lift_dial(const session::DialFinished& finished) {
  using session::DialOutcome;
  const bool permanent = finished.outcome == DialOutcome::wrong_key ||
                         finished.outcome == DialOutcome::unpinned ||
                         finished.outcome == DialOutcome::self;
  tell(discovery::DialFinished{finished.ticket, finished.outcome == DialOutcome::ok, permanent,
                               finished.peer});
  const auto place = joins.place_of(finished.ticket);
  const bool apart = finished.outcome == DialOutcome::wrong_network && place &&
                     config.mode == Mode::lan && discovery.apart_from(*place);
  if (auto ended = joins.finished(finished, apart)) end_join(*std::move(ended));
}

void Node::Impl::end_join(Joins::Ended ended) {
  if (!ended.report.joined) out->push(JoinNews{std::make_shared<const JoinReport>(ended.report)});
  if (ended.user.value == 0) return;
  out->push(Completed{ended.user, std::make_shared<OperationReport>(std::move(ended.report))});
}

// --- membership ---------------------------------------------------------------------------------

void Node::Impl::lift(membership::Output output) {
  match(
      std::move(output),
      [&](membership::SendMessage o) {
        tell(session::SendRequested{o.to, std::move(o.message), Lane::membership, o.stream});
      },
      [&](membership::Introduce o) { tell(session::PeerIntroduced(std::move(o.record))); },
      [&](membership::MemberChanged o) { lift_member(o.member); },
      [&](membership::MemberReaped o) { lift_reaped(o.id); },
      [&](membership::LeaveAnnounced) { finish_leave(); },
      [&](membership::TwinSeen o) {
        if (!o.younger)
          return warn("another running daemon uses this node's identity; it should stop by itself");
        out->push(MustStop{std::make_shared<const std::string>(
            "another running daemon uses this node's identity.key: give each daemon its own data "
            "directory")});
      },
      [&](Compute o) { out->push(Compute{outer(Room::membership, o.token), std::move(o.job)}); },
      [&](Persist o) {
        o.token = outer(Room::membership, o.token);
        out->push(std::move(o));
      },
      [&](Dropped o) { drop(o.reason); });
}

void Node::Impl::lift_member(const membership::MemberPtr& member) {
  dht::MemberSeen seen;
  seen.id = member->id;
  seen.presence = static_cast<dht::Presence>(member->verdict);
  seen.verdict_stamp = member->alone ? UnixMillis{} : member->verdict_stamp;
  if (member->record) {
    seen.key = member->record->key;
    seen.synced = member->record->synced;
    seen.incarnation = member->record->incarnation;
    seen.releases = membership::releases_of(*member->record);
    if (!member->record->addresses.empty()) seen.endpoint = member->record->addresses.front();
  }
  const auto [known, fresh] = told.try_emplace(member->id, Told{member->verdict});
  if (member->id != identity->id())
    note_place(*member, known->second);
  else if (member->record)
    tell(session::IncarnationRaised{member->record->incarnation});
  if (reachable != saved_count) next_save = std::min(next_save, now.mono + save_soon);
  tell(seen);
  const std::size_t count = membership.live_count();
  if (count != live) {
    live = count;
    tell(discovery::LiveChanged{live});
  }
  if (!fresh && std::exchange(known->second.verdict, member->verdict) == member->verdict) return;
  out->push(MemberNews{member});
}

void Node::Impl::note_place(const membership::Member& member, Told& known) {
  const bool alive =
      member.verdict == wire::Verdict::alive || member.verdict == wire::Verdict::suspect;
  const bool placed = member.record && !member.record->addresses.empty();
  const bool was_reachable = std::exchange(known.reachable, alive && placed);
  reachable += known.reachable;
  reachable -= was_reachable;
  if (member.verdict != wire::Verdict::dead)
    dead_peers.erase(member.id);
  else if (was_reachable && placed)
    dead_peers[member.id] = {member.record->key, member.record->addresses.front()};
}

void Node::Impl::lift_reaped(const NodeId& id) {
  if (const auto known = told.find(id); known != told.end()) {
    reachable -= known->second.reachable;
    told.erase(known);
  }
  dead_peers.erase(id);
  tell(dht::MemberForgotten{id});
  tell(session::PeerForgotten{id});
}

// --- dht ----------------------------------------------------------------------------------------

void Node::Impl::lift(dht::Output output) {
  match(
      std::move(output),
      [&](dht::SendMessage o) { tell(session::SendRequested{o.to, std::move(o.message), o.lane}); },
      [&](dht::Completed o) {
        out->push(Completed{o.ticket, std::make_shared<OperationReport>(std::move(o.report))});
      },
      [&](dht::RecordChanged o) { out->push(RecordNews{std::move(o.change)}); },
      [&](dht::SyncedChanged o) {
        tell(membership::SelfChanged{std::nullopt, o.stamp, std::move(o.releases)});
      },
      [&](dht::CountingChanged o) {
        out->push(Persist{outer(Room::dht, o.token), Table::meta, Buffer(as_bytes(meta_counting)),
                          encode_counting(*o.members, network)});
      },
      [&](dht::RecordsHeld o) { tell(discovery::RecordsHeld{o.any}); },
      [&](dht::ViewDisagrees o) { tell(membership::ReconcileRequested{o.peer}); },
      [&](dht::Drained) {
        if (leaving == Leaving::draining) announce_leave();
      },
      [&](Compute o) { out->push(Compute{outer(Room::dht, o.token), std::move(o.job)}); },
      [&](Persist o) {
        o.token = outer(Room::dht, o.token);
        out->push(std::move(o));
      },
      [&](Load o) {
        o.token = outer(Room::dht, o.token);
        out->push(std::move(o));
      },
      [&](Forget o) {
        o.token = outer(Room::dht, o.token);
        out->push(std::move(o));
      },
      [&](Dropped o) { drop(o.reason); });
}

// --- discovery ----------------------------------------------------------------------------------

void Node::Impl::lift(discovery::Output output) {
  match(
      std::move(output), [&](discovery::SendBeacon o) { out->push(std::move(o)); },
      [&](discovery::Resolve o) {
        out->push(discovery::Resolve{outer(Room::discovery, o.token), std::move(o.host)});
      },
      [&](discovery::Dial o) {
        tell(session::DialRequested{o.ticket, o.endpoint, o.pin, o.trust_first});
      },
      [&](discovery::Unresolved o) {
        if (auto ended = joins.unresolved(o.user, o.target->text)) end_join(*std::move(ended));
      },
      [&](discovery::Dialling o) { joins.dialling(o.ticket, o.user, o.target->text, o.endpoint); },
      [&](discovery::AdoptLan o) {
        out->push(NetworkAdopted{{o.lan.id, o.lan.holds_records}, o.forced});
      },
      [&](discovery::NetworkHolds o) { tell(session::RecordsHeld{o.any}); },
      [&](discovery::SubnetsEligible o) {
        tell(session::SubnetsChanged{std::move(o.subnets), std::move(o.gateways)});
      },
      [&](discovery::AddressesFound o) {
        if (config.advertise.empty())
          tell(membership::SelfChanged{std::move(o.addresses), std::nullopt});
      },
      [&](Dropped o) { drop(o.reason); });
}

}  // namespace kith::node
