// Jobs, done at once. Signing and verifying are pure, so the same question is computed only once
// for a whole run: the fuzzer asks it a million times.
#pragma once

#include <map>

#include "keys.hpp"

namespace kith::fuzz {

inline constexpr std::size_t remembered_limit = 8192;

inline bool verified(const crypto::Claim& claim) {
  static std::map<std::pair<Bytes, Bytes>, bool> known;
  if (known.size() > remembered_limit) known.clear();
  const ByteView message = claim.message.view(), signature = claim.signature.view();
  Bytes key(claim.key.view().begin(), claim.key.view().end());
  append(key, message);
  const auto [it, fresh] =
      known.try_emplace({std::move(key), Bytes(signature.begin(), signature.end())}, false);
  if (fresh) it->second = crypto::verify(claim.key, message, claim.signature);
  return it->second;
}

inline Signature sign(const crypto::Identity& signer, ByteView message) {
  static std::map<std::pair<NodeId, Bytes>, Signature> known;
  if (known.size() > remembered_limit) known.clear();
  const auto [it, fresh] =
      known.try_emplace({signer.id(), Bytes(message.begin(), message.end())}, Signature{});
  if (fresh) it->second = signer.sign(message);
  return it->second;
}

inline Computed answer(const Compute& order) {
  if (const auto* check = dynamic_cast<const crypto::VerifyJob*>(order.job.get())) {
    auto result = std::make_shared<crypto::Verified>();
    for (const crypto::Claim& claim : check->claims) result->valid.push_back(verified(claim));
    return {order.token, result};
  }
  if (const auto* job = dynamic_cast<const crypto::SignJob*>(order.job.get())) {
    auto result = std::make_shared<crypto::Signed>();
    result->signature = sign(*job->signer, job->message.view());
    return {order.token, result};
  }
  return {order.token, order.job->run()};
}

}  // namespace kith::fuzz
