// Liars: each lie is told and reaches the others, and what is sealed anew is what was sealed.
#include "liar.hpp"

#include "kith/crypto/aead.hpp"
#include "kith/nullcrypto/seal.hpp"
#include "kith/wire/record.hpp"

using namespace kith;
using namespace kith::sim;

namespace {

// Eight hosts that put, lose one, are cut; host 3 lies for most of it.
Outcome with(std::int64_t lies) {
  const auto scenario = parse_scenario(
      "kith scenario 1\nhosts 8\nlength 90\n0 start *\n5 lie 3 amount " + std::to_string(lies) +
      " for 35\n6 put 2 amount 1\n7 put 4 amount 2\n8 put 3 amount 1\n9 get 1 amount 1\n"
      "14 kill 6 for 10\n16 put 1 amount 1\n16.5 get 4 amount 2\n20 get 2 amount 2\n"
      "22 get 7 amount 1\n30 cut 0,1,2 for 6\n45 heal *\n");
  REQUIRE(scenario);
  return run(*scenario);
}

std::string finding_of(const Outcome& outcome) {
  return outcome.findings.empty() ? "nothing" : outcome.findings.front().what;
}

const auto network = crypto::network_id(Bytes(32, 7), "sim");
std::shared_ptr<const crypto::Identity> identity(Byte seed) {
  return std::make_shared<const crypto::Identity>(crypto::Identity::from_seed(ByteArray<32>{seed}));
}

Buffer member_record(const crypto::Identity& of) {
  wire::MemberRecord record;
  record.key = of.public_key();
  record.incarnation = {5};
  const Bytes body = wire::member_record_body(record);
  return wire::encode_member_record(body,
                                    of.sign(wire::member_record_message(network, body).view()));
}

struct Mouth {  // of a liar that knows one member
  Chance chance{3};
  Tally tally;
  std::shared_ptr<const crypto::Identity> self = identity(1), other = identity(2);
  Lies lies{chance, 0, self, network, tally};
  std::uint64_t said = 0;

  explicit Mouth(std::int64_t mask) {
    lies.remember(wire::Members{{}, {member_record(*other)}, {}});
    lies.begin(mask, 1);
  }
  Lies::Said say(const wire::Message& message) {
    return lies.say(message, {Instant(seconds(1)), wall}, ++said);
  }
  static constexpr UnixMillis wall{1'790'000'000'000};
};

bool genuine_suspicion(const Mouth& mouth, const wire::Suspicion& suspicion) {
  return crypto::verify(mouth.self->public_key(),
                        wire::suspicion_message(network, mouth.other->id(), suspicion).view(),
                        suspicion.signature);
}

}  // namespace

TEST_CASE("sim/liar: each lie is told, and all others are not; nothing breaks") {
  for (std::size_t lie = 0; lie < lie_count; ++lie) {
    const Outcome outcome = with(bit_of(static_cast<Lie>(lie)));
    INFO(to_string(static_cast<Lie>(lie)));
    CHECK_EQ(finding_of(outcome), "nothing");
    for (std::size_t other = 0; other < lie_count; ++other)
      CHECK_EQ(outcome.tally.lies[other] > 0, other == lie);
  }
}

TEST_CASE("sim/liar: who is to tell no lie tells none, and changes nothing") {
  const Outcome silent = with(0);
  for (const std::uint64_t told : silent.tally.lies) CHECK_EQ(told, 0);
  CHECK(with(bit_of(Lie::clocks)).trace != silent.trace);
  const auto honest = parse_scenario(
      "kith scenario 1\nhosts 8\nlength 90\n0 start *\n"
      "6 put 2 amount 1\n7 put 4 amount 2\n8 put 3 amount 1\n9 get 1 amount 1\n"
      "14 kill 6 for 10\n16 put 1 amount 1\n16.5 get 4 amount 2\n20 get 2 amount 2\n"
      "22 get 7 amount 1\n30 cut 0,1,2 for 6\n45 heal *\n");
  REQUIRE(honest);
  CHECK_EQ(run(*honest).trace, silent.trace);
}

TEST_CASE("sim/liar: the accused hear of it and are suspected until they refute") {
  std::size_t suspected = 0;
  RunOptions options;
  options.story = [&](const std::string& line) { suspected += line.ends_with("is suspect"); };
  for (const int lies : {0, 1}) {
    suspected = 0;
    const auto scenario =
        parse_scenario("kith scenario 1\nhosts 8\nlength 40\n0 start *\n10 lie 3 amount " +
                       std::to_string(lies * bit_of(Lie::accuse)) + " for 20\n");
    REQUIRE(scenario);
    const Outcome outcome = run(*scenario, options);
    CHECK_EQ(outcome.tally.deaths, 0);
    CHECK_EQ(suspected > 20, lies == 1);
  }
}

TEST_CASE("sim/liar: a datagram is sealed again under its key, and more with counters after it") {
  const crypto::AeadKey key(ByteArray<32>{9});
  const wire::Message ping = wire::Ping{{{7}, 100, Lane::membership, 0}, {}};
  const auto frame = [&](std::uint64_t counter) {
    const Buffer text = wire::encode(ping);
    Bytes bytes(wire::sealed_header + text.size() + 16);
    bytes[0] = 0x06;
    store_le(bytes.data() + 5, counter);
    crypto::seal(key, counter, ByteView(bytes).first(wire::sealed_header), text.view(),
                 MutableBytes(bytes).subspan(wire::sealed_header));
    return Buffer(bytes);
  };
  Mouth mouth(bit_of(Lie::storm));
  Liar liar(std::move(mouth.lies));
  const Endpoint to{IpAddress::v4(10, 0, 0, 2), 4747};
  std::uint64_t next = 0, pings = 0;
  for (std::uint64_t counter = 0; counter < 50; ++counter)
    for (const Buffer& sent : liar.says({to, frame(counter)}, {Instant(seconds(2)), {}})) {
      const ByteView bytes = sent.view();
      CHECK_EQ(load_le<std::uint64_t>(bytes.data() + 5), next);
      Buffer text = Buffer::allocate(bytes.size() - wire::sealed_overhead);
      REQUIRE(crypto::open(key, next++, bytes.first(wire::sealed_header),
                           bytes.subspan(wire::sealed_header), text.writable()));
      const auto message = wire::decode(text);
      REQUIRE(message);
      pings += *message == ping;
    }
  CHECK_EQ(pings, 50);  // its node's own
  CHECK(next > 80);
}

TEST_CASE("sim/liar: on a stream a frame is replaced by one that opens at its place") {
  const crypto::AeadKey key(ByteArray<32>{9});
  Mouth mouth(bit_of(Lie::receipts));
  Liar liar(std::move(mouth.lies));
  std::size_t changed = 0;
  const wire::Message none = wire::Stored{{7}, wire::StoreStatus::stale, {}, {3}, {}};
  for (std::uint64_t counter = 0; counter < 20; ++counter) {
    Bytes text{0x01};
    append(text, wire::encode(none).view());
    Bytes bytes(3 + text.size() + 16);
    store_le(bytes.data(), static_cast<std::uint16_t>(bytes.size() - 2));
    bytes[2] = 0x06;
    crypto::seal(key, counter, ByteView(bytes).first(3), text, MutableBytes(bytes).subspan(3));
    const Buffer sent = liar.says(1, Buffer(bytes), {Instant(seconds(2)), {}});
    REQUIRE_EQ(load_le<std::uint16_t>(sent.view().data()) + 2u, sent.size());
    Buffer plain = Buffer::allocate(sent.size() - 3 - 16);
    REQUIRE(
        crypto::open(key, counter, sent.view().first(3), sent.view().subspan(3), plain.writable()));
    CHECK_EQ(plain.view()[0], 0x01);
    const auto message = wire::decode(plain.from(1));
    REQUIRE(message);
    changed += std::get<wire::Stored>(*message).status == wire::StoreStatus::stored;
  }
  CHECK(changed > 3);
  CHECK(changed < 17);
}

TEST_CASE("sim/liar: what its node asks for goes out as it is") {
  Mouth mouth((std::int64_t{1} << lie_count) - 1);
  const wire::Message asked[] = {
      wire::Store{{{1}, 100, Lane::data, 0}, ByteArray<8>{1}, Buffer(as_bytes("no record"))},
      wire::Fetch{{{2}, 100, Lane::data, 0}, ByteArray<8>{1}, {}, wire::Want::value},
      wire::FindNodes{{{3}, 100, Lane::data, 0}, {}}};
  for (int i = 0; i < 50; ++i)
    for (const wire::Message& message : asked) {
      const Lies::Said said = mouth.say(message);
      REQUIRE(said.instead);
      CHECK(*said.instead == message);
    }
}

TEST_CASE("sim/liar: accusations are its own, and valid; forged records are not") {
  Mouth accuser(bit_of(Lie::accuse)), forger(bit_of(Lie::forge));
  std::size_t accusations = 0, forged = 0;
  for (int i = 0; i < 200; ++i) {
    const auto push = std::get<wire::GossipPush>(*accuser.say(wire::GossipPush{}).instead);
    for (const wire::Suspicion& suspicion : push.gossip.suspicions)
      accusations += genuine_suspicion(accuser, suspicion);
    const auto members = std::get<wire::Members>(
        *forger.say(wire::Members{{7}, {member_record(*forger.other)}, {}}).instead);
    for (const Buffer& bytes : members.records) {
      const auto decoded = wire::decode_member_record(bytes.view());
      if (!decoded) {  // a time that is none
        ++forged;
        continue;
      }
      const Buffer message =
          wire::member_record_message(network, bytes.view().first(decoded->body_size));
      const bool valid = crypto::verify(decoded->record.key, message.view(), decoded->signature);
      CHECK_EQ(valid, bytes == member_record(*forger.other));
      forged += !valid;
    }
  }
  CHECK(accusations > 30);
  CHECK(forged > 20);
}

TEST_CASE("sim/liar: without the stand-in's seals it passes everything on") {
  Bytes bytes(60, 0x55);
  bytes[0] = 0x06;
  Mouth mouth(bit_of(Lie::silence));
  Liar liar(std::move(mouth.lies));
  const auto& sent = liar.says({{}, Buffer(bytes)}, {Instant(seconds(2)), {}});
  REQUIRE_EQ(sent.size(), 1);
  CHECK(sent[0] == Buffer(bytes));
}
