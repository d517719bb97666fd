#include "kith/membership/records.hpp"

#include "constants.hpp"
#include "kith/crypto/hash.hpp"

namespace kith::membership {
namespace {

std::unique_ptr<SignedRecord> decode(ByteView raw, const wire::RecordHash& hash) {
  auto decoded = wire::decode_member_record(raw);
  if (!decoded || decoded->record.incarnation.value >= incarnation_limit) return nullptr;
  auto record = std::make_unique<SignedRecord>();
  record->id = crypto::node_id(decoded->record.key);
  record->content = std::move(decoded->record);
  record->raw = Buffer(raw);
  record->hash = hash;
  record->signature = decoded->signature;
  record->body_size = decoded->body_size;
  return record;
}

}  // namespace

SignedRecordPtr Records::read(ByteView raw) {
  const wire::RecordHash hash = crypto::hash64({raw});
  if (const auto known = in_use_->find(hash); known != in_use_->end()) {
    SignedRecordPtr record = known->second.lock();
    if (record && equal(record->raw.view(), raw)) return record;
    return decode(raw, hash);  // eight bytes of hash can be made to meet
  }
  std::unique_ptr<SignedRecord> fresh = decode(raw, hash);
  if (!fresh) return nullptr;
  const auto forget = [in_use = std::weak_ptr(in_use_)](const SignedRecord* unused) {
    if (const auto all = in_use.lock()) all->erase(unused->hash);
    delete unused;
  };
  SignedRecordPtr record(fresh.release(), forget);
  in_use_->emplace(hash, record);
  return record;
}

}  // namespace kith::membership
