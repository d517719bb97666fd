#include "measure.hpp"

#include <algorithm>

#include "world.hpp"

namespace kith::sim {

void Measure::on_fault(World& world, const Event& event, bool begins) {
  if (event.act == Act::kill && begins)
    for (const HostIndex host : event.hosts) {
      figures_.deaths.push_back({world.elapsed(), host, {}});
      seen_alive_[host].clear();
    }
  if (event.act != Act::cut) return;
  healing_ = !begins;
  if (!begins) figures_.healings.push_back({world.elapsed(), {}});
}

void Measure::on_output(World& world, HostIndex index, const node::Output& output) {
  const auto* news = std::get_if<node::MemberNews>(&output);
  if (!news) return;
  const auto of = world.index_of(news->member->id);
  if (of && *of != index) heard(world, index, *of, news->member->verdict);
}

void Measure::heard(World& world, HostIndex by, HostIndex of, wire::Verdict verdict) {
  if (verdict == wire::Verdict::alive)
    seen_alive_[by].insert(of);
  else
    seen_alive_[by].erase(of);
  if (verdict == wire::Verdict::dead && !world.host(of).up()) {
    const auto death = std::find_if(figures_.deaths.rbegin(), figures_.deaths.rend(),
                                    [&](const Figures::Death& d) { return d.host == of; });
    if (death != figures_.deaths.rend()) death->told.try_emplace(by, world.elapsed() - death->at);
  }
  if (!healing_ || !whole(world)) return;
  healing_ = false;
  figures_.healings.back().whole = world.elapsed() - figures_.healings.back().at;
}

bool Measure::whole(const World& world) const {
  std::size_t up = 0;
  for (const Host& host : world.hosts()) up += host.up();
  for (HostIndex i = 0; i < world.hosts().size(); ++i) {
    if (!world.host(i).up()) continue;
    const auto seen = seen_alive_.find(i);
    if (seen == seen_alive_.end() || seen->second.size() + 1 != up) return false;
  }
  return true;
}

void Measure::on_asked(World& world, const Operation& operation) {
  if (operation.event.act != Act::put || sent_before_) return;
  sent_before_ = sent_;
  commits_before_ = world.tally().commits;
}

void Measure::on_ended(World&, const Operation& operation) {
  if (operation.event.act != Act::put) return;
  const auto* put =
      operation.report ? std::get_if<dht::PutReport>(operation.report.get()) : nullptr;
  if (!put || put->outcome != dht::PutOutcome::applied) return;
  figures_.puts.push_back(*operation.ended - operation.begun);
  figures_.rounds += put->rounds;
}

Figures Measure::figures(const World& world) const {
  Figures figures = figures_;
  if (!sent_before_) return figures;
  figures.commits = world.tally().commits - *commits_before_;
  figures.datagrams = sent_ - *sent_before_;
  return figures;
}

}  // namespace kith::sim
