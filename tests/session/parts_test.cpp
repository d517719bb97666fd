// The small parts by themselves: frames, gates, keypairs, lanes, stream ciphers.
#include "frames.hpp"
#include "gates.hpp"
#include "keypair.hpp"
#include "kith/base/rng.hpp"
#include "lanes.hpp"
#include "steps.hpp"
#include "stream_frames.hpp"

using namespace kith;
using namespace kith::session;

namespace {

const Now start{Instant(seconds(1000)), {}};
const Endpoint here{IpAddress::v4(10, 0, 0, 1), 4747}, there{IpAddress::v4(10, 0, 0, 2), 4747};

Now after(Duration time) { return {start.mono + time, {}}; }

}  // namespace

TEST_CASE("session/frames: who-are-you and i-am survive the round trip") {
  WhoAreYou ask;
  ask.nonce = {1, 2, 3};
  ask.tag = {9};
  const Bytes question = encode(ask);
  CHECK_EQ(question.size(), wire::who_are_you_size);
  CHECK_EQ(parse_who_are_you(question)->tag, ask.tag);

  IAm answer;
  answer.nonce = ask.nonce;
  answer.key = PublicKey{{7}};
  answer.lan = LanId{{8}, true};
  const Bytes bytes = encode(answer);
  CHECK_EQ(bytes.size(), i_am_limit);
  const auto parsed = parse_i_am(bytes);
  CHECK_EQ(parsed->key, answer.key);
  CHECK_EQ(parsed->lan, answer.lan);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(parse_i_am(ByteView(bytes).first(size)));
}

TEST_CASE("session/frames: an i-am names a key exactly when its status is ok") {
  IAm answer;
  answer.status = IAmStatus::not_local;
  CHECK(parse_i_am(encode(answer)));
  answer.key = PublicKey{{7}};
  CHECK_FALSE(parse_i_am(encode(answer)));
  answer.status = IAmStatus::ok;
  CHECK(parse_i_am(encode(answer)));
  answer.key.reset();
  CHECK_FALSE(parse_i_am(encode(answer)));
}

TEST_CASE("session/frames: a cookie opens only for the message 1 that it answers") {
  const auto key = cookie_key({{1}}, {{2}});
  const Mac cookie{3}, mac1{4}, other{5};
  const auto frame = parse_cookie(make_cookie(77, cookie, {6}, key, mac1));
  REQUIRE(frame.has_value());
  CHECK_EQ(frame->receiver, 77);
  CHECK_EQ(open_cookie(*frame, key, mac1), cookie);
  CHECK_FALSE(open_cookie(*frame, key, other));
  CHECK_FALSE(open_cookie(*frame, cookie_key({{1}}, {{3}}), mac1));
}

TEST_CASE("session/gates: a cookie counts at its address until its secret is two rotations old") {
  crypto::SecretRng rng(ByteArray<32>{1});
  CookieGate gate;
  Bytes frame = make_init(1, Bytes(noise::message_1_overhead + InitPayload::size), {});
  CHECK_FALSE(gate.proven(*parse_init(frame), here, start, rng));
  set_mac2(frame, gate.cookie(here, start, rng));
  const auto init = parse_init(frame);
  CHECK(gate.proven(*init, here, start, rng));
  CHECK_FALSE(gate.proven(*init, there, start, rng));
  CHECK(gate.proven(*init, here, after(seconds(121)), rng));
  CHECK_FALSE(gate.proven(*init, here, after(seconds(250)), rng));
}

TEST_CASE("session/gates: a cookie dies though nobody asked for one since") {
  crypto::SecretRng rng(ByteArray<32>{1});
  CookieGate gate;
  Bytes frame = make_init(1, Bytes(noise::message_1_overhead + InitPayload::size), {});
  set_mac2(frame, gate.cookie(here, start, rng));
  CHECK_FALSE(gate.proven(*parse_init(frame), here, after(hours(24)), rng));
}

TEST_CASE("session/gates: load is remembered for a second") {
  LoadGate gate;
  CHECK_FALSE(gate.under_load(31, start));
  gate.report({milliseconds(20), 31}, start);
  CHECK_FALSE(gate.under_load(0, start));
  gate.report({milliseconds(21), 0}, start);
  CHECK(gate.under_load(0, after(milliseconds(999))));
  CHECK_FALSE(gate.under_load(0, after(seconds(1))));
  CHECK(gate.under_load(32, after(seconds(5))));
}

TEST_CASE("session/gates: an IPv6 /56 counts as one place") {
  HalfOpenGate gate;
  const auto from = [](int host, Byte net) {
    IpAddress ip;
    ip.bytes = {0x20, 0x01, 0, 0, 0, 0, net, static_cast<Byte>(host)};
    return Endpoint{ip, 1};
  };
  for (int i = 0; i < 8; ++i) CHECK(gate.enter(from(i, 1)));
  CHECK_FALSE(gate.enter(from(9, 1)));
  CHECK(gate.enter(from(9, 2)));
  gate.leave(from(0, 1));
  CHECK(gate.enter(from(10, 1)));
  CHECK_EQ(gate.size(), 9);
}

TEST_CASE("session/gates: the hosts of one IPv6 link are places of their own") {
  HalfOpenGate gate;
  const auto host = [](Byte last) {
    IpAddress ip;
    ip.bytes = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last};
    ip.scope = 2;
    return Endpoint{ip, 50'000};
  };
  for (int i = 0; i < 8; ++i) CHECK(gate.enter(host(0x66)));
  CHECK_FALSE(gate.enter(host(0x66)));
  CHECK(gate.enter(host(1)));
  gate.leave(host(0x66));
  CHECK(gate.enter(host(0x66)));
}

TEST_CASE("session/keypair: seals for its twin, refuses copies, and dies after 180 s") {
  noise::Transport forth, back;
  forth.send = back.receive = crypto::AeadKey(ByteArray<32>{1});
  forth.receive = back.send = crypto::AeadKey(ByteArray<32>{2});
  Keypair a(forth, {1, 2, true, start.mono, start.mono + seconds(120)});
  Keypair b(back, {2, 1, false, start.mono, start.mono});
  const Buffer frame = a.seal(as_bytes("hi"));
  const auto header = parse_sealed(frame.view());
  CHECK_EQ(header->receiver, 2);
  CHECK_EQ(to_text(b.open(frame.view(), *header, start.mono)->view()), "hi");
  CHECK_EQ(b.open(frame.view(), *header, start.mono).error(), OpenFailure::replayed);
  const Instant late = start.mono + seconds(180);
  CHECK_EQ(b.open(frame.view(), *header, late).error(), OpenFailure::expired);
  CHECK_FALSE(a.usable(start.mono + seconds(175)));
  CHECK(a.wants_rekey(late, Tuning{}.rekey_after_messages));
  CHECK_FALSE(b.wants_rekey(late, Tuning{}.rekey_after_messages));
}

TEST_CASE("session/lanes: what was cut comes out whole, membership first") {
  SendLanes out;
  Reassembly in;
  Rng rng(3);
  std::vector<Buffer> sent;
  for (int i = 0; i < 9; ++i) {
    Bytes bytes(1 + rng.below(20'000));
    for (Byte& byte : bytes) byte = static_cast<Byte>(rng.next());
    sent.emplace_back(bytes);
    CHECK(out.push(static_cast<Lane>(i % 3), sent.back()));
  }
  std::vector<Buffer> received;
  while (!out.empty()) {
    const Chunk chunk = out.next(1000);
    Buffer message;
    if (in.add(chunk.lane, chunk.bytes.view(), chunk.more, message) == Reassembly::Verdict::whole)
      received.push_back(message);
  }
  CHECK_EQ(in.held(), 0);
  REQUIRE_EQ(received.size(), 9);
  for (std::size_t i = 0; i < 9; ++i) CHECK_EQ(received[i], sent[i % 3 * 3 + i / 3]);
}

TEST_CASE("session/lanes: nobody grows a message past the limit") {
  Reassembly in;
  Buffer message;
  const Bytes chunk(4000);
  int taken = 0;
  while (in.add(Lane::data, chunk, true, message) == Reassembly::Verdict::partial) ++taken;
  CHECK_EQ(taken, static_cast<int>(wire::message_limit / chunk.size()));
}

TEST_CASE("session/stream_cipher: a ratchet changes the key on both sides, and only forwards") {
  const crypto::AeadKey key(ByteArray<32>{5});
  StreamCipher send(key, start.mono), receive(key, start.mono), old(key, start.mono);
  CHECK_FALSE(send.worn(after(minutes(9)).mono));
  CHECK(send.worn(after(minutes(10)).mono));
  const Buffer first = send.seal(ratchet_flag, as_bytes("a"), after(minutes(10)).mono);
  const Buffer second = send.seal(0, as_bytes("b"), after(minutes(10)).mono);
  CHECK_FALSE(send.worn(after(minutes(11)).mono));
  CHECK(receive.open(first.view(), start.mono).has_value());
  CHECK_EQ(as_text(ByteView(*receive.open(second.view(), start.mono)).subspan(1)), "b");
  CHECK_FALSE(old.open(second.view(), start.mono).has_value());
}

TEST_CASE("session/frame_reader: frames come out whole however the bytes arrive") {
  Bytes stream;
  for (const std::size_t size : {1u, 100u, 4094u}) append(stream, prefixed(Bytes(size, Byte{6})));
  FrameReader reader;
  std::vector<std::size_t> sizes;
  for (const Byte byte : stream) {
    reader.append({&byte, 1});
    while (const auto frame = reader.next()) sizes.push_back(frame->size());
  }
  CHECK_EQ(sizes, std::vector<std::size_t>{3, 102, 4096});
  reader.append(Bytes{0xff, 0xff});
  CHECK_FALSE(reader.next());
  CHECK(reader.broken());
}

TEST_CASE("session/steps: the Ed25519 key must be the Noise static's own") {
  Config config;
  config.psk = {1};
  const auto a = crypto::Identity::from_seed({1}), b = crypto::Identity::from_seed({2});
  auto forged = std::make_shared<Credentials>(config, a);
  forged->key = crypto::Identity::from_seed({3}).public_key();
  const auto run = [&](CredentialsPtr own) {
    InitiateJob initiate;
    initiate.own = own;
    initiate.responder = b.public_key();
    initiate.ephemeral = crypto::Secret<32>(ByteArray<32>{9});
    const auto initiated = initiate.run();
    RespondJob respond;
    respond.own = std::make_shared<const Credentials>(config, b);
    respond.ephemeral = crypto::Secret<32>(ByteArray<32>{8});
    respond.message = dynamic_cast<const Initiated&>(*initiated).message;
    return dynamic_cast<const Responded&>(*respond.run()).ok;
  };
  CHECK(run(std::make_shared<Credentials>(config, a)));
  CHECK_FALSE(run(forged));
}
