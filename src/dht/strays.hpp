// Strays: records that we hold and are no keeper of any more. Their keepers have them, for whoever
// came to count fetched them first; but where two networks met, or the two sides of a long cut,
// none of the new keepers may ever have had them. So each is read once as a client would: a read
// goes by our own copy too and writes the latest back to a quorum. Then it is home, and ours is
// dropped: later versions would pass it by, and it would outlive them.
#pragma once

#include <functional>
#include <map>
#include <set>

#include "get.hpp"

namespace kith::dht {

class Strays {
 public:
  struct Orders {
    std::function<OperationId(const RecordId& stray)> get;
    std::function<void(const RecordId& stray, const Version& at_most)> drop;
  };
  Strays(Context& context, Orders orders) : context_(context), orders_(std::move(orders)) {}

  void look();  // when who counts has changed, and at times for those that could not be brought
  void on_brought(const Get& get);
  void stop() { stopped_ = true; }

 private:
  void bring();
  bool strayed(const RecordId& id) const;
  bool being_brought(const RecordId& id) const;

  Context& context_;
  Orders orders_;
  std::set<RecordId> away_;  // still to be brought
  std::map<OperationId, std::pair<RecordId, Version>> bringing_;
  std::uint64_t epoch_ = 0;  // of the view when we looked
  bool failed_ = false;      // some could not be brought since
  bool stopped_ = false;
};

}  // namespace kith::dht
