// Measure: watches a run and says how long things took in it, for a comparison with real daemons.
#pragma once

#include <set>

#include "checker.hpp"

namespace kith::sim {

class Measure final : public Checker {
 public:
  std::string_view sentence() const override { return "measures, and claims nothing"; }
  Figures figures(const World& world) const;  // so far

  void on_fault(World& world, const Event& event, bool begins) override;
  void on_send(World&, HostIndex, const session::Transmit&) override { ++sent_; }
  void on_output(World& world, HostIndex index, const node::Output& output) override;
  void on_asked(World& world, const Operation& operation) override;
  void on_ended(World& world, const Operation& operation) override;

 private:
  void heard(World& world, HostIndex by, HostIndex of, wire::Verdict verdict);
  bool whole(const World& world) const;

  Figures figures_;
  std::map<HostIndex, std::set<HostIndex>> seen_alive_;  // by whom; others only
  bool healing_ = false;                                 // a cut ended and not all see all
  std::uint64_t sent_ = 0;
  std::optional<std::uint64_t> sent_before_, commits_before_;  // the first put
};

}  // namespace kith::sim
