// Image check: what was promised before the power failed, and whether a directory still holds it.
#pragma once

#include <map>
#include <vector>

#include "call_log.hpp"
#include "settings.hpp"

namespace kith::crash {

using Value = std::optional<Bytes>;  // nothing: deleted, or never written

// What the workload's marks add up to.
class Promises {
 public:
  // "id X", "incarnation N", "token X", "try K", "drop K", "ack K"; "forsake all": another network
  // is being taken over, what was written in the old one may go
  void mark(const Call& mark);
  std::size_t marks() const { return marks_; }

  // What of it does not hold for the image at `data`; empty: all of it does.
  std::string broken(const std::filesystem::path& data) const;
  // The same after more was written to it and it was opened once again.
  std::string broken_after_writes(const std::filesystem::path& data) const;

 private:
  struct Key {
    Value acknowledged;
    std::vector<Value> tried;  // since
    bool allows(const Value& found) const;
  };
  std::map<std::string, Key> keys_;
  std::string id_, token_;
  std::uint64_t incarnation_ = 0;
  std::size_t marks_ = 0;
};

}  // namespace kith::crash
