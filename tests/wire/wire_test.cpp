#include <set>

#include "kith/base/rng.hpp"
#include "kith/wire/codec.hpp"
#include "samples.hpp"

using namespace kith;
using namespace kith::wire;

TEST_CASE("wire/message: decode(encode(x)) == x for every message") {
  std::set<std::size_t> kinds;
  for (const Message& message : test::sample_messages()) {
    const Buffer bytes = encode(message);
    const auto decoded = decode(bytes);
    REQUIRE(decoded);
    CHECK(*decoded == message);
    CHECK(encode(*decoded) == bytes);
    kinds.insert(message.index());
  }
  CHECK_EQ(kinds.size(), std::variant_size_v<Message>);
}

TEST_CASE("wire/message: every truncation and every trailing byte is malformed") {
  for (const Message& message : test::sample_messages()) {
    const Buffer bytes = encode(message);
    for (std::size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(decode(bytes.first(size)));
    Bytes longer(bytes.view().begin(), bytes.view().end());
    longer.push_back(0);
    CHECK_FALSE(decode(Buffer(longer)));
  }
}

TEST_CASE(
    "wire/message: whatever decodes after mutation is canonical: it encodes to the same bytes") {
  Rng rng(1);
  const auto samples = test::sample_messages();
  int accepted = 0;
  for (int round = 0; round < 200'000; ++round) {
    const Buffer original = encode(samples[rng.below(samples.size())]);
    Bytes bytes(original.view().begin(), original.view().end());
    const std::uint64_t flips = 1 + rng.below(3);
    for (std::uint64_t i = 0; i < flips; ++i) {
      const std::uint64_t at = rng.below(bytes.size());
      bytes[at] = static_cast<Byte>(rng.next());
    }
    const Buffer mutated(bytes);
    if (const auto decoded = decode(mutated)) {
      ++accepted;
      REQUIRE(encode(*decoded) == mutated);
    }
  }
  CHECK_GT(accepted, 1000);
}

TEST_CASE("wire/message: a type from the future is told apart from nonsense") {
  CHECK_EQ(decode(Buffer(Bytes{0x7f, 1, 2})).error(), DecodeError::unknown_type);
  CHECK_EQ(decode(Buffer(Bytes{0x04, 1, 2})).error(), DecodeError::malformed);
  CHECK_EQ(decode(Buffer()).error(), DecodeError::malformed);
}

TEST_CASE("wire/message: a length field larger than the message allocates nothing") {
  // A reconcile that announces 65 535 ranges in an otherwise empty body.
  Writer w;
  w.u8(0x08).u64(1).u32(1).u8(0).u64(0).u8(0).u16(65535);
  CHECK_FALSE(decode(w.buffer()));
}

TEST_CASE("wire/message: 49 references fit one datagram beside a ping") {
  Ping ping;
  ping.gossip.references.assign(49, test::sample_reference());
  CHECK_LE(encode(ping).size(), datagram_message_limit);
}

TEST_CASE("wire/member_record: it survives the wire, and only its body is signed") {
  const MemberRecord record = test::sample_member();
  const Bytes body = member_record_body(record);
  const Buffer bytes = encode_member_record(body, test::id_of<Signature>(1));
  const auto decoded = decode_member_record(bytes.view());
  REQUIRE(decoded);
  CHECK(decoded->record == record);
  CHECK_EQ(decoded->body_size, body.size());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(decode_member_record(bytes.view().first(size)));
}

TEST_CASE("wire/record: it survives the wire, and the value shares the received block") {
  const Record record = test::sample_record();
  const Buffer bytes =
      encode_record(record_head(record), record.value.view(), test::id_of<Signature>(1));
  const auto decoded = decode_record(bytes);
  REQUIRE(decoded);
  CHECK(decoded->record == record);
  CHECK_GE(decoded->record.value.data(), bytes.data());
  CHECK_LT(decoded->record.value.data(), bytes.data() + bytes.size());
}

TEST_CASE("wire/record: a tombstone with a value and a sequence past 2^53 are malformed") {
  Record record = test::sample_record();
  record.tombstone = true;
  CHECK_FALSE(decode_record(encode_record(record_head(record), as_bytes("x"), {})));
  CHECK(decode_record(encode_record(record_head(record), {}, {})));
  record.sequence = {json_safe_limit};
  CHECK_FALSE(decode_record(encode_record(record_head(record), {}, {})));
}
