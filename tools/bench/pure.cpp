// What needs no socket: sealing, the codec, a handshake, the roster and lookup machines.
#include <sodium.h>

#include "bench.hpp"
#include "kith/base/visit.hpp"
#include "kith/crypto/aead.hpp"
#include "kith/crypto/hash.hpp"
#include "kith/crypto/random.hpp"
#include "kith/kad/lookup.hpp"
#include "kith/membership/membership.hpp"
#include "kith/session/session.hpp"
#include "kith/wire/record.hpp"

namespace kith::bench {
namespace {

std::shared_ptr<const crypto::Identity> identity(Byte fill) {
  ByteArray<32> seed{};
  seed.fill(fill);
  return std::make_shared<const crypto::Identity>(crypto::Identity::from_seed(seed));
}

NodeId random_id(Rng& rng) {
  NodeId id;
  for (Byte& byte : id.bytes) byte = static_cast<Byte>(rng.next());
  return id;
}

// Two Session machines joined by a wire without delay; jobs run inline.
struct Pair {
  std::array<std::shared_ptr<const crypto::Identity>, 2> identities{identity(1), identity(2)};
  std::array<Endpoint, 2> endpoints{Endpoint{IpAddress::v4(127, 0, 0, 1), 1001},
                                    Endpoint{IpAddress::v4(127, 0, 0, 1), 1002}};
  std::vector<session::Session> sides;
  Now now{Instant(seconds(1000)), UnixMillis{1'760'000'000'000}};
  std::size_t received = 0;

  Pair() {
    for (std::size_t i = 0; i < 2; ++i) {
      session::Config config;
      config.mode = Mode::private_;
      config.incarnation = {1};
      config.boot.bytes[0] = static_cast<Byte>(i + 1);
      ByteArray<32> seed{};
      seed[0] = static_cast<Byte>(i);
      sides.emplace_back(config, identities[i], Rng(i), seed);
    }
    feed(0, session::PeerIntroduced{identities[1]->public_key(), {endpoints[1]}});
    feed(1, session::PeerIntroduced{identities[0]->public_key(), {endpoints[0]}});
  }

  void send(const Buffer& message) {
    feed(0, session::SendRequested{identities[1]->id(), message, Lane::data});
  }

  void feed(std::size_t side, const session::Input& input) {
    session::Session::Outbox out;
    sides[side].step(input, now, out);
    for (session::Output& output : out.take()) {
      if (auto* transmit = std::get_if<session::Transmit>(&output))
        feed(1 - side, session::DatagramReceived{endpoints[side], transmit->bytes.view()});
      else if (auto* order = std::get_if<Compute>(&output))
        feed(side, Computed{order->token, order->job->run()});
      else if (std::holds_alternative<session::Received>(output))
        ++received;
    }
  }
};

}  // namespace

Rows seal_and_open() {
  Rows rows;
  crypto::AeadKey key;
  for (const std::size_t size : {100u, 1171u}) {
    Bytes plain(size, 1), sealed(size + crypto::aead_tag_size), opened(size);
    std::uint64_t counter = 0;
    const double ours = microseconds_of([&] {
      crypto::seal(key, ++counter, {}, plain, sealed);
      if (!crypto::open(key, counter, {}, sealed, opened)) std::abort();
    });
    ByteArray<12> nonce{};
    ByteArray<32> raw_key{};
    const double limit = microseconds_of([&] {
      unsigned long long length = 0;
      crypto_aead_chacha20poly1305_ietf_encrypt(sealed.data(), &length, plain.data(), size, nullptr,
                                                0, nullptr, nonce.data(), raw_key.data());
      if (crypto_aead_chacha20poly1305_ietf_decrypt(opened.data(), &length, nullptr, sealed.data(),
                                                    sealed.size(), nullptr, 0, nonce.data(),
                                                    raw_key.data()) != 0)
        std::abort();
    });
    rows.push_back(
        {"seal and open " + std::to_string(size) + " B", ours, "us", "libsodium alone", limit});
  }
  Pair pair;
  const Buffer message(Bytes(200, 7));
  pair.send(message);
  const double through = microseconds_of([&] { pair.send(message); });
  rows.push_back({"a 200 B message through two sessions", through, "us", "seal and open 100 B",
                  rows[0].value});
  return rows;
}

Rows codec() {
  Rng rng(1);
  wire::Ping ping;
  ping.gossip.references.resize(49);
  const wire::Message message = ping;
  const Buffer bytes = wire::encode(message);
  Bytes copy(bytes.size());
  const double encode = microseconds_of([&] { keep(wire::encode(message)); });
  const double decode = microseconds_of([&] { keep(wire::decode(bytes)); });
  const double memory = microseconds_of([&] {
    std::memcpy(copy.data(), bytes.data(), bytes.size());
    keep(copy);
  });
  wire::Store store{{}, {}, Buffer(Bytes(1000, 3))};
  const Buffer stored = wire::encode(store);
  const double value = microseconds_of([&] { keep(wire::decode(stored)); });
  return {{"encode a ping with 49 references", encode, "us", "memcpy of its bytes", memory},
          {"decode it", decode, "us", "memcpy of its bytes", memory},
          {"decode a store of 1 000 B (no copy)", value, "us", "memcpy of 1 200 B", memory}};
}

Rows handshake() {
  ByteArray<32> secret{}, point{}, shared{};
  secret[0] = 9;
  crypto_scalarmult_base(point.data(), secret.data());
  const double multiply = microseconds_of([&] {
    if (crypto_scalarmult(shared.data(), secret.data(), point.data()) != 0) std::abort();
  });
  const Buffer message(Bytes(20, 1));
  const double whole = microseconds_of([&] {
    Pair pair;
    pair.send(message);
    if (pair.received != 1) std::abort();
  });
  // IK: each side one key pair and four products.
  return {{"a first handshake and message, both sides", whole, "us", "ten X25519 products",
           10 * multiply}};
}

Rows machines() {
  Rows rows;
  Rng rng(3);
  std::vector<NodeId> ids;
  for (int i = 0; i < 4096; ++i) ids.push_back(random_id(rng));
  const NodeId target = random_id(rng);
  const double sort = microseconds_of(
      [&] { keep(kad::closest(target.bytes, ids, 8, [](const NodeId& id) { return id.bytes; })); });
  const double lookup = microseconds_of([&] {
    kad::Lookup machine(target.bytes, {8, 4, 12, 64});
    for (const NodeId& id :
         kad::closest(target.bytes, ids, 64, [](const NodeId& n) { return n.bytes; }))
      machine.add(id);
    while (!machine.finished())
      for (const NodeId& peer :
           machine.ask(Instant{}, [](const NodeId&) { return Duration(milliseconds(350)); }))
        machine.answered(peer, {}, Instant{});
    keep(machine.result());
  });
  rows.push_back({"a lookup in a view of 4 096", lookup, "us", "the 8 closest of 4 096", sort});

  membership::Config config;
  config.mode = Mode::private_;
  membership::Membership roster(config, identity(1), Rng(1));
  membership::Membership::Outbox out;
  Now now{Instant(seconds(1000)), UnixMillis{1'760'000'000'000}};
  roster.expire(now, out);
  out.clear();
  const NodeId peer = identity(2)->id();
  const Buffer bytes = wire::encode(wire::Ping{{{1}, 500, Lane::membership, 0}, {}});
  const auto message = wire::decode(bytes);
  const double decode = microseconds_of([&] { keep(wire::decode(bytes)); });
  const double step = microseconds_of([&] {
    roster.step(membership::MessageReceived{peer, &*message, bytes.size(), false}, now, out);
    out.clear();
  });
  rows.push_back({"the roster answers a ping without news", step, "us", "decoding it", decode});
  return rows;
}

}  // namespace kith::bench
