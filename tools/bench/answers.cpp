// How many gets one daemon answers a second over real sockets, beside a bare recvmmsg/sendmmsg echo
// of the same datagram sizes in the same run.
//
// The asker is a member of the daemon's network: real Session and Membership machines on a socket
// of its own. It never syncs, so it never counts and never holds a copy.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>
#include <thread>

#include "bench.hpp"
#include "daemons.hpp"
#include "kith/base/visit.hpp"
#include "kith/control/network_file.hpp"
#include "kith/crypto/hash.hpp"
#include "kith/dht/dht.hpp"
#include "kith/membership/membership.hpp"
#include "kith/runtime/clock.hpp"
#include "kith/session/session.hpp"
#include "socket.hpp"

namespace kith::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t window = 256;  // questions outstanding
constexpr auto span = std::chrono::seconds(3);

// --- the bare echo ------------------------------------------------------------------------------

double echo_rate(std::size_t question, std::size_t answer) {
  Socket server, client;
  const pid_t pid = ::fork();
  if (pid == 0) {
    const Buffer reply{Bytes(answer, 1)};
    for (;;) {
      server.receive(1000, [&](const Endpoint& from, ByteView) { server.queue(from, reply); });
      server.flush();
    }
  }
  const Buffer ask{Bytes(question, 2)};
  std::size_t outstanding = 0, answered = 0;
  const auto start = Clock::now();
  while (Clock::now() - start < span) {
    for (; outstanding < window; ++outstanding) client.queue(server.endpoint, ask);
    client.flush();
    const std::size_t got = client.receive(20, [](const Endpoint&, ByteView) {});
    if (got == 0) outstanding = 0;  // lost: start the window anew
    outstanding -= std::min(outstanding, got);
    answered += got;
  }
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  return static_cast<double>(answered) /
         std::chrono::duration<double>(Clock::now() - start).count();
}

// --- the asker ----------------------------------------------------------------------------------

class Asker {
 public:
  Asker(const control::NetworkFile& file, const Endpoint& daemon)
      : identity_(std::make_shared<const crypto::Identity>(
            crypto::Identity::from_seed(runtime::system_entropy()))),
        network_(crypto::network_id(file.root, file.name)),
        session_(session_config(file), identity_, Rng(1), runtime::system_entropy()),
        membership_(membership_config(), identity_, Rng(2)) {
    feed(session::DialRequested{{1}, daemon, std::nullopt, false});
  }

  void run_until(const std::function<bool()>& done) {
    const auto limit = Clock::now() + std::chrono::seconds(20);
    while (!done()) {
      if (Clock::now() > limit) throw std::runtime_error("the daemon did not take the asker in");
      turn(5);
    }
  }
  void turn(int timeout_ms) {
    socket_.flush();
    socket_.receive(timeout_ms, [&](const Endpoint& from, ByteView bytes) {
      feed(session::DatagramReceived{from, bytes});
    });
    const Now now = runtime::now();
    if (auto due = session_.next_deadline(); due && *due <= now.mono) {
      session_.expire(now, from_session_);
      pump();
    }
    if (auto due = membership_.next_deadline(); due && *due <= now.mono) {
      membership_.expire(now, from_membership_);
      pump();
    }
  }

  void ask(const RecordId& record) {
    wire::Fetch fetch{{{++last_}, 5000, Lane::data, 0}, {}, record, wire::Want::value};
    feed(session::SendRequested{*peer_, wire::encode(fetch), Lane::data});
  }

  bool joined() const { return peer_ && membership_.live_count() > 1; }
  std::size_t answered = 0, found = 0;

 private:
  session::Config session_config(const control::NetworkFile& file) const {
    session::Config config;
    config.mode = Mode::private_;
    config.network = network_;
    config.psk = file.psk;
    config.incarnation = {static_cast<std::uint64_t>(runtime::now().wall.value)};
    config.boot.bytes.fill(7);
    return config;
  }
  membership::Config membership_config() const {
    membership::Config config;
    config.mode = Mode::private_;
    config.network = network_;
    config.boot.bytes.fill(7);
    config.name = "asker";
    config.addresses = {socket_.endpoint};
    return config;
  }

  void feed(const session::Input& input) {
    session_.step(input, runtime::now(), from_session_);
    pump();
  }
  void tell(const membership::Input& input) {
    membership_.step(input, runtime::now(), from_membership_);
  }

  void pump() {
    while (!from_session_.empty() || !from_membership_.empty()) {
      for (session::Output& output : from_session_.take()) lift(std::move(output));
      for (membership::Output& output : from_membership_.take()) lift(std::move(output));
    }
  }
  void lift(session::Output output) {
    if (auto* transmit = std::get_if<session::Transmit>(&output))
      socket_.queue(transmit->to, std::move(transmit->bytes));
    else if (auto* order = std::get_if<Compute>(&output))
      session_.step(Computed{order->token, order->job->run()}, runtime::now(), from_session_);
    else if (auto* up = std::get_if<session::Established>(&output)) {
      peer_ = up->peer;
      tell(membership::PeerEstablished{up->peer, up->key});
    } else if (auto* received = std::get_if<session::Received>(&output)) {
      const auto message = wire::decode(received->message);
      if (!message) return;
      if (const auto* fetched = std::get_if<wire::Fetched>(&*message)) {
        ++answered;
        found += fetched->record.empty() ? 0 : 1;
        return;
      }
      tell(membership::PeerHeard{received->from});
      tell(membership::MessageReceived{received->from, &*message, received->message.size(), false});
    }
  }
  void lift(membership::Output output) {
    if (auto* send = std::get_if<membership::SendMessage>(&output))
      session_.step(session::SendRequested{send->to, send->message, Lane::membership},
                    runtime::now(), from_session_);
    else if (auto* order = std::get_if<Compute>(&output))
      tell(Computed{order->token, order->job->run()});
    else if (auto* persist = std::get_if<Persist>(&output))
      tell(Persisted{persist->token});
    else if (auto* known = std::get_if<membership::Introduce>(&output))
      session_.step(session::PeerIntroduced(known->record), runtime::now(), from_session_);
  }

  Socket socket_;
  std::shared_ptr<const crypto::Identity> identity_;
  NetworkId network_;
  session::Session session_;
  membership::Membership membership_;
  session::Session::Outbox from_session_;
  membership::Membership::Outbox from_membership_;
  std::optional<NodeId> peer_;
  std::uint64_t last_ = 0;
};

double answer_rate(Asker& asker, const std::function<RecordId(std::size_t)>& record_at) {
  std::size_t asked = 0;
  const std::size_t before = asker.answered, found_before = asker.found;
  const auto start = Clock::now();
  auto progress = start;
  std::size_t seen = asker.answered;
  while (Clock::now() - start < span) {
    while (asked - (asker.answered - before) < window) asker.ask(record_at(asked++));
    asker.turn(20);
    if (asker.answered != seen) {
      seen = asker.answered;
      progress = Clock::now();
    } else if (Clock::now() - progress > std::chrono::milliseconds(50)) {
      asked = asker.answered - before;  // lost: start the window anew
      progress = Clock::now();
    }
  }
  const double took = std::chrono::duration<double>(Clock::now() - start).count();
  if (asker.found - found_before < (asker.answered - before) * 9 / 10)
    throw std::runtime_error("the daemon did not find what it holds");
  return static_cast<double>(asker.answered - before) / took;
}

}  // namespace

Rows answers() {
  control::NetworkFile file;
  file.name = "bench";
  file.root = runtime::system_entropy();
  file.psk = runtime::system_entropy();
  const std::string path = (std::filesystem::temp_directory_path() /
                            ("kith-bench-" + std::to_string(::getpid()) + ".network"))
                               .string();
  std::ofstream(path) << control::network_file_json(file);
  struct Remove {
    std::string path;
    ~Remove() { ::unlink(path.c_str()); }
  } remove{path};

  Daemons daemon(1, {"--network-file", path, "--no-lan"});
  daemon.wait_until_all("\"synced\":true");
  // 100 B values that the cache holds, and more 800 B values than it can (1 KiB would go by
  // stream).
  constexpr std::size_t warm_keys = 64, cold_keys = 16'000, writers = 64;
  for (std::size_t i = 0; i < warm_keys; ++i)
    daemon.fetch(0, "PUT", "/v1/kv/warm-" + std::to_string(i), std::string(100, 'x'));
  std::vector<std::thread> threads;
  for (std::size_t w = 0; w < writers; ++w)
    threads.emplace_back([&, w] {
      for (std::size_t i = w; i < cold_keys; i += writers)
        daemon.fetch(0, "PUT", "/v1/kv/cold-" + std::to_string(i), std::string(800, 'x'));
    });
  for (std::thread& thread : threads) thread.join();

  Asker asker(file, daemon.endpoint(0));
  asker.run_until([&] { return asker.joined() && daemon.says(0, "/v1/status", "\"alive\":2"); });
  const auto record = [&](const std::string& name) {
    return dht::record_id(file.root, wire::Kind::value, {}, name);
  };
  std::vector<RecordId> warm, cold;
  for (std::size_t i = 0; i < warm_keys; ++i) warm.push_back(record("warm-" + std::to_string(i)));
  for (std::size_t i = 0; i < cold_keys; ++i) cold.push_back(record("cold-" + std::to_string(i)));
  Rng rng(5);

  // A question and an answer as they are on the wire; the echo moves the same sizes.
  const double echo = echo_rate(29 + 64, 29 + 380);
  const double cached = answer_rate(asker, [&](std::size_t i) { return warm[i % warm.size()]; });
  const double echo_again = echo_rate(29 + 64, 29 + 380);
  const double missed =
      answer_rate(asker, [&](std::size_t) { return cold[rng.below(cold.size())]; });
  const double limit = (echo + echo_again) / 2;
  return {{"cached get answers of 100 B, one daemon", cached, "1/s", "bare recvmmsg/sendmmsg echo",
           limit},
          {"cold get answers of 800 B", missed, "1/s", "bare recvmmsg/sendmmsg echo", limit}};
}

}  // namespace kith::bench
