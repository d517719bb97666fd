// Checker: an observer that owns one sentence about the world, and says when it does not hold.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agenda.hpp"
#include "kith/node/node.hpp"
#include "kith/sim/run.hpp"

namespace kith::sim {

class World;

struct Operation {  // a client's
  Event event;
  std::string key;
  HostIndex at = 0;
  Instant begun;
  std::optional<Instant> ended;
  dht::ReportPtr report;  // null: the process died first
  std::string value;      // of a put
};

class Checker {
 public:
  virtual ~Checker() = default;
  virtual std::string_view sentence() const = 0;

  virtual void on_fault(World&, const Event&, bool /*begins*/) {}
  virtual void on_send(World&, HostIndex, const session::Transmit&) {}
  virtual void on_datagram(World&, HostIndex, ByteView) {}  // about to be handed to its node
  virtual void on_output(World&, HostIndex, const node::Output&) {}
  virtual void on_asked(World&, const Operation&) {}
  virtual void on_ended(World&, const Operation&) {}
  virtual void on_second(World&) {}
  // Second phase: empty when content, else what is not yet as it must be. Asked once a second; the
  // last answer is a finding when the scenario ends.
  virtual std::string lacking(World&) { return {}; }
};

std::vector<std::unique_ptr<Checker>> all_checkers();

}  // namespace kith::sim
