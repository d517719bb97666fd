// The steps of a handshake, done at once and each only once: they are pure, and sessions made from
// the same seeds ask for the same ones input after input.
#pragma once

#include "jobs.hpp"
#include "steps.hpp"

namespace kith::fuzz {

inline ByteView raw(const auto& object) {
  return {reinterpret_cast<const Byte*>(&object), sizeof object};
}

// `side` names the credentials the job uses.
inline Computed answer_handshake(std::size_t side, const Compute& order) {
  static std::map<Bytes, std::shared_ptr<const JobResult>> known;
  if (known.size() > remembered_limit) known.clear();
  Bytes key{static_cast<Byte>(side)};
  if (const auto* ask = dynamic_cast<const session::InitiateJob*>(order.job.get())) {
    key.push_back(1);
    for (const ByteView part :
         {ask->responder.view(), ask->ephemeral.view(), raw(ask->counter), raw(ask->stream)})
      append(key, part);
  } else if (const auto* job = dynamic_cast<const session::RespondJob*>(order.job.get())) {
    key.push_back(2);
    for (const ByteView part : {job->ephemeral.view(), ByteView(job->message), raw(job->stream)})
      append(key, part);
  } else if (const auto* last = dynamic_cast<const session::FinishJob*>(order.job.get())) {
    key.push_back(3);
    for (const ByteView part : {raw(last->state), ByteView(last->message)}) append(key, part);
  } else {
    return answer(order);
  }
  auto& result = known[key];
  if (!result) result = order.job->run();
  return {order.token, result};
}

}  // namespace kith::fuzz
