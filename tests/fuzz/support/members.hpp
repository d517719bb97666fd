// Signed things of members, as a fuzzer picks them: records and suspicions that verify.
#pragma once

#include "input.hpp"
#include "jobs.hpp"
#include "kith/crypto/hash.hpp"
#include "kith/wire/member_record.hpp"

namespace kith::fuzz {

// Two bytes: whose, and of which of its few incarnations and states.
inline Buffer member_record(Input& in, std::size_t who, const NetworkId& network = {}) {
  const std::uint8_t shape = in.u8();
  wire::MemberRecord record;
  record.key = identity(who)->public_key();
  record.incarnation = {shape & 3u};
  record.leaving = (shape & 0x1c) == 0x1c;
  record.synced = {(shape & 0x20) ? 1'760'000'000'000 : 0};
  record.name = (shape & 0x40) ? "one" : "two";
  record.addresses = {{IpAddress::v4(10, 0, 0, static_cast<Byte>(who)), 4747}};
  const Bytes body = wire::member_record_body(record);
  return wire::encode_member_record(
      body, sign(*identity(who), wire::member_record_message(network, body).view()));
}

inline wire::RecordHash hash_of(const Buffer& record) { return crypto::hash64({record.view()}); }

inline wire::Suspicion suspicion(std::size_t accuser, std::size_t subject,
                                 const wire::Reference& about, std::int64_t stamp,
                                 const NetworkId& network = {}) {
  wire::Suspicion made;
  made.subject = about;
  made.subject.subject = wire::prefix_of(identity(subject)->id());
  made.subject.verdict = wire::Verdict::suspect;
  made.accuser = wire::prefix_of(identity(accuser)->id());
  made.stamp = {stamp};
  const Buffer message = wire::suspicion_message(network, identity(subject)->id(), made);
  made.signature = sign(*identity(accuser), message.view());
  return made;
}

}  // namespace kith::fuzz
