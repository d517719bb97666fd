#include "kith/runtime/resolve.hpp"

#include <netdb.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>

#include "sockets.hpp"
#include "watch.hpp"

namespace kith::runtime {
namespace {

// Shared with the lookup threads, which may outlive the loop.
struct Mailbox {
  std::mutex mutex;
  Loop* loop = nullptr;
  int running = 0;
};

Resolved look_up(const std::string& name, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  Resolved out;
  if (const int code = ::getaddrinfo(name.c_str(), nullptr, &hints, &list)) {
    out.error = ::gai_strerror(code);
    return out;
  }
  for (const addrinfo* it = list; it; it = it->ai_next) {
    SocketAddress address;
    std::memcpy(&address.storage, it->ai_addr, it->ai_addrlen);
    Endpoint endpoint = from_sockaddr(address);
    endpoint.port = port;
    if (std::ranges::find(out.endpoints, endpoint) == out.endpoints.end())
      out.endpoints.push_back(endpoint);
  }
  ::freeaddrinfo(list);
  return out;
}

}  // namespace

struct Resolver::Impl {
  struct Lookup {
    explicit Lookup(Loop& loop) : timer(loop) {}
    Timer timer;
    std::function<void(Resolved)> done;
  };

  explicit Impl(Loop& l) : loop(l) { mailbox->loop = &l; }
  ~Impl() {
    const std::lock_guard guard(mailbox->mutex);
    mailbox->loop = nullptr;
  }

  bool start_thread(std::uint64_t number, const std::string& name, std::uint16_t port) {
    {
      const std::lock_guard guard(mailbox->mutex);
      if (mailbox->running >= running_limit) return false;
      ++mailbox->running;
    }
    const auto work = [box = mailbox, weak = std::weak_ptr(alive), this, number, name, port] {
      Resolved result = look_up(name, port);
      const std::lock_guard guard(box->mutex);
      --box->running;
      if (!box->loop) return;
      box->loop->post([weak, this, number, result = std::move(result)] {
        if (!weak.expired()) finish(number, result);
      });
    };
    try {
      std::thread(work).detach();
    } catch (const std::system_error&) {  // the machine has no thread to give
      const std::lock_guard guard(mailbox->mutex);
      --mailbox->running;
      return false;
    }
    return true;
  }

  void finish(std::uint64_t number, Resolved result) {
    const auto it = lookups.find(number);
    if (it == lookups.end()) return;  // it timed out before
    const auto done = std::move(it->second->done);
    lookups.erase(it);
    done(std::move(result));
  }

  Loop& loop;
  std::shared_ptr<Mailbox> mailbox = std::make_shared<Mailbox>();
  std::shared_ptr<int> alive = std::make_shared<int>(0);
  std::map<std::uint64_t, std::unique_ptr<Lookup>> lookups;
  std::uint64_t last = 0;
};

Resolver::Resolver(Loop& loop) : impl_(std::make_unique<Impl>(loop)) {}
Resolver::~Resolver() = default;

void Resolver::resolve(std::string name, std::uint16_t port, Duration timeout,
                       std::function<void(Resolved)> done) {
  const std::uint64_t number = ++impl_->last;
  auto lookup = std::make_unique<Impl::Lookup>(impl_->loop);
  lookup->done = std::move(done);
  const auto later = [this, number](Resolved result) {
    impl_->loop.post([weak = std::weak_ptr(impl_->alive), impl = impl_.get(), number, result] {
      if (!weak.expired()) impl->finish(number, result);
    });
  };
  lookup->timer.set(
      timeout, [impl = impl_.get(), number] { impl->finish(number, Resolved{{}, "timed out"}); });
  impl_->lookups.emplace(number, std::move(lookup));
  if (const auto ip = parse_ip(name)) return later(Resolved{{Endpoint{*ip, port}}, {}});
  if (!impl_->start_thread(number, name, port)) later(Resolved{{}, "too many lookups"});
}

}  // namespace kith::runtime
