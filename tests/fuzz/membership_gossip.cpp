// The gossip queue: what it fills fits a datagram beside a ping, nothing is sent more often than
// its budget, the newest news of a subject replaces the older, and nothing is lost while there is
// room.
#include <map>

#include "gossip.hpp"
#include "kith/membership/membership.hpp"
#include "target.hpp"

using namespace kith;
using namespace kith::membership;

namespace {

wire::IdPrefix prefix(std::size_t number) { return {static_cast<Byte>(number), 1}; }

std::size_t size_of(const wire::Gossip& gossip) {
  return gossip.references.size() * reference_bytes + gossip.suspicions.size() * suspicion_bytes;
}

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Script full, mixed;
  for (std::size_t i = 0; i < 80; ++i) full.u8(0).u8(i).u8(i);
  for (std::size_t i = 0; i < 9; ++i) full.u8(3).u8(2);
  for (std::size_t i = 0; i < 20; ++i) mixed.u8(0).u8(i).u8(1).u8(1).u8(i).u8(2).u8(3).u8(9);
  mixed.u8(2).u8(1).u8(4).u8(2).u8(3).u8(3);
  return {full, mixed};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  GossipQueue queue(Tuning{}.gossip_bytes);
  std::map<wire::IdPrefix, std::uint64_t> newest;  // pushed and not dropped
  std::map<wire::IdPrefix, unsigned> sent;         // since then
  while (!in.empty()) {
    const std::size_t what = in.below(6);
    const wire::IdPrefix subject = prefix(in.below(256));
    if (what == 0) {
      newest[subject] = in.u8();
      sent[subject] = 0;
      queue.push(wire::Reference{subject, {newest[subject]}, wire::Verdict::alive, {}});
    } else if (what == 1) {
      wire::Suspicion suspicion;
      suspicion.subject.subject = subject;
      suspicion.accuser = prefix(1 + in.below(20));
      queue.push(suspicion);
    } else if (what == 2) {
      queue.drop(subject);
      newest.erase(subject);
    } else if (what == 3) {
      queue.drop_suspicions(subject);
    } else {
      const unsigned budget = 1 + static_cast<unsigned>(in.below(12));
      wire::Gossip gossip;
      queue.fill(gossip, budget);
      KITH_ASSERT(size_of(gossip) <= Tuning{}.gossip_bytes);
      KITH_ASSERT(gossip.references.size() <= wire::references_limit);
      KITH_ASSERT(gossip.suspicions.size() <= wire::suspicions_limit);
      for (const wire::Reference& reference : gossip.references) {
        KITH_ASSERT(newest.at(reference.subject) == reference.incarnation.value);
        KITH_ASSERT(++sent[reference.subject] <= 12);
      }
      for (const wire::Suspicion& suspicion : gossip.suspicions)
        KITH_ASSERT(std::count(gossip.suspicions.begin(), gossip.suspicions.end(), suspicion) == 1);
    }
    KITH_ASSERT(queue.size() <= gossip_limit);
    KITH_ASSERT(queue.empty() == (queue.size() == 0));
  }
  return 0;
}
