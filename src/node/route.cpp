// What an authenticated peer says, and which machine it is for.
#include "impl.hpp"

namespace kith::node {
namespace {

// Membership's messages come first in the variant; reconcile is told apart by its topic.
bool is_for_membership(const wire::Message& message) {
  if (const auto* reconcile = std::get_if<wire::Reconcile>(&message))
    return reconcile->topic == wire::Topic::roster;
  if (const auto* reconciled = std::get_if<wire::Reconciled>(&message))
    return reconciled->topic == wire::Topic::roster;
  return match(
      message, [](const wire::Ping&) { return true; }, [](const wire::Ack&) { return true; },
      [](const wire::ProbeRequest&) { return true; }, [](const wire::Nack&) { return true; },
      [](const wire::GossipPush&) { return true; }, [](const wire::PullMembers&) { return true; },
      [](const wire::Members&) { return true; }, [](const wire::Heard&) { return true; },
      [](const auto&) { return false; });
}

}  // namespace

void Node::Impl::route(const session::Received& received) {
  tell(membership::PeerHeard{received.from});
  const auto message = wire::decode(received.message);
  if (!message) {
    const bool unknown = message.error() == wire::DecodeError::unknown_type;
    return drop(unknown ? DropReason::unknown_message : DropReason::malformed);
  }
  if (take_ping(received.from, *message)) return;
  if (is_for_membership(*message))
    return tell(membership::MessageReceived{received.from, &*message, received.message.size(),
                                            received.stream});
  tell(dht::MessageReceived{received.from, &*message});
}

// The answer to an operator's `ping`.
bool Node::Impl::take_ping(const NodeId& from, const wire::Message& message) {
  const auto* ack = std::get_if<wire::Ack>(&message);
  if (!ack) return false;
  const auto ping = pings.find(ack->request);
  if (ping == pings.end() || ping->second.peer != from) return false;
  const PingReport report{true, now.mono - ping->second.sent};
  out->push(Completed{ping->second.ticket, std::make_shared<OperationReport>(report)});
  pings.erase(ping);
  return true;
}

}  // namespace kith::node
