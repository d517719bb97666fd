// The node: the composition under the laws, and the seams between its rooms.
#include "kith/node/node.hpp"

#include <deque>

#include "../wire/samples.hpp"
#include "kith/base/visit.hpp"
#include "kith/crypto/hash.hpp"
#include "laws.hpp"

using namespace kith;
using namespace kith::node;

namespace {

const Now start{Instant(seconds(1000)), UnixMillis{1'760'000'000'000}};

std::shared_ptr<const crypto::Identity> identity(Byte fill) {
  ByteArray<32> seed{};
  seed.fill(fill);
  return std::make_shared<const crypto::Identity>(crypto::Identity::from_seed(seed));
}

Config config_of(Byte fill, std::uint64_t generation = 0) {
  Config config;
  config.mode = Mode::private_;
  config.network_name = "home";
  config.root = Bytes(32, 7);
  config.boot.bytes.fill(fill);
  config.name = "node-" + std::to_string(fill);
  config.lan_discovery = false;
  config.listen = {{IpAddress::v4(127, 0, 0, 1), static_cast<std::uint16_t>(1000 + fill)}};
  config.advertise = config.listen;
  config.generation = generation;
  config.seed = fill;
  config.secret_seed[0] = fill;
  return config;
}

// A value as some member wrote it an hour ago; at the start a node takes what its disk has.
Buffer shared_record() {
  wire::Record record;
  record.id.bytes.fill(3);
  record.sequence = {static_cast<std::uint64_t>(start.wall.value - 3'600'000)};
  record.writer = identity(2)->public_key();
  record.content = crypto::hash256({as_bytes("v")});
  return wire::encode_record(wire::record_head(record), as_bytes("v"), {});
}

// Two nodes and a world that does what they say: datagrams arrive, jobs and disks answer.
struct Pair {
  std::vector<Node> nodes;
  std::array<Endpoint, 2> endpoints;
  Now now = start;
  std::map<Ticket, std::shared_ptr<const OperationReport>> reports;
  std::vector<std::pair<std::size_t, wire::Verdict>> news;
  bool left = false;

  explicit Pair(const std::string& second_name = "node-2") {
    for (Byte i = 0; i < 2; ++i) {
      Config config = config_of(static_cast<Byte>(i + 1));
      endpoints[i] = config.listen[0];
      if (i == 1) config.name = second_name;
      nodes.emplace_back(std::move(config), identity(static_cast<Byte>(i + 1)), now);
    }
    for (std::size_t i = 0; i < 2; ++i) {
      Node::Outbox out;
      nodes[i].start(now, out);
      carry(i, out);
    }
  }

  void step(std::size_t i, const Input& input) {
    Node::Outbox out;
    nodes[i].step(input, now, out);
    carry(i, out);
  }

  void carry(std::size_t i, Node::Outbox& out) {
    for (Output& output : out.take()) {
      if (auto* transmit = std::get_if<session::Transmit>(&output))
        queue.push_back({1 - i, transmit->bytes, {}});
      else if (auto* job = std::get_if<Compute>(&output))
        queue.push_back({i, {}, Computed{job->token, job->job->run()}});
      else if (auto* write = std::get_if<Persist>(&output))
        queue.push_back({i, {}, persist(i, *write)});
      else if (auto* read = std::get_if<Load>(&output))
        queue.push_back({i, {}, load(i, *read)});
      else if (auto* done = std::get_if<Completed>(&output))
        reports[done->ticket] = done->report;
      else if (auto* member = std::get_if<MemberNews>(&output))
        news.emplace_back(i, member->member->verdict);
      else if (std::holds_alternative<Left>(output))
        left = true;
    }
  }

  Input persist(std::size_t i, const Persist& write) {
    disks[i][{write.table, Bytes(write.key.view().begin(), write.key.view().end())}] = write.value;
    return Persisted{write.token};
  }
  Input load(std::size_t i, const Load& read) {
    const auto found =
        disks[i].find({read.table, Bytes(read.key.view().begin(), read.key.view().end())});
    if (found == disks[i].end()) return Loaded{read.token, false, {}};
    return Loaded{read.token, true, found->second};
  }

  void run(Duration span) {
    const Instant until = now.mono + span;
    for (;;) {
      while (!queue.empty()) {
        const Event event = std::move(queue.front());
        queue.pop_front();
        if (event.input)
          step(event.to, *event.input);
        else
          step(event.to, session::DatagramReceived{endpoints[1 - event.to], event.bytes.view()});
      }
      const auto next = earlier(nodes[0].next_deadline(), nodes[1].next_deadline());
      if (!next || *next > until) break;
      now.mono = std::max(now.mono, *next);
      for (std::size_t i = 0; i < 2; ++i) {
        Node::Outbox out;
        nodes[i].expire(now, out);
        carry(i, out);
      }
    }
    now.mono = until;
  }

  template <class Report>
  const Report* report(Ticket ticket) {
    const auto it = reports.find(ticket);
    return it == reports.end() ? nullptr : std::get_if<Report>(it->second.get());
  }

  struct Event {
    std::size_t to;
    Buffer bytes;
    std::optional<Input> input;
  };
  std::deque<Event> queue;
  std::array<std::map<std::pair<Table, Bytes>, Buffer>, 2> disks;
};

}  // namespace

TEST_CASE("node: two nodes meet by a join, put, get, ping, and one leaves") {
  Pair world;
  world.step(0, JoinRequested{{1}, "127.0.0.1:1002"});
  world.run(seconds(8));
  REQUIRE(world.report<JoinReport>({1}));
  CHECK(world.report<JoinReport>({1})->joined);
  CHECK(world.nodes[0].snapshot().joined);
  CHECK(world.nodes[1].snapshot().joined);
  CHECK(world.nodes[0].snapshot().dht.synced);

  dht::PutRequested put{{2}, "k"};
  put.value = Buffer(as_bytes("v"));
  world.step(0, put);
  world.run(seconds(1));
  const auto* stored = world.report<dht::ReportPtr>({2});
  REQUIRE(stored);
  CHECK(std::get<dht::PutReport>(**stored).outcome == dht::PutOutcome::applied);
  CHECK_EQ(std::get<dht::PutReport>(**stored).needed, 2);

  world.step(1, dht::GetRequested{{3}, "k", std::nullopt});
  world.run(seconds(1));
  const auto* read = world.report<dht::ReportPtr>({3});
  REQUIRE(read);
  CHECK_EQ(as_text(std::get<dht::GetReport>(**read).value.view()), "v");

  world.step(0, PingRequested{{4}, world.nodes[1].snapshot().id});
  world.run(seconds(1));
  REQUIRE(world.report<PingReport>({4}));
  CHECK(world.report<PingReport>({4})->answered);

  world.step(1, StopRequested{});
  world.run(seconds(1));
  CHECK(world.left);
  CHECK(world.news.back() == std::pair(std::size_t{0}, wire::Verdict::left));
}

TEST_CASE("node: a verdict is news once, however often the member's record changes") {
  Pair world;
  world.step(0, JoinRequested{{1}, "127.0.0.1:1002"});
  world.run(seconds(20));
  int alive = 0;
  for (const auto& [who, verdict] : world.news)
    alive += who == 0 && verdict == wire::Verdict::alive;
  CHECK_EQ(alive, 2);  // itself and the other
}

TEST_CASE("node: a join that cannot succeed ends with its table of attempts") {
  Pair world;
  world.step(0, JoinRequested{{1}, "127.0.0.1:1001"});  // its own address
  world.run(seconds(11));
  const auto* report = world.report<JoinReport>({1});
  REQUIRE(report);
  CHECK_FALSE(report->joined);
  REQUIRE_FALSE(report->attempts.empty());
  CHECK_EQ(report->attempts[0].target, "127.0.0.1:1001");
}

TEST_CASE("node: after a month away it was last seen then until what it held is forgotten") {
  const auto says_seen = [](Node::Outbox& out, std::vector<Token>& forgets) {
    bool seen = false;
    for (Output& output : out.take()) {
      if (const auto* order = std::get_if<Forget>(&output)) forgets.push_back(order->token);
      const auto* write = std::get_if<Persist>(&output);
      seen = seen || (write && to_text(write->key.view()) == "seen");
    }
    return seen;
  };
  const Now then{start.mono, UnixMillis{1'780'000'000'000}};  // no clock is believed before 2026
  for (const Duration away : {hours(24), hours(30 * 24)}) {
    Config config = config_of(1);
    Bytes last(8);
    store_le(last.data(), static_cast<std::uint64_t>(then.wall.value - to_millis(away)));
    const ByteView name = as_bytes("seen");
    config.stored_meta.emplace_back(Bytes(name.begin(), name.end()), Buffer(last));
    config.stored_records.push_back(shared_record());
    Node node(std::move(config), identity(1), then);
    Node::Outbox out;
    std::vector<Token> forgets;
    node.start(then, out);
    const bool seen = says_seen(out, forgets);
    CHECK_EQ(seen, away < hours(29 * 24));
    CHECK_EQ(forgets.size(), away > hours(29 * 24) ? 1 : 0);
    for (const Token token : std::exchange(forgets, {})) {
      node.step(Persisted{token}, then, out);
      CHECK(says_seen(out, forgets));
    }
  }
}

TEST_CASE("node: answers to the orders of the node before it are thrown away") {
  Node before(config_of(1, 0), identity(1), start);
  Node after(config_of(1, 1), identity(1), start);
  Node::Outbox out, next;
  before.start(start, out);
  after.start(start, next);
  before.expire(start, out);
  std::size_t answers = 0;
  next.clear();
  for (Output& output : out.take()) {
    Input answer = TimeSkipped{};
    if (auto* job = std::get_if<Compute>(&output))
      answer = Computed{job->token, job->job->run()};
    else if (auto* write = std::get_if<Persist>(&output))
      answer = Persisted{write->token};
    else
      continue;
    ++answers;
    after.step(answer, start, next);
    REQUIRE_EQ(next.size(), 1);
    CHECK(std::get<Dropped>(next.take()[0]).reason == DropReason::unexpected);
  }
  CHECK_GT(answers, 0);
}

TEST_CASE("node/laws: any input in any state is legal, bounded and replayed to the letter") {
  const auto describe = [](const Output& output) {
    std::string out = std::to_string(output.index());
    if (const auto* sent = std::get_if<session::Transmit>(&output))
      out += " " + to_hex(sent->bytes.view());
    return out;
  };
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    Rng rng(seed);
    std::deque<Bytes> kept;
    std::vector<test::Timed<Input>> list;
    const NodeId peer = identity(2)->id();
    for (int i = 0; i < 1500; ++i) {
      const Duration after = milliseconds(static_cast<std::int64_t>(rng.below(60)));
      Bytes bytes(1 + rng.below(300));
      for (Byte& byte : bytes) byte = static_cast<Byte>(rng.next());
      bytes[0] = static_cast<Byte>(rng.below(9));
      kept.push_back(std::move(bytes));
      const ByteView view = kept.back();
      const Endpoint from{IpAddress::v4(127, 0, 0, static_cast<Byte>(rng.below(5))), 99};
      Input input = TimeSkipped{seconds(2)};
      switch (rng.below(14)) {
        case 0:
        case 1:
        case 2:
          input = session::DatagramReceived{from, view};
          break;
        case 3:
          input = session::DatagramRefused{from};
          break;
        case 4:
          input = session::StreamOpened{rng.below(20), from, true};
          break;
        case 5:
          input = session::StreamBytes{rng.below(20), view};
          break;
        case 6:
          input = session::StreamClosed{rng.below(20)};
          break;
        case 7:
          input = dht::PutRequested{{rng.next()}, "k" + std::to_string(rng.below(3))};
          break;
        case 8:
          input = dht::GetRequested{{rng.next()}, "k", std::nullopt};
          break;
        case 9:
          input = JoinRequested{{rng.next()}, "127.0.0.1:" + std::to_string(1 + rng.below(9))};
          break;
        case 10:
          input = PingRequested{{rng.next()}, peer};
          break;
        case 11:
          input = ForgetRequested{{rng.next()}, peer};
          break;
        case 12:
          input = Persisted{{rng.below(1 << 16)}};
          break;
        default:
          input = DiskRefused{{rng.below(1 << 16)}, DiskRefusal::full};
          break;
      }
      list.push_back({after, std::move(input)});
    }
    const auto make = [] {
      Node node(config_of(1), identity(1), start);
      Node::Outbox out;
      node.start(start, out);
      return node;
    };
    test::check_laws<Node>("node", make, list, describe);
  }
}

TEST_CASE("node: a whole id names its member, whatever another calls itself") {
  const std::string first = to_string(identity(1)->id());
  Pair world(first);
  world.step(0, JoinRequested{{1}, "127.0.0.1:1002"});
  world.run(seconds(8));
  REQUIRE(world.nodes[0].snapshot().joined);
  CHECK(world.nodes[0].find_member(first) == identity(1)->id());
  CHECK(world.nodes[1].find_member(first) == identity(1)->id());
  CHECK_FALSE(world.nodes[0].find_member("nobody"));
}

// A peer of a later version: its session room alone, saying what this one has no word for.
TEST_CASE("node: messages of unknown types are counted and passed over, and the session lives on") {
  const Config config = config_of(1);
  Node node(config, identity(1), start);
  session::Config other;
  other.mode = config.mode;
  other.network = crypto::network_id(config.root, config.network_name);
  other.boot.bytes.fill(2);
  other.versions = {1, 2};
  session::Session later(other, identity(2), Rng(2), ByteArray<32>{2});
  const Endpoint here = config.listen[0], there{IpAddress::v4(127, 0, 0, 1), 1002};
  std::deque<Input> to_node;
  std::deque<session::Input> to_later;
  std::deque<Buffer> bytes;  // what the views in those show
  std::size_t answers = 0;
  const auto carry = [&](auto output, auto& mine, auto& theirs, const Endpoint& from) {
    using Out = decltype(output);
    const auto shown = [&](Buffer given) { return bytes.emplace_back(std::move(given)).view(); };
    if (const auto* o = std::get_if<session::Transmit>(&output))
      theirs.push_back(session::DatagramReceived{from, shown(o->bytes)});
    if (const auto* o = std::get_if<session::OpenStream>(&output)) {
      mine.push_back(session::StreamOpened{o->stream, o->to, false});
      theirs.push_back(session::StreamOpened{o->stream + 1, from, true});
      mine.push_back(session::StreamCredit{o->stream, 1 << 18});
      theirs.push_back(session::StreamCredit{o->stream + 1, 1 << 18});
    }
    if (const auto* o = std::get_if<session::WriteStream>(&output))
      theirs.push_back(session::StreamBytes{o->stream ^ 1, shown(o->bytes)});
    if (const auto* o = std::get_if<Compute>(&output))
      mine.push_back(Computed{o->token, o->job->run()});
    if constexpr (std::is_same_v<Out, session::Output>)
      answers += std::holds_alternative<session::Received>(output);
  };
  const auto settle = [&] {
    Node::Outbox said;
    session::Session::Outbox replied;
    const auto next = [](auto& queue) {
      auto input = std::move(queue.front());
      queue.pop_front();
      return input;
    };
    while (!to_node.empty() || !to_later.empty()) {
      if (!to_node.empty()) node.step(next(to_node), start, said);
      if (!to_later.empty()) later.step(next(to_later), start, replied);
      for (Output& o : said.take()) carry(std::move(o), to_node, to_later, here);
      for (session::Output& o : replied.take()) carry(std::move(o), to_later, to_node, there);
    }
  };
  to_later.push_back(session::PeerIntroduced{identity(1)->public_key(), {here}});
  for (const bool stream : {false, true}) {
    const Bytes unknown{0x7f, 1, 2, 3};
    for (int i = 0; i < 3; ++i)
      to_later.push_back(
          session::SendRequested{identity(1)->id(), Buffer(unknown), Lane::data, stream});
    settle();
    const wire::Ping ping{{RequestId{5}, 1000, Lane::membership, 0}, {}};
    to_later.push_back(
        session::SendRequested{identity(1)->id(), wire::encode(ping), Lane::data, stream});
    const std::size_t before = answers;
    settle();
    CHECK_GT(answers, before);
  }
  const Snapshot snapshot = node.snapshot();
  CHECK_EQ(snapshot.dropped[static_cast<std::size_t>(DropReason::unknown_message)], 6);
  REQUIRE_EQ(snapshot.peers.size(), 1);
  CHECK(snapshot.peers[0].stream);
}
