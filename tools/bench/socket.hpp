// Socket: bare UDP for the benches, as the daemon does it: poll, recvmmsg, sendmmsg.
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "kith/base/address.hpp"
#include "kith/base/buffer.hpp"

namespace kith::bench {

inline sockaddr_in address_of(const Endpoint& to) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(to.port);
  std::memcpy(&out.sin_addr, to.ip.bytes.data() + 12, 4);
  return out;
}

// A UDP socket, drained and filled in batches; on loopback unless told.
class Socket {
 public:
  explicit Socket(IpAddress ip = IpAddress::v4(127, 0, 0, 1))
      : fd_(::socket(AF_INET, SOCK_DGRAM, 0)) {
    sockaddr_in any = address_of({ip, 0});
    if (::bind(fd_, reinterpret_cast<sockaddr*>(&any), sizeof any) != 0)
      throw std::runtime_error("cannot bind");
    const int size = 4 << 20;
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    socklen_t length = sizeof any;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&any), &length);
    endpoint = {ip, ntohs(any.sin_port)};
  }
  ~Socket() { ::close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  template <class Each>
  std::size_t receive(int timeout_ms, Each each) {
    pollfd wait{fd_, POLLIN, 0};
    if (::poll(&wait, 1, timeout_ms) <= 0) return 0;
    std::array<mmsghdr, batch> messages{};
    std::array<iovec, batch> vectors{};
    std::array<sockaddr_in, batch> names{};
    for (std::size_t i = 0; i < batch; ++i) {
      vectors[i] = {buffers_[i].data(), buffers_[i].size()};
      messages[i].msg_hdr = {&names[i], sizeof names[i], &vectors[i], 1, nullptr, 0, 0};
    }
    const int count = ::recvmmsg(fd_, messages.data(), batch, MSG_DONTWAIT, nullptr);
    for (int i = 0; i < count; ++i) {
      const auto n = static_cast<std::size_t>(i);
      IpAddress ip = IpAddress::v4(0, 0, 0, 0);
      std::memcpy(ip.bytes.data() + 12, &names[n].sin_addr, 4);
      each(Endpoint{ip, ntohs(names[n].sin_port)},
           ByteView(buffers_[n]).first(messages[n].msg_len));
    }
    return count > 0 ? static_cast<std::size_t>(count) : 0;
  }

  void queue(const Endpoint& to, Buffer bytes) {
    out_.emplace_back(to, std::move(bytes));
    if (out_.size() == batch) flush();
  }
  void flush() {
    std::array<mmsghdr, batch> messages{};
    std::array<iovec, batch> vectors{};
    std::array<sockaddr_in, batch> names{};
    for (std::size_t i = 0; i < out_.size(); ++i) {
      names[i] = address_of(out_[i].first);
      vectors[i] = {const_cast<Byte*>(out_[i].second.data()), out_[i].second.size()};
      messages[i].msg_hdr = {&names[i], sizeof names[i], &vectors[i], 1, nullptr, 0, 0};
    }
    if (!out_.empty()) ::sendmmsg(fd_, messages.data(), static_cast<unsigned>(out_.size()), 0);
    out_.clear();
  }

  Endpoint endpoint;

 private:
  static constexpr std::size_t batch = 32;
  int fd_;
  std::array<std::array<Byte, 1500>, batch> buffers_;
  std::vector<std::pair<Endpoint, Buffer>> out_;
};

}  // namespace kith::bench
