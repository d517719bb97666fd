#include "netlink.hpp"

#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

namespace kith::runtime {
namespace {

constexpr std::size_t answer_bytes = 64 << 10;
constexpr int message_limit = 8192;
constexpr int answer_wait_ms = 1000;  // the kernel answers at once; never hang on it

template <class T>
T read_as(ByteView bytes) {
  T out{};
  std::memcpy(&out, bytes.data(), sizeof out);
  return out;
}

}  // namespace

Fd open_netlink(std::uint32_t groups) {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  if (fd && ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return Fd();
  return fd;
}

bool each_message(ByteView received, const OnMessage& message) {
  while (received.size() >= sizeof(nlmsghdr)) {
    const auto header = read_as<nlmsghdr>(received);
    if (header.nlmsg_len < NLMSG_HDRLEN || header.nlmsg_len > received.size()) return false;
    if (header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR) return false;
    message(header.nlmsg_type, received.first(header.nlmsg_len).subspan(NLMSG_HDRLEN));
    received =
        received.subspan(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), received.size()));
  }
  return true;
}

void dump_table(int fd, std::uint16_t request, const OnMessage& message) {
  struct {
    nlmsghdr header;
    rtgenmsg general;
  } ask{};
  ask.header.nlmsg_len = NLMSG_LENGTH(sizeof ask.general);
  ask.header.nlmsg_type = request;
  ask.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  ask.general.rtgen_family = AF_UNSPEC;
  if (::send(fd, &ask, ask.header.nlmsg_len, 0) < 0) return;
  Bytes buffer(answer_bytes);
  int messages = 0;
  while (messages < message_limit) {
    pollfd readable{fd, POLLIN, 0};
    if (::poll(&readable, 1, answer_wait_ms) <= 0) return;
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got <= 0) return;
    const ByteView received(buffer.data(), static_cast<std::size_t>(got));
    const bool more = each_message(received, [&](std::uint16_t type, ByteView body) {
      ++messages;
      message(type, body);
    });
    if (!more) return;
  }
}

void each_attribute(ByteView body, std::size_t head,
                    const std::function<void(std::uint16_t, ByteView)>& attribute) {
  head = NLMSG_ALIGN(head);
  if (body.size() < head) return;
  ByteView rest = body.subspan(head);
  while (rest.size() >= sizeof(rtattr)) {
    const auto header = read_as<rtattr>(rest);
    if (header.rta_len < sizeof(rtattr) || header.rta_len > rest.size()) return;
    attribute(header.rta_type & NLA_TYPE_MASK, rest.first(header.rta_len).subspan(RTA_LENGTH(0)));
    rest = rest.subspan(std::min<std::size_t>(RTA_ALIGN(header.rta_len), rest.size()));
  }
}

}  // namespace kith::runtime
