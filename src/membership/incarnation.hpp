// IncarnationBook: which incarnations we may use. Every one is below a mark that was written to
// disk before, so a restart never goes back, and the mark lies ahead, so that a refutation needs no
// disk. A refused disk never silences us: the wall clock orders restarts as well, and where it does
// not, a leap of chance keeps this life from what an earlier one used.
#pragma once

#include <algorithm>
#include <utility>

#include "constants.hpp"
#include "kith/base/ids.hpp"

namespace kith::membership {

class IncarnationBook {
 public:
  // `stored`: the greatest mark ever written; zero on a first start.
  IncarnationBook(Incarnation stored, UnixMillis corrected)
      : current_{std::max<std::uint64_t>(stored.value,
                                         static_cast<std::uint64_t>(corrected.value) - 1)},
        mark_(stored),
        start_(current_.next()) {}

  Incarnation current() const { return current_; }
  Incarnation start() const { return start_; }  // the first of this process: orders twins
  // The next one to use, above `floor`.
  Incarnation next(Incarnation floor) const { return std::max(current_, floor).next(); }
  bool reserved(Incarnation incarnation) const { return incarnation <= mark_; }
  bool running_low() const { return mark_.value < current_.value + incarnation_headroom / 2; }
  static Incarnation mark_for(Incarnation incarnation) {
    return {std::min(incarnation.value + incarnation_headroom, incarnation_limit - 1)};
  }
  void written(Incarnation mark) { mark_ = std::max(mark_, mark); }
  // The disk refused. `leap`: below incarnation_leap, by chance; only the first one counts.
  void refused(Incarnation mark, std::uint64_t leap) {
    if (!std::exchange(leapt_, true)) current_ = {current_.value + leap};
    mark_ = std::max({mark_, mark, mark_for(current_)});
  }
  void use(Incarnation incarnation) { current_ = incarnation; }

 private:
  Incarnation current_;
  Incarnation mark_;
  Incarnation start_;
  bool leapt_ = false;
};

}  // namespace kith::membership
