// A case file: who accuses counts once and in any order, the ruling follows from what is in it, and
// the certificate it yields is bounded and made of what was put in.
#include "constants.hpp"
#include "suspicion.hpp"
#include "target.hpp"

using namespace kith;
using namespace kith::membership;

namespace {

const Instant start{seconds(100)};

using Accusations = std::vector<std::pair<NodeId, Accusation>>;

Case filled(const Accusations& accusations, Evidence evidence) {
  Case file({3}, start, start - seconds(1));
  file.see(evidence, start);
  for (const auto& [accuser, said] : accusations) file.accuse(accuser, said.suspicion, said.heard);
  return file;
}

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  return {fuzz::Script().u8(1).u8(3).u8(2).u8(2).u8(0x80).u8(3).u8(1).u8(2).u8(3),
          fuzz::Script().u8(2).u8(0).u8(0).u8(0).u8(0xf0).u8(0),
          fuzz::Script().u8(1).u8(5).u8(3).u8(3).u8(0xc0).u8(40).raw(Bytes(40, 9))};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  const auto evidence = static_cast<Evidence>(in.below(3));
  const Standing standing{in.below(6), in.below(4), in.below(4), Instant{}};
  const Instant now = start + in.pause();
  Accusations accusations;
  for (std::size_t left = in.below(64); left > 0; --left) {
    NodeId accuser;
    accuser.bytes[0] = in.u8();
    const bool known = std::any_of(accusations.begin(), accusations.end(),
                                   [&](const auto& one) { return one.first == accuser; });
    wire::Suspicion suspicion;
    suspicion.accuser = wire::prefix_of(accuser);
    const Instant heard = start + milliseconds(in.below(8) * 500);
    if (!known) accusations.push_back({accuser, {suspicion, heard}});
  }
  const Case file = filled(accusations, evidence);
  const Ruling ruling = file.rule(standing, now);
  KITH_ASSERT(file.accusers().size() == std::min(accusations.size(), accusers_limit));
  KITH_ASSERT(file.certificate().size() <= certificate_limit);
  KITH_ASSERT(file.next_look(now) > now);
  if (ruling == Ruling::dead) {
    KITH_ASSERT(standing.open() && file.accusers().size() >= standing.quorum);
    KITH_ASSERT(now - start >= window(evidence));
    const auto claimed =
        std::count_if(file.accusers().begin(), file.accusers().end(), [&](const auto& one) {
          return now - (one.second.heard - question_time) >= window(evidence);
        });
    KITH_ASSERT(static_cast<std::size_t>(claimed) >= standing.quorum);
    KITH_ASSERT(file.certificate().size() >= std::min(standing.quorum, certificate_limit));
  }
  if (ruling == Ruling::alone) KITH_ASSERT(standing.gate == 0 && evidence != Evidence::none);

  if (accusations.size() <= accusers_limit) {
    std::reverse(accusations.begin(), accusations.end());
    const Case other = filled(accusations, evidence);
    KITH_ASSERT(other.rule(standing, now) == ruling && other.certificate() == file.certificate());
  }
  return 0;
}
