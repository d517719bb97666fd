#include "laws.hpp"

#include <deque>

#include "../wire/samples.hpp"
#include "record_rules.hpp"
#include "world.hpp"

using namespace kith;
using namespace kith::dht;

namespace {

crypto::Identity identity(Byte fill) {
  ByteArray<32> seed{};
  seed.fill(fill);
  return crypto::Identity::from_seed(seed);
}

const Bytes root(32, 7);

std::string describe(const Output& output) {
  std::string out = std::to_string(output.index());
  if (const auto* send = std::get_if<SendMessage>(&output))
    out += " " + short_name(send->to) + " " + to_hex(send->message.view());
  if (const auto* done = std::get_if<Completed>(&output))
    out += " " + std::to_string(done->ticket.value) + " " + std::to_string(done->report->index());
  if (const auto* dropped = std::get_if<Dropped>(&output))
    out += " " + std::string(to_string(dropped->reason));
  return out;
}

// Everything that can happen to a node, from members, strangers and the world, in any order;
// answers to orders that were never given included.
struct Inputs {
  Rng rng;
  std::vector<std::shared_ptr<const crypto::Identity>> members;
  std::vector<wire::Message> messages = test::sample_messages();
  std::deque<wire::Message> kept;  // inputs hold views of them

  explicit Inputs(std::uint64_t seed) : rng(seed) {
    for (Byte i = 0; i < 12; ++i)
      members.push_back(std::make_shared<const crypto::Identity>(identity(i)));
  }

  NodeId someone() { return members[rng.below(members.size())]->id(); }
  std::string name() { return "k" + std::to_string(rng.below(4)); }

  Buffer record() {
    const auto& writer = members[rng.below(members.size())];
    wire::Record r;
    r.kind = rng.chance(1, 2) ? wire::Kind::value : wire::Kind::owned;
    const std::string called = name();
    r.id = record_id(root, r.kind, writer->id(), called);
    if (r.kind == wire::Kind::owned) {  // the kind of public networks
      r.ext = label_ext(label_of(root, called));
      r.expiry = {1'700'000'000'000 + to_millis(hours(24))};
    }
    r.sequence = {1'700'000'000'000 + rng.below(1000)};
    r.writer = writer->public_key();
    r.value = Buffer(as_bytes("value"));
    r.content = crypto::hash256({r.value.view()});
    r.tombstone = false;
    const Bytes head = wire::record_head(r);
    const Signature good = writer->sign(wire::record_message({}, head).view());
    return wire::encode_record(head, r.value.view(), rng.chance(9, 10) ? good : Signature{});
  }

  Input next() {
    switch (rng.below(14)) {
      case 0:
      case 1: {
        kept.push_back(messages[rng.below(messages.size())]);
        return MessageReceived{someone(), &kept.back()};
      }
      case 2: {
        kept.push_back(wire::Store{{{rng.next()}, 1000, Lane::data, 0}, {}, record()});
        return MessageReceived{someone(), &kept.back()};
      }
      case 3: {
        const RecordId id = record_id(root, wire::Kind::value, {}, name());
        kept.push_back(wire::Fetch{{{rng.next()}, 1000, Lane::data, 0}, {}, id, wire::Want::value});
        return MessageReceived{someone(), &kept.back()};
      }
      case 4:
      case 5: {
        const auto& member = members[rng.below(members.size())];
        const auto presence = static_cast<Presence>(rng.below(4));
        const auto synced = static_cast<std::int64_t>(rng.below(2) * 1'700'000'000'000);
        return MemberSeen{member->id(), member->public_key(), presence,
                          {synced},     {1'700'000'000'000},  {}};
      }
      case 6:
        return MemberForgotten{someone()};
      case 7:
        return PeerUnreachable{someone()};
      case 8:
        return PutRequested{{rng.next()}, name()};
      case 9:
        return GetRequested{{rng.next()}, name(), std::nullopt};
      case 10:
        return LookupRequested{{rng.next()}, name()};
      case 11:
        return Persisted{{1 + rng.below(200)}};
      case 12:
        return Loaded{{1 + rng.below(200)}, rng.chance(1, 2), record()};
      default:
        return DiskRefused{{1 + rng.below(200)}, static_cast<DiskRefusal>(rng.below(3))};
    }
  }
};

}  // namespace

TEST_CASE("dht/laws: any input in any state is legal, bounded and replayed to the letter") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Inputs inputs(seed);
    std::vector<test::Timed<Input>> list;
    for (int i = 0; i < 1500; ++i) {
      const Duration after = milliseconds(static_cast<std::int64_t>(inputs.rng.below(40)));
      list.push_back({after, inputs.next()});
    }
    const Mode mode = seed % 2 == 0 ? Mode::public_ : Mode::private_;
    const auto make = [mode] {
      return Dht(Config{mode, {}, root, {}, false, {}},
                 std::make_shared<const crypto::Identity>(identity(0)), Rng(9));
    };
    test::check_laws<Dht>("dht", make, list, describe);
  }
}
