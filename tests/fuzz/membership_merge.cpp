// Records merge: whatever order they arrive in, and however often, the roster ends the same. It is
// the greatest (incarnation, hash) of each subject, alive or left as that record says.
#include "drive.hpp"
#include "kith/membership/membership.hpp"
#include "members.hpp"
#include "target.hpp"

using namespace kith;
namespace ms = kith::membership;

namespace {

struct News {
  std::size_t who;
  Buffer record;
};
using Roster = std::map<NodeId, std::pair<Buffer, wire::Verdict>>;

ms::Membership make() {
  ms::Config config;
  config.name = "self";
  config.boot.bytes.fill(1);
  return ms::Membership(config, fuzz::identity(0), Rng(7));
}

// Nothing here takes time, so no probe is due that could change what was merged.
Roster merged(const std::vector<News>& news) {
  const auto sink = [](ms::Output&& output, std::deque<ms::Input>& answers) {
    if (const auto* job = std::get_if<Compute>(&output)) answers.push_back(fuzz::answer(*job));
    if (const auto* write = std::get_if<Persist>(&output))
      answers.push_back(Persisted{write->token});
  };
  fuzz::Driver<ms::Membership> driver(make(), sink);
  driver.advance(Duration(0));
  for (const News& one : news) {
    const wire::Message message = wire::Members{{0}, {one.record}, {}};
    driver.step(ms::MessageReceived{fuzz::identity(one.who)->id(), &message, 100, false});
  }
  Roster out;
  for (const auto& seen : driver.machine.snapshot().members)
    if (!seen.self) {
      const Bytes body = wire::member_record_body(*seen.member->record);
      out[seen.member->id] = {Buffer(body), seen.member->verdict};
    }
  return out;
}

Roster expected(const std::vector<News>& news) {
  std::map<NodeId, std::tuple<Incarnation, wire::RecordHash, Buffer>> best;
  for (const News& one : news) {
    const auto decoded = wire::decode_member_record(one.record.view());
    const auto rank = std::tuple(decoded->record.incarnation, fuzz::hash_of(one.record));
    auto& held = best[fuzz::identity(one.who)->id()];
    if (std::get<2>(held).empty() || rank > std::tuple(std::get<0>(held), std::get<1>(held)))
      held = std::tuple_cat(rank, std::tuple(one.record));
  }
  Roster out;
  for (const auto& [id, held] : best) {
    const auto decoded = wire::decode_member_record(std::get<2>(held).view());
    out[id] = {std::get<2>(held).first(decoded->body_size),
               decoded->record.leaving ? wire::Verdict::left : wire::Verdict::alive};
  }
  return out;
}

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Script script;
  for (std::size_t i = 0; i < 12; ++i) script.u8(i).u8(i * 29);
  return {script, fuzz::Script().u8(0).u8(2).u8(0).u8(1).u8(0).u8(0x1e)};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, std::min<std::size_t>(size, 32));
  std::vector<News> news;
  while (!in.empty()) {
    const std::size_t who = 1 + in.below(5);
    news.push_back({who, fuzz::member_record(in, who)});
  }
  const Roster once = merged(news);
  KITH_ASSERT(once == expected(news));
  std::vector<News> backwards(news.rbegin(), news.rend());
  KITH_ASSERT(merged(backwards) == once);
  backwards.insert(backwards.end(), news.begin(), news.end());
  KITH_ASSERT(merged(backwards) == once);
  return 0;
}
