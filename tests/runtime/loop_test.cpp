#include <sys/socket.h>
#include <sys/un.h>

#include <csignal>
#include <thread>

#include "kith/runtime/drive.hpp"
#include "kith/runtime/jobs.hpp"
#include "kith/runtime/notify.hpp"
#include "kith/runtime/resolve.hpp"
#include "world.hpp"

using namespace kith;
using kith::test::wait;
using runtime::now;

TEST_CASE("runtime/clock: both clocks run, entropy differs") {
  const Now a = now();
  CHECK_GT(a.wall.value, 1'700'000'000'000);
  CHECK_LE(a.mono, now().mono);
  CHECK_NE(runtime::system_entropy(), runtime::system_entropy());
}

TEST_CASE(
    "runtime/loop: a deadline fires not before its time, in the past at once, cancelled never") {
  runtime::Loop loop;
  int fired = 0;
  loop.on_deadline([&] { ++fired; });
  const Instant when = now().mono + milliseconds(20);
  loop.set_deadline(when);
  REQUIRE(wait(loop, [&] { return fired == 1; }));
  CHECK_GE(now().mono, when);
  loop.set_deadline(Instant{});
  REQUIRE(wait(loop, [&] { return fired == 2; }));
  loop.set_deadline(now().mono + milliseconds(5));
  loop.set_deadline(std::nullopt);
  loop.run_until([] { return false; }, milliseconds(30));
  CHECK_EQ(fired, 2);
}

TEST_CASE("runtime/loop: posts come from any thread, a turn ends after them, signals are events") {
  runtime::Loop loop;
  int posted = 0, turns = 0, signal = 0;
  loop.on_turn([&] { ++turns; });
  loop.on_signal([&](int number) { signal = number; });
  std::thread other([&] {
    for (int i = 0; i < 100; ++i) loop.post([&] { ++posted; });
  });
  REQUIRE(wait(loop, [&] { return posted == 100; }));
  other.join();
  CHECK_GE(turns, 1);
  CHECK_LE(turns, 101);
  ::raise(SIGTERM);
  REQUIRE(wait(loop, [&] { return signal == SIGTERM; }));
  loop.post([&] { loop.stop(); });
  loop.run();
}

namespace {

struct Square final : Job {
  explicit Square(int n) : number(n) {}
  struct Result final : JobResult {
    int value = 0;
  };
  std::unique_ptr<JobResult> run() const override {
    auto result = std::make_unique<Result>();
    result->value = number * number;
    return result;
  }
  int number;
};

}  // namespace

TEST_CASE("runtime/jobs: one worker answers every job, in order, on the loop") {
  runtime::Loop loop;
  std::vector<int> values;
  const auto here = std::this_thread::get_id();
  runtime::Jobs jobs(loop, 1, [&](const Computed& computed) {
    CHECK_EQ(std::this_thread::get_id(), here);
    CHECK_EQ(computed.token.value, values.size());
    values.push_back(static_cast<const Square::Result&>(*computed.result).value);
  });
  for (int i = 0; i < 500; ++i)
    jobs.submit({Token{static_cast<std::uint64_t>(i)}, std::make_shared<Square>(i)});
  CHECK_GT(jobs.queued(), 0);
  REQUIRE(wait(loop, [&] { return values.size() == 500; }));
  CHECK_EQ(values[22], 484);
  CHECK_EQ(jobs.queued(), 0);
}

TEST_CASE("runtime/jobs: dropping the pool with work in flight is clean") {
  runtime::Loop loop;
  bool called = false;
  {
    runtime::Jobs jobs(loop, 2, [&](const Computed&) { called = true; });
    for (int i = 0; i < 50; ++i) jobs.submit({Token{}, std::make_shared<Square>(i)});
  }
  test::settle(loop);
  CHECK_FALSE(called);
}

TEST_CASE("runtime/resolve: literals, hosts and nonsense each answer once, on the loop") {
  runtime::Loop loop;
  runtime::Resolver resolver(loop);
  std::map<std::string, runtime::Resolved> answers;
  const std::string nonsense(70, 'x');  // no label may be that long: fails without asking anybody
  for (const std::string& name :
       {std::string("127.0.0.1"), std::string("::1"), std::string("localhost"), nonsense})
    resolver.resolve(name, 4747, seconds(5), [&answers, name](runtime::Resolved resolved) {
      CHECK(answers.emplace(name, std::move(resolved)).second);
    });
  CHECK(answers.empty());
  REQUIRE(wait(loop, [&] { return answers.size() == 4; }));
  CHECK_EQ(to_string(answers["127.0.0.1"].endpoints.at(0)), "127.0.0.1:4747");
  CHECK_EQ(to_string(answers["::1"].endpoints.at(0)), "[::1]:4747");
  CHECK(answers["localhost"].endpoints.at(0).ip.is_loopback());
  CHECK(answers[nonsense].endpoints.empty());
  CHECK_FALSE(answers[nonsense].error.empty());
}

TEST_CASE("runtime/notify: READY=1 arrives at an abstract socket, without one nothing happens") {
  ::unsetenv("NOTIFY_SOCKET");
  CHECK_FALSE(runtime::notify_manager("READY=1"));
  const std::string name = "@kith-test-" + std::to_string(::getpid());
  const runtime::Fd manager(::socket(AF_UNIX, SOCK_DGRAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path, sizeof address.sun_path);
  address.sun_path[0] = '\0';
  REQUIRE_EQ(::bind(manager.get(), reinterpret_cast<const sockaddr*>(&address),
                    static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())),
             0);
  ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  CHECK(runtime::notify_manager("READY=1"));
  char got[32] = {};
  CHECK_EQ(::recv(manager.get(), got, sizeof got, MSG_DONTWAIT), 7);
  CHECK_EQ(std::string(got), "READY=1");
  ::unsetenv("NOTIFY_SOCKET");
}

namespace {

// Ticks every ten milliseconds and repeats what it is told.
struct Clockwork {
  using Input = std::string;
  using Output = std::string;
  void step(const Input& input, Now, Outbox<Output>& out) { out.push("told " + input); }
  void expire(Now now, Outbox<Output>& out) {
    out.push(std::string("tick"));
    next = now.mono + milliseconds(10);
  }
  std::optional<Instant> next_deadline() const { return next; }
  Instant next = now().mono;
};

}  // namespace

TEST_CASE(
    "runtime/drive: outputs are carried out, timers fire after a drain, a late timer is sleep") {
  runtime::Loop loop;
  Clockwork machine;
  std::string trace;
  int drains = 0, ticks = 0;
  std::vector<Duration> gaps;
  runtime::World<std::string> world;
  world.carry_out = [&](std::string&& output, Now) {
    ticks += output == "tick";
    if (output != "tick") trace += output + ";";
  };
  runtime::Drive<Clockwork>* self = nullptr;
  world.drain_sockets = [&] {
    ++drains;
    return true;
  };
  world.slept = [&](Duration gap) {
    gaps.push_back(gap);
    self->step("slept", now());
  };
  runtime::Drive<Clockwork> drive(loop, machine, world);
  self = &drive;
  drive.step("hello", now());
  CHECK_EQ(trace, "told hello;");
  REQUIRE(wait(loop, [&] { return ticks == 3; }));
  CHECK_EQ(drains, 3 * 4);
  CHECK(gaps.empty());
  // The machine was suspended: the next fact arrives three seconds after its deadline.
  drive.step("late", {machine.next + seconds(3), {}});
  CHECK_EQ(trace, "told hello;told slept;told late;");
  REQUIRE_EQ(gaps.size(), 1);
  CHECK_GE(gaps[0], seconds(2));
}
