// One filled-in sample of every message, for round trips, mutations and the fuzz corpus.
#pragma once

#include "kith/wire/member_record.hpp"
#include "kith/wire/message.hpp"
#include "kith/wire/record.hpp"

namespace kith::test {

template <class IdType>
IdType id_of(Byte fill) {
  IdType id;
  id.bytes.fill(fill);
  return id;
}

inline wire::Reference sample_reference() {
  return {
      {1, 2, 3, 4, 5, 6, 7, 8}, {0x0102030405}, wire::Verdict::suspect, {8, 7, 6, 5, 4, 3, 2, 1}};
}
inline wire::Suspicion sample_suspicion() {
  return {
      sample_reference(), {9, 9, 9, 9, 9, 9, 9, 9}, {1'700'000'000'000}, id_of<Signature>(0x5a)};
}
inline wire::Envelope sample_envelope() { return {{77}, 5000, Lane::repair, 42}; }
inline wire::Gossip sample_gossip() {
  return {{sample_reference(), sample_reference()}, {sample_suspicion()}};
}

inline std::vector<wire::Message> sample_messages() {
  using namespace wire;
  const Endpoint endpoint{IpAddress::v4(10, 0, 0, 1), 4747};
  RangeDigest odd{3, {}, 7, {1, 2, 3}};
  odd.prefix = {0xab, 0xc0};
  RangeItem item;
  item.key.fill(3);
  item.version.fill(4);
  return {Ping{sample_envelope(), sample_gossip()},
          Ack{{5}, {1'790'000'000'000}, sample_gossip()},
          ProbeRequest{sample_envelope(), id_of<NodeId>(1)},
          Nack{{6}},
          GossipPush{sample_gossip()},
          PullMembers{sample_envelope(), {{1}, {2}}},
          Members{{7}, {Buffer(as_bytes("a record"))}, {sample_suspicion()}},
          Heard{{1, 1}, {99}},
          Reconcile{sample_envelope(), Topic::records, {odd, RangeDigest{}}},
          Reconciled{{8}, Topic::roster, {odd}, {RangeItems{3, odd.prefix, {item}}}},
          Store{sample_envelope(), {1}, Buffer(as_bytes("raw record"))},
          Stored{{9}, StoreStatus::not_base, Refusal::none, {12}, {id_of<NodeId>(2)}},
          Fetch{sample_envelope(), {2}, id_of<RecordId>(3), Want::digest},
          Fetched{{10},
                  FetchStatus::found,
                  {13},
                  id_of<NodeId>(4),
                  id_of<Hash256>(5),
                  Buffer(as_bytes("raw")),
                  {}},
          FindNodes{sample_envelope(), {1, 2}},
          NodesFound{{11}, {{id_of<NodeId>(6), id_of<PublicKey>(7), endpoint}}}};
}

inline wire::MemberRecord sample_member() {
  wire::MemberRecord record;
  record.key = id_of<PublicKey>(0x11);
  record.incarnation = {1'700'000'000'000};
  record.boot = id_of<BootId>(0x22);
  record.synced = {1'700'000'000'001};
  record.addresses = {{IpAddress::v4(192, 168, 1, 9), 4747}, {*parse_ip("2001:db8::1"), 4747}};
  record.name = "attic";
  record.tags = {{"rack", "2"}};
  record.version = "0.1.0";
  record.ext = {1, 2, 3};
  return record;
}

inline wire::Record sample_record() {
  wire::Record record;
  record.id = id_of<RecordId>(0x33);
  record.sequence = {1'700'000'000'002};
  record.expiry = {1'800'000'000'000};
  record.writer = id_of<PublicKey>(0x44);
  record.content = id_of<Hash256>(0x55);
  record.ext = {9};
  record.value = Buffer(as_bytes("hello"));
  return record;
}

}  // namespace kith::test
