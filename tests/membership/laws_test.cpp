// The nine laws of the house, on random facts.
#include "laws.hpp"

#include "world.hpp"

using namespace kith;
namespace ms = kith::membership;

namespace {

std::string describe(const ms::Output& output) {
  return match(
      output,
      [](const ms::SendMessage& m) {
        return "send " + to_hex(ByteView(m.to.bytes).first(4)) + " " + to_hex(m.message.view());
      },
      [](const ms::Introduce& m) {
        return "introduce " + std::to_string(m.record->incarnation.value);
      },
      [](const ms::MemberChanged& m) {
        return "changed " + to_hex(ByteView(m.member->id.bytes).first(4)) + " " +
               std::to_string(static_cast<int>(m.member->verdict));
      },
      [](const ms::MemberReaped& m) { return "reaped " + to_hex(ByteView(m.id.bytes).first(4)); },
      [](const ms::LeaveAnnounced&) { return std::string("left"); },
      [](const ms::TwinSeen& m) { return std::string(m.younger ? "twin, younger" : "twin"); },
      [](const Compute& m) { return "compute " + std::to_string(m.token.value); },
      [](const Persist& m) {
        return "persist " + std::to_string(m.token.value) + to_hex(m.value.view());
      },
      [](const Dropped& m) { return "dropped " + std::string(to_string(m.reason)); });
}

// Random facts about a few real members and many imagined ones; some crypto answers, some nonsense.
struct Chaos {
  explicit Chaos(std::uint64_t seed) : rng(seed) {
    for (std::uint64_t i = 0; i < 6; ++i) {
      ByteArray<32> bytes{};
      store_le(bytes.data(), i + 100);
      peers.push_back(std::make_shared<const crypto::Identity>(crypto::Identity::from_seed(bytes)));
    }
  }

  Buffer record(std::size_t peer) {
    wire::MemberRecord r;
    r.key = peers[peer]->public_key();
    r.incarnation = {rng.below(4)};
    r.leaving = rng.chance(1, 8);
    r.name = "p";
    const Bytes body = wire::member_record_body(r);
    return wire::encode_member_record(
        body, peers[peer]->sign(wire::member_record_message(NetworkId{}, body).view()));
  }
  wire::Reference reference() {
    wire::Reference r{
        wire::prefix_of(some()), {rng.below(4)}, static_cast<wire::Verdict>(rng.below(4)), {}};
    r.record[0] = static_cast<Byte>(rng.below(2));
    return r;
  }
  wire::Gossip gossip() {
    wire::Gossip g;
    for (std::uint64_t i = rng.below(4); i > 0; --i) g.references.push_back(reference());
    for (std::uint64_t i = rng.below(3); i > 0; --i) {
      wire::Suspicion s;
      s.subject = reference();
      s.accuser = wire::prefix_of(some());
      g.suspicions.push_back(s);
    }
    return g;
  }
  NodeId some() { return peers[rng.below(peers.size())]->id(); }
  std::uint64_t small() { return rng.below(40); }

  const wire::Message* message() {
    wire::Message m;
    const wire::Envelope envelope{
        {rng.next()}, static_cast<std::uint32_t>(rng.below(3000)), Lane::membership, 0};
    switch (rng.below(12)) {
      case 0:
        m = wire::Ping{envelope, gossip()};
        break;
      case 1:
        m = wire::Ack{{rng.next()}, {static_cast<std::int64_t>(rng.next() >> 20)}, gossip()};
        break;
      case 2:
        m = wire::ProbeRequest{envelope, some()};
        break;
      case 3:
        m = wire::Nack{{rng.next()}};
        break;
      case 4:
        m = wire::GossipPush{gossip()};
        break;
      case 5:
        m = wire::PullMembers{envelope, {wire::prefix_of(some()), wire::prefix_of(some())}};
        break;
      case 6:
      case 7:
        m = wire::Members{{0}, {record(rng.below(peers.size()))}, gossip().suspicions};
        break;
      case 8:
        m = wire::Heard{wire::prefix_of(some()), {rng.below(4)}};
        break;
      case 9:
        m = wire::Reconcile{envelope,
                            static_cast<wire::Topic>(rng.below(2)),
                            {{static_cast<std::uint8_t>(rng.below(70)), some().bytes, 3, {}}}};
        break;
      case 10:
        m = wire::Reconciled{{rng.next()}, wire::Topic::roster, {}, {}};
        break;
      default:
        m = wire::Fetch{};
        break;
    }
    messages.push_back(std::make_unique<wire::Message>(std::move(m)));
    return messages.back().get();
  }

  ms::Input input() {
    switch (rng.below(24)) {
      case 0:
        return ms::PeerHeard{some()};
      case 1:
        return ms::PeerRefused{some()};
      case 2:
        return ms::PeerUnreachable{some()};
      case 3:
        return ms::SelfChanged{std::nullopt, UnixMillis{static_cast<std::int64_t>(rng.below(9))}};
      case 4:
        return rng.chance(1, 60) ? ms::Input(ms::LeaveRequested{})
                                 : ms::Input(ms::PeerHeard{some()});
      case 5:
        return rng.chance(1, 2) ? ms::Input(ms::ForgetRequested{some()})
                                : ms::Input(ms::ReconcileRequested{some()});
      case 6:
        return ms::LoadReported{milliseconds(static_cast<std::int64_t>(rng.below(200)))};
      case 7:
        return rng.chance(1, 5) ? ms::Input(ms::TimeSkipped{seconds(2)})
                                : ms::Input(ms::PeerHeard{some()});
      case 8:
      case 9: {
        const std::size_t peer = rng.below(peers.size());
        return ms::PeerEstablished{peers[peer]->id(), peers[peer]->public_key()};
      }
      case 10:
        return Persisted{{small()}};
      case 11:
        return DiskRefused{{small()}, DiskRefusal::full};
      case 12:
      case 13: {
        auto result = std::make_shared<crypto::Signed>();
        return Computed{{small()}, result};
      }
      case 14:
      case 15:
      case 16: {
        auto result = std::make_shared<crypto::Verified>();
        result->valid.assign(1 + rng.below(2), true);
        next_token += rng.below(2);
        return Computed{{rng.chance(1, 2) ? small() : next_token}, result};
      }
      default: {
        const NodeId from = some();
        return ms::MessageReceived{from, message(), 100, rng.chance(1, 4)};
      }
    }
  }

  Rng rng;
  std::uint64_t next_token = 1;
  std::vector<std::shared_ptr<const crypto::Identity>> peers;
  std::vector<std::unique_ptr<wire::Message>> messages;
};

}  // namespace

TEST_CASE("membership: the laws hold under twenty thousand random facts") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Chaos chaos(seed);
    std::vector<kith::test::Timed<ms::Input>> inputs;
    for (int i = 0; i < 2000; ++i) {
      const Duration after = chaos.rng.between(Duration(0), milliseconds(200));
      inputs.push_back({after, chaos.input()});
    }
    const auto make = [] {
      ms::Config config;
      config.name = "self";
      config.addresses = {{IpAddress::v4(10, 0, 0, 1), 4747}};
      ByteArray<32> bytes{};
      return ms::Membership(
          config, std::make_shared<const crypto::Identity>(crypto::Identity::from_seed(bytes)),
          Rng(7));
    };
    kith::test::check_laws<ms::Membership>("membership", make, inputs, describe);
  }
}
