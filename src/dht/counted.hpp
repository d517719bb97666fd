// Counted: who counts, as our disk knows it. After a restart no base may be smaller than it was, so
// what others go by is on disk before they are told: a promise to count somebody, and our stamp.
#pragma once

#include <optional>
#include <vector>

#include "context.hpp"

namespace kith::dht {

class Counted {
 public:
  explicit Counted(Context& context) : context_(context) {}

  void begin();  // what the view remembers from the last run is what the disk has
  void note();   // the view may have changed: written in a while
  void tell();   // written now, where it has changed
  bool writing() const { return writing_.has_value(); }
  // A promise, given when what is being written is on disk, refused when the disk refuses.
  // Precondition: writing().
  void reply_when_told(const NodeId& to, wire::Fetched reply);
  bool on_disk(Token token, bool written);  // false: not ours
 private:
  struct Promise {
    Token on_disk;
    NodeId to;
    wire::Fetched reply;
  };

  Context& context_;
  std::uint64_t epoch_ = 0;     // of the view, as told
  std::optional<Hash256> ids_;  // of those told, and how they count: to see whether it changed
  std::optional<Token> writing_;
  std::vector<Promise> waiting_;
};

}  // namespace kith::dht
