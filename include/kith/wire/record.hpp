// Record: a signed value under a key, the unit the DHT stores. The raw bytes are what is stored,
// forwarded and verified; nothing is ever re-encoded.
#pragma once

#include "kith/base/buffer.hpp"
#include "kith/base/ids.hpp"
#include "kith/base/result.hpp"
#include "kith/wire/message.hpp"

namespace kith::wire {

enum class Kind : std::uint8_t { value = 0, owned = 1 };  // entry and blob come later

struct Record {
  RecordId id;
  Kind kind = Kind::value;
  bool tombstone = false;  // a signed delete; its value is empty
  Sequence sequence;
  UnixMillis expiry;  // 0: until deleted
  PublicKey writer;
  Hash256 content;  // BLAKE2b-256 of the value
  Bytes ext;        // TLV <= 256 B, kept verbatim, signed
  Buffer value;     // <= 64 KiB
  bool operator==(const Record&) const = default;
};

// Head: everything but the value. Encoding: u16 head size || head || value || signature.
Bytes record_head(const Record& record);
Buffer record_message(const NetworkId& network, ByteView head);  // what the writer signs
Buffer encode_record(ByteView head, ByteView value, const Signature& signature);

struct DecodedRecord {
  Record record;  // `value` shares the decoded buffer
  Signature signature;
  Buffer head;
};
// Checks the form only; the caller checks content == H(value) and the signature.
Result<DecodedRecord, DecodeError> decode_record(const Buffer& bytes);

}  // namespace kith::wire
