#include "daemon.hpp"

#include <malloc.h>

#include "api_server.hpp"
#include "kith/base/visit.hpp"
#include "kith/runtime/clock.hpp"
#include "kith/runtime/drive.hpp"
#include "kith/runtime/interfaces.hpp"
#include "kith/runtime/jobs.hpp"
#include "kith/runtime/multicast.hpp"
#include "kith/runtime/notify.hpp"
#include "kith/runtime/resolve.hpp"
#include "kith/runtime/tcp.hpp"
#include "kith/runtime/udp.hpp"
#include "log.hpp"
#include "opening.hpp"

namespace kith::app {
namespace {

constexpr Duration resolve_timeout = seconds(5);

std::uint64_t number_from(const ByteArray<32>& entropy) {
  return load_le<std::uint64_t>(entropy.data());
}

class Daemon {
 public:
  Daemon(const Settings& settings, Opened opened)
      : settings_(settings),
        opened_(std::move(opened)),
        udp_(loop_, take_udp(),
             {[this](auto batch) { received(batch); },
              [this](const Endpoint& to) { feed(session::DatagramRefused{to}); }}),
        tcp_(loop_, take_tcp(), tcp_handlers()),
        multicast_(loop_, udp_,
                   [this](const Endpoint& from, std::uint32_t interface, ByteView bytes) {
                     feed(discovery::BeaconReceived{from, interface, bytes});
                   }),
        jobs_(loop_, 1, [this](Computed done) { feed(done); }),
        resolver_(loop_),
        watch_(loop_, [this] { look_at_interfaces(); }) {}

  // Storage has a thread that posts to the loop when a commit is done: it ends first.
  ~Daemon() { opened_.storage.reset(); }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  Exit run();

 private:
  std::vector<runtime::Udp::Socket> take_udp();
  std::vector<runtime::Fd> take_tcp();
  runtime::TcpHandlers tcp_handlers();
  void build_node();
  void received(std::span<const runtime::Datagram> batch);
  void carry_out(node::Output&& output, Now now);
  void send_beacon(const discovery::SendBeacon& beacon);
  void resolve(const discovery::Resolve& order);
  void news(const node::Output& output, Now now);
  void log_trouble(const node::JoinReport& report);
  void adopt(const session::LanId& lan, bool forced);
  void look_at_interfaces();
  void flush();
  void feed(const node::Input& input) {
    leaving_ |= std::holds_alternative<node::LeaveRequested>(input) ||
                std::holds_alternative<node::StopRequested>(input);
    drive_->step(input, runtime::now());
  }
  control::About about() const;
  control::ProcessFigures figures() const;
  void end(Exit exit);

  Settings settings_;
  Opened opened_;
  runtime::Loop loop_;
  runtime::Udp udp_;
  runtime::Tcp tcp_;
  runtime::Multicast multicast_;
  runtime::Jobs jobs_;
  runtime::Resolver resolver_;
  runtime::InterfaceWatch watch_;
  std::map<Bytes, Buffer>
      meta_;  // mirror of the meta table: a node rebuilt after adoption needs it
  std::optional<node::Node> node_;
  std::optional<runtime::Drive<node::Node>> drive_;
  std::unique_ptr<ApiServer> api_;
  Instant started_ = runtime::now().mono;
  std::uint64_t bytes_in_ = 0, bytes_out_ = 0;
  std::size_t jobs_told_ = 0;
  std::map<std::string, std::string> join_trouble_;  // a target of ours -> the cause last logged
  std::uint64_t generation_ = 0;
  bool leaving_ = false;
  Exit exit_;
};

std::vector<runtime::Udp::Socket> Daemon::take_udp() {
  std::vector<runtime::Udp::Socket> sockets;
  for (runtime::BoundPort& port : opened_.ports)
    sockets.push_back({port.endpoint, std::move(port.udp)});
  return sockets;
}

std::vector<runtime::Fd> Daemon::take_tcp() {
  std::vector<runtime::Fd> listeners;
  for (runtime::BoundPort& port : opened_.ports) listeners.push_back(std::move(port.tcp));
  return listeners;
}

runtime::TcpHandlers Daemon::tcp_handlers() {
  return {
      [this](session::StreamId id, const Endpoint& peer, bool inbound) {
        feed(session::StreamOpened{id, peer, inbound});
      },
      [this](session::StreamId id, ByteView bytes) { feed(session::StreamBytes{id, bytes}); },
      [this](session::StreamId id, std::size_t bytes) { feed(session::StreamCredit{id, bytes}); },
      [this](session::StreamId id, session::StreamEnd reason) {
        feed(session::StreamClosed{id, reason});
      }};
}

void Daemon::build_node() {
  node::Config config = opened_.node;
  config.generation = generation_++;
  config.seed = number_from(runtime::system_entropy());
  config.secret_seed = runtime::system_entropy();
  for (const auto& [key, value] : meta_) config.stored_meta.emplace_back(key, value);
  node_ = node::Node(std::move(config), opened_.identity, runtime::now());
}

Exit Daemon::run() {
  opened_.storage->scan(Table::meta, [&](ByteView key, ByteView value) {
    meta_.insert_or_assign(Bytes(key.begin(), key.end()), Buffer(value));
  });
  opened_.node.damaged_records = opened_.storage->scan(
      Table::record,
      [&](ByteView, ByteView value) { opened_.node.stored_records.emplace_back(value); });
  build_node();
  opened_.node.stored_records.clear();
  opened_.node.damaged_records.clear();
  opened_.storage->on_ready([this] { loop_.post([] {}); });  // the turn's flush polls

  runtime::World<node::Output> world;
  world.carry_out = [this](node::Output&& output, Now now) { carry_out(std::move(output), now); };
  world.drain_sockets = [this] { return udp_.drain(); };
  world.slept = [this](Duration gap) { feed(node::TimeSkipped{gap}); };
  world.flush = [this] { flush(); };
  drive_.emplace(loop_, *node_, std::move(world));

  auto api = ApiServer::open(
      loop_, {settings_.http, opened_.socket.string(), opened_.token}, about(),
      {[this]() -> const node::Node& { return *node_; },
       [this](const node::Input& input) { feed(input); }, [this] { return figures(); }});
  if (!api) return {api.error().first, api.error().second};
  api_ = std::move(*api);

  loop_.on_signal([this](int) {
    log(Level::info, "stopping: telling the others");
    runtime::notify_manager("STOPPING=1");
    feed(node::StopRequested{});
  });
  for (const std::string& line : api_->banner(opened_.node)) log(Level::info, line);
  for (const std::string& warning : opened_.warnings) log(Level::warn, warning);
  drive_->start();
#ifdef __GLIBC__
  ::malloc_trim(0);  // the records that were read for it: as much as the database holds
#endif
  look_at_interfaces();
  runtime::notify_manager("READY=1");
  loop_.run();
  opened_.storage->settle();
  flush();                  // a disk that fails the last writes ends it with exit 1, too
  opened_.storage.reset();  // its threads ring the loop, so before the loop goes
  return exit_;
}

void Daemon::received(std::span<const runtime::Datagram> batch) {
  const Now now = runtime::now();
  for (const runtime::Datagram& datagram : batch) {
    bytes_in_ += datagram.bytes.size();
    drive_->step(session::DatagramReceived{datagram.from, datagram.bytes}, now);
  }
}

// --- what the node wants ------------------------------------------------------------------------

void Daemon::carry_out(node::Output&& output, Now now) {
  match(
      std::move(output),
      [&](session::Transmit&& o) {
        bytes_out_ += o.bytes.size();
        udp_.send(o.to, std::move(o.bytes));
      },
      [&](session::OpenStream&& o) { tcp_.open(o.stream, o.to); },
      [&](session::WriteStream&& o) { tcp_.write(o.stream, std::move(o.bytes)); },
      [&](session::CloseStream&& o) { tcp_.close(o.stream); },
      [&](discovery::SendBeacon&& o) { send_beacon(o); },
      [&](discovery::Resolve&& o) { resolve(o); }, [&](Compute&& o) { jobs_.submit(std::move(o)); },
      [&](Persist&& o) {
        if (o.table == Table::meta)
          meta_.insert_or_assign(Bytes(o.key.view().begin(), o.key.view().end()), o.value);
        opened_.storage->submit(std::move(o));
      },
      [&](Load&& o) { opened_.storage->submit(std::move(o)); },
      [&](Forget&& o) { opened_.storage->submit(std::move(o)); },
      [&](node::Completed&& o) { api_->complete(o.ticket, *o.report); },
      [&](node::Warning&& o) { log(Level::warn, *o.text); },
      [&](node::NetworkAdopted&& o) {
        loop_.post([this, lan = o.lan, forced = o.forced] { adopt(lan, forced); });
      },
      [&](node::MustStop&& o) { end({1, *o.reason}); }, [&](node::Left&&) { end({}); },
      [&](Dropped&&) {},  // counted by the node
      [&](auto&& o) { news(node::Output(std::move(o)), now); });
}

void Daemon::send_beacon(const discovery::SendBeacon& beacon) {
  if (beacon.to)
    udp_.send(*beacon.to, beacon.bytes);
  else
    multicast_.send(beacon.interface, beacon.bytes.view());
}

void Daemon::resolve(const discovery::Resolve& order) {
  resolver_.resolve(*order.host, 0, resolve_timeout,
                    [this, token = order.token](runtime::Resolved found) {
                      discovery::Resolved input{token, {}};
                      for (const Endpoint& endpoint : found.endpoints)
                        input.addresses.push_back(endpoint.ip);
                      feed(input);
                    });
}

void Daemon::news(const node::Output& output, Now now) {
  const auto event = control::Api::event_of(output);
  if (!event) return;
  api_->publish(*event, now.wall);
  if (const auto* failed = std::get_if<node::JoinNews>(&output)) log_trouble(*failed->report);
  const auto* member = std::get_if<node::MemberNews>(&output);
  if (member && member->member->id != opened_.identity->id())
    log(member->member->verdict == wire::Verdict::suspect ? Level::debug : Level::info,
        event->type + " " + short_name(member->member->id) + " " +
            (member->member->record ? member->member->record->name : ""));
}

// A target of the configuration is tried for ever: its trouble is said once, and again when it
// changes.
void Daemon::log_trouble(const node::JoinReport& report) {
  if (report.attempts.empty()) return;
  const node::Attempt& last = report.attempts.back();
  const std::vector<std::string>& ours = opened_.node.join;
  if (std::find(ours.begin(), ours.end(), last.target) == ours.end()) return;
  if (std::exchange(join_trouble_[last.target], last.cause) == last.cause) return;
  log(Level::warn, "cannot join " + last.target + " yet: " + last.cause +
                       (last.address.empty() ? "" : " (" + last.address + ")"));
}

void Daemon::end(Exit exit) {
  if (exit_.code == 0) exit_ = std::move(exit);
  api_->drain();
  loop_.stop();
}

// Another lan network wins: same sockets, same identity, a node with the new root.
void Daemon::adopt(const session::LanId& lan, bool forced) {
  if (leaving_) return;  // a new node would not know of it, and stay
  if (Bytes(lan.bytes.begin(), lan.bytes.end()) == opened_.node.root) return;
  node::Config next = opened_.node;
  next.root.assign(lan.bytes.begin(), lan.bytes.end());
  next.adopted_records = lan.holds_records;
  if (!save_lan(opened_.data, {lan.bytes, opened_.lan.current}))
    return log(Level::warn, "another lan network was found, but lan.id could not be written");
  if (!opened_.storage->change_network(network_of(next), forced, synced_entry)) {
    // A write that failed may be there all the same at the next start: both ids stay.
    if (opened_.storage->stats().failed) return;
    save_lan(opened_.data, {opened_.lan.current, std::nullopt});
    return log(Level::warn,
               "another lan network was found, but this one holds records: they stay apart (kith "
               "join --adopt TARGET takes the other)");
  }
  save_lan(opened_.data, {lan.bytes, std::nullopt});
  opened_.lan.current = lan.bytes;
  opened_.node = std::move(next);
  log(Level::info, "adopted the lan network " + to_hex(lan.bytes).substr(0, 8));
  meta_.erase(Bytes(synced_entry.begin(), synced_entry.end()));
  tcp_.close_all();
  build_node();
  drive_->start();
  look_at_interfaces();
  for (const node::Input& input : api_->unfinished(runtime::now())) feed(input);
}

void Daemon::look_at_interfaces() {
  const runtime::InterfaceList list = runtime::list_interfaces();
  // There is always one: out of descriptors the kernel could not be asked.
  if (list.interfaces.empty() && watch_.look_again()) return;
  std::vector<runtime::Interface> heard;
  discovery::InterfacesChanged changed;
  for (const runtime::Interface& interface : list.interfaces) {
    discovery::Interface seen{interface.index,    interface.name,      interface.up,
                              interface.loopback, interface.multicast, {},
                              list.gateways};
    for (const runtime::InterfaceAddress& address : interface.addresses)
      if (!address.tentative) seen.subnets.push_back(address.subnet);
    changed.interfaces.push_back(std::move(seen));
    const bool excluded =
        !interface.loopback && runtime::name_matches(interface.name, settings_.lan_exclude);
    if (interface.up && !excluded) heard.push_back(interface);
  }
  if (!settings_.no_lan) multicast_.configure(heard);
  feed(changed);
}

// The end of a turn: what the disk has answered, then what is to be sent.
void Daemon::flush() {
  opened_.storage->poll(
      [this](storage::Answer answer) { match(std::move(answer), [this](auto&& a) { feed(a); }); });
  if (opened_.storage->stats().failed)
    end({1, opened_.data.string() +
                ": the disk failed to write: nothing more is stored; check it and start again"});
  if (const std::size_t queued = jobs_.queued();
      queued != jobs_told_ || drive_->lag() > milliseconds(20)) {
    jobs_told_ = queued;
    feed(node::LoadMeasured{drive_->lag(), queued});
  }
  udp_.flush();
}

control::About Daemon::about() const {
  constexpr std::array modes{"lan", "private", "public"};
  control::About about;
  about.name = opened_.node.name;
  about.version = KITH_VERSION;
  about.network = opened_.node.network_name;
  about.mode = modes[static_cast<std::size_t>(opened_.node.mode)];
  about.instance = settings_.instance;
  about.data_dir = opened_.data.string();
  about.listen = opened_.node.listen;
  about.key = opened_.identity->public_key();
  about.started = started_;
  return about;
}

control::ProcessFigures Daemon::figures() const {
  const runtime::UdpStats udp = udp_.stats();
  const storage::Stats disk = opened_.storage->stats();
  control::ProcessFigures out;
  out.udp_received = udp.received;
  out.udp_sent = udp.sent;
  out.udp_bytes_received = bytes_in_;
  out.udp_bytes_sent = bytes_out_;
  out.kernel_drops = udp.kernel_drops;
  out.too_large = udp.too_large;
  out.send_failures = udp.unreachable + udp.overflow + udp.failed;
  out.tcp_streams = tcp_.stats().open;
  out.jobs_queued = jobs_.queued();
  out.store_bytes = disk.used_bytes;
  out.store_commits = disk.commits;
  out.store_quarantined = disk.quarantined;
  out.loop_lag_seconds = std::chrono::duration<double>(drive_->lag()).count();
  return out;
}

}  // namespace

Exit run_daemon(const Settings& settings, bool check_only) {
  auto opened = check_only ? check_written(settings) : open_everything(settings);
  if (!opened) return opened.error();
  if (check_only) return {};
  Daemon daemon(settings, *std::move(opened));
  return daemon.run();
}

}  // namespace kith::app
