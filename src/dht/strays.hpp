// Strays: records that we hold and are no keeper of any more. Their keepers have them, for whoever
// came to count fetched them first; but where two networks met, or the two sides of a long cut,
// none of the new keepers may ever have had them. So each is read once as a client would: a read
// goes by our own copy too and writes the latest back to a quorum. It is looked at again when its
// base is another.
#pragma once

#include <functional>
#include <map>

#include "get.hpp"

namespace kith::dht {

class Strays {
 public:
  using Launch = std::function<OperationId(const RecordId& stray)>;  // a Get of it
  Strays(Context& context, Launch launch) : context_(context), launch_(std::move(launch)) {}

  void look();  // we are synced
  void on_brought(const Get& get);
  void stop() { stopped_ = true; }

 private:
  struct Home {
    wire::BaseDigest base;
    Version version;
    bool operator==(const Home&) const = default;
  };
  void bring();

  Context& context_;
  Launch launch_;
  std::map<RecordId, Home> home_, away_;  // known to be there; still to be brought
  std::map<OperationId, std::pair<RecordId, Home>> bringing_;
  std::uint64_t epoch_ = 0;  // of the view when we looked; 0: not all were brought
  bool stopped_ = false;
};

}  // namespace kith::dht
