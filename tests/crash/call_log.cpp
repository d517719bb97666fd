#include "call_log.hpp"

#include <fstream>
#include <iterator>
#include <stdexcept>

#include "recorder.h"

namespace kith::crash {

std::vector<Call> read_call_log(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  const Bytes all{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  std::vector<Call> calls;
  for (std::size_t at = 0; at < all.size();) {
    crash_head head{};
    if (all.size() - at < sizeof head) throw std::runtime_error("the log is cut short");
    std::memcpy(&head, &all[at], sizeof head);
    const std::size_t next = at + sizeof head.size + head.size;
    if (next > all.size()) throw std::runtime_error("the log is cut short");
    const ByteView rest = ByteView(all).subspan(at + sizeof head, next - at - sizeof head);
    const ByteView data = rest.subspan(head.name);
    calls.push_back({static_cast<char>(head.type), head.flags != 0, head.inode, head.offset,
                     to_text(rest.first(head.name)), Bytes(data.begin(), data.end())});
    at = next;
  }
  return calls;
}

}  // namespace kith::crash
