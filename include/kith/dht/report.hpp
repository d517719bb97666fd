// Reports: the definite answer every put, get and lookup ends with. Nothing here is ever
// optimistic: `stored` counts receipts given after a disk, `complete` means a read quorum of the
// base answered.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "kith/base/buffer.hpp"
#include "kith/base/ids.hpp"
#include "kith/base/time.hpp"
#include "kith/wire/record.hpp"

namespace kith::dht {

enum class Consistency : std::uint8_t { one, quorum, all };

enum class PutOutcome : std::uint8_t {
  applied,   // at least `needed` base members have it on disk
  unknown,   // the deadline passed with fewer; it may still spread
  rejected,  // a replica gave a reason and it will not be stored
};

struct PutReport {
  std::string name;
  RecordId id;
  wire::Kind kind = wire::Kind::value;
  Sequence sequence;
  std::size_t bytes = 0;
  PutOutcome outcome = PutOutcome::unknown;
  std::size_t needed = 0, asked = 0;  // of the base fixed at the start
  std::vector<NodeId> stored;         // base members first; stand-ins after them
  std::size_t stored_base = 0;        // how many of `stored` count
  std::size_t rounds = 0;             // times the replicas were asked; resends do not count
  std::string reason;                 // of a rejection, or why it is unknown
  Duration took{};
};

struct GetReport {
  std::string name;
  RecordId id;
  wire::Kind kind = wire::Kind::value;
  bool found = false;
  Buffer value;
  Sequence sequence;
  NodeId writer;
  bool complete = false;
  std::size_t needed = 0, asked = 0, responded = 0;
  std::string reason;  // why it is not complete
  Duration took{};
};

struct LookupReport {
  struct Replica {
    NodeId id;
    std::size_t rank = 0;
    int distance_bits = 0;
    bool base = false;
  };
  struct Step {
    NodeId peer;
    Duration rtt{};
    std::size_t fresh = 0, nearer = 0;
  };
  std::string name;
  RecordId id;
  std::vector<Replica> replicas;
  std::vector<Step> steps;
  Duration took{};
};

using Report = std::variant<PutReport, GetReport, LookupReport>;
using ReportPtr = std::shared_ptr<const Report>;

}  // namespace kith::dht
