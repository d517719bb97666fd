#include "kith/control/events.hpp"

#include <algorithm>

#include "json.hpp"

namespace kith::control {

std::string Events::line(std::uint64_t n, const EventBody& body, UnixMillis wall) const {
  return event_json(n, boot_, wall, body) + "\n";
}

void Events::add(const EventBody& body, UnixMillis wall) {
  lines_.push_back(line(++newest_, body, wall));
  if (lines_.size() > limit) lines_.pop_front();
}

std::vector<std::string> Events::after(std::uint64_t since, std::size_t most, UnixMillis wall,
                                       std::uint64_t& next) const {
  std::vector<std::string> out;
  const std::uint64_t oldest = newest_ - lines_.size() + 1;
  std::uint64_t from = since + 1;
  const bool other_boot = since > newest_;
  if (other_boot) from = oldest;
  const bool gap = from < oldest;
  if (gap || other_boot) {
    const std::uint64_t to = std::max<std::uint64_t>(oldest, 1) - 1;
    EventBody dropped{"dropped", {}, {{"from", other_boot ? 1 : since + 1}, {"to", to}}};
    out.push_back(line(to, dropped, wall));
    from = oldest;
  }
  for (std::uint64_t n = from; n <= newest_ && out.size() < most; ++n)
    out.push_back(lines_[static_cast<std::size_t>(n - oldest)]);
  next = std::max(from, std::uint64_t{1}) - 1 + (out.size() - (gap || other_boot ? 1 : 0));
  return out;
}

}  // namespace kith::control
