// Records: reads the bytes of member records, and what is in use already it does not read again.
//
// Everybody in a network is told of everybody, some sixteen times. The nodes of one process may
// share one Records, as those of the simulator do: then the record of a member is there once and
// not once a node. What it answers depends on the bytes alone, so nobody can tell. Not for several
// threads.
//
// Bounded by its users: a record that nobody holds any more is forgotten.
#pragma once

#include <map>
#include <memory>

#include "kith/base/buffer.hpp"
#include "kith/wire/member_record.hpp"

namespace kith::membership {

// A record as its subject signed it. Whether the signature holds is not said here.
struct SignedRecord {
  NodeId id;
  wire::RecordHash hash{};
  wire::MemberRecord content;
  Buffer raw;  // its own block: a slice would pin the message it came in
  Signature signature;
  std::size_t body_size = 0;  // raw.first(body_size) was signed
};
using SignedRecordPtr = std::shared_ptr<const SignedRecord>;

class Records {
 public:
  SignedRecordPtr read(ByteView raw);  // null: malformed
  std::size_t size() const { return in_use_->size(); }

 private:
  using InUse = std::map<wire::RecordHash, std::weak_ptr<const SignedRecord>>;
  std::shared_ptr<InUse> in_use_ = std::make_shared<InUse>();
};

}  // namespace kith::membership
