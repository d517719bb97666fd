// Metrics: the node's and the process's figures as Prometheus text. One file pays for the library.
#pragma once

#include "kith/control/api.hpp"

namespace kith::control {

struct Api::Metrics {
  explicit Metrics(const std::string& version);
  ~Metrics();
  std::string text(const node::Snapshot& snapshot, const ProcessFigures& figures);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith::control
