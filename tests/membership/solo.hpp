// Solo: one Membership without a world, and signed things to tell it.
#pragma once

#include <algorithm>

#include "world.hpp"

namespace kith::test {

// One machine without a world: jobs run inline, the disk answers at once, sendings are collected.
struct Solo {
  explicit Solo(ms::Config config = {}, std::uint64_t key = 1) {
    ByteArray<32> seed{};
    store_le(seed.data(), key);
    identity = std::make_shared<const crypto::Identity>(crypto::Identity::from_seed(seed));
    machine = std::make_unique<ms::Membership>(std::move(config), identity, Rng(1));
    expire();
  }
  void step(const ms::Input& input) {
    ms::Membership::Outbox out;
    machine->step(input, now, out);
    drain(out);
  }
  void expire() {
    ms::Membership::Outbox out;
    machine->expire(now, out);
    drain(out);
  }
  void pass(Duration time) {
    const Instant until = now.mono + time;
    while (*machine->next_deadline() <= until) {
      now.mono = std::max(now.mono, *machine->next_deadline());
      expire();
    }
    now.mono = until;
  }
  void drain(ms::Membership::Outbox& out) {
    std::vector<ms::Input> answers;
    out.drain([&](ms::Output output) {
      if (auto* job = std::get_if<Compute>(&output))
        answers.push_back(Computed{job->token, job->job->run()});
      if (auto* write = std::get_if<Persist>(&output)) answers.push_back(Persisted{write->token});
      outputs.push_back(std::move(output));
    });
    for (const ms::Input& answer : answers) step(answer);
  }
  template <class T>
  std::vector<T> all() const {
    std::vector<T> found;
    for (const ms::Output& output : outputs)
      if (const T* item = std::get_if<T>(&output)) found.push_back(*item);
    return found;
  }
  std::uint64_t drops(DropReason reason) const {
    std::uint64_t count = 0;
    for (const Dropped& dropped : all<Dropped>()) count += dropped.reason == reason ? 1 : 0;
    return count;
  }
  Incarnation incarnation() const { return machine->find(identity->id())->record->incarnation; }
  void receive(const NodeId& from, wire::Message message) {
    step(ms::MessageReceived{from, &message, 100, false});
  }

  std::shared_ptr<const crypto::Identity> identity;
  std::unique_ptr<ms::Membership> machine;
  Now now{Instant(seconds(1000)), UnixMillis{1'800'000'000'000}};
  std::vector<ms::Output> outputs;
};

inline Buffer signed_record(const crypto::Identity& identity, wire::MemberRecord record) {
  record.key = identity.public_key();
  const Bytes body = wire::member_record_body(record);
  return wire::encode_member_record(
      body, identity.sign(wire::member_record_message(NetworkId{}, body).view()));
}

inline Buffer record_of(const crypto::Identity& identity, Incarnation incarnation, BootId boot = {},
                        std::uint16_t subnet = 0, Bytes ext = {}, UnixMillis synced = {}) {
  wire::MemberRecord record;
  record.incarnation = incarnation;
  record.boot = boot;
  record.addresses = {
      {IpAddress::v4(10, static_cast<Byte>(subnet >> 8), static_cast<Byte>(subnet), 1), 4747}};
  record.ext = std::move(ext);
  record.synced = synced;
  return signed_record(identity, std::move(record));
}

inline crypto::Identity somebody(std::uint64_t number) {
  ByteArray<32> seed{};
  store_le(seed.data(), number);
  return crypto::Identity::from_seed(seed);
}

}  // namespace kith::test
