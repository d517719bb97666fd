// Joins: the user's `join` operations in flight, and the table of attempts each ends with.
#pragma once

#include <map>
#include <optional>

#include "kith/node/node.hpp"

namespace kith::node {

class Joins {
 public:
  void begin(const JoinRequested& request, Now now);
  // A dial for some target began; `user` 0: nobody waits for it, but its failure is news.
  void dialling(Ticket dial, Ticket user, std::string target, const Endpoint& endpoint);
  struct Ended {
    Ticket user;  // 0: a target of the configuration
    JoinReport report;
  };
  // Set: news for whoever follows the events, nobody waits for it.
  std::optional<Ended> unresolved(Ticket user, std::string target);
  // What a finished dial means; nullopt: the operation goes on, or it was no join's dial.
  // `apart`: that lan network holds records and so does ours; trying again changes nothing.
  std::optional<Ended> finished(const session::DialFinished& done, bool apart);
  // Where a dial of ours went.
  std::optional<Endpoint> place_of(Ticket dial) const;
  std::vector<Ended> expired(Now now);
  std::optional<Instant> next_deadline() const;
  // The dial that asked this address, if one is in flight.
  std::optional<Ticket> dial_to(const Endpoint& endpoint) const;

 private:
  struct Operation {
    Instant deadline;
    JoinReport report;
  };
  struct Dial {
    Ticket user;
    std::string target;
    Endpoint endpoint;
  };
  std::map<Ticket, Operation> operations_;
  std::map<Ticket, Dial> dials_;
};

}  // namespace kith::node
