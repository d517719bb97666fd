#include "metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace kith::control {

// The library's counters only go up by an amount; ours are totals kept elsewhere, so each scrape
// adds what is new.
struct Api::Metrics::Impl {
  prometheus::Registry registry;
  std::map<std::string, prometheus::Family<prometheus::Counter>*> counters;
  std::map<std::string, prometheus::Family<prometheus::Gauge>*> gauges;

  void total(const std::string& name, const std::string& help, const prometheus::Labels& labels,
             double value) {
    auto& family = counters[name];
    if (!family) family = &prometheus::BuildCounter().Name(name).Help(help).Register(registry);
    prometheus::Counter& counter = family->Add(labels);
    counter.Increment(std::max(0.0, value - counter.Value()));
  }
  void total(const std::string& name, const std::string& help, const prometheus::Labels& labels,
             std::uint64_t value) {
    total(name, help, labels, static_cast<double>(value));
  }
  void gauge(const std::string& name, const std::string& help, const prometheus::Labels& labels,
             double value) {
    auto& family = gauges[name];
    if (!family) family = &prometheus::BuildGauge().Name(name).Help(help).Register(registry);
    family->Add(labels).Set(value);
  }
  void gauge(const std::string& name, const std::string& help, const prometheus::Labels& labels,
             std::size_t value) {
    gauge(name, help, labels, static_cast<double>(value));
  }
};

Api::Metrics::Metrics(const std::string& version) : impl_(std::make_unique<Impl>()) {
  impl_->gauge("kith_build_info", "Version of the daemon.", {{"version", version}}, 1.0);
}
Api::Metrics::~Metrics() = default;

std::string Api::Metrics::text(const node::Snapshot& snapshot, const ProcessFigures& figures) {
  Impl& m = *impl_;
  std::array<std::size_t, 4> members{};
  for (const auto& entry : snapshot.membership.members)
    ++members[static_cast<std::size_t>(entry.member->verdict)];
  constexpr std::array<const char*, 4> states{"alive", "suspect", "dead", "left"};
  for (std::size_t i = 0; i < states.size(); ++i)
    m.gauge("kith_members", "Members by state, this node included.", {{"state", states[i]}},
            members[i]);
  m.gauge("kith_member_health", "Lifeguard's local health score, 0 is best.", {},
          static_cast<double>(snapshot.membership.health));
  m.total("kith_probes_total", "Probes by result.", {{"result", "ok"}},
          snapshot.membership.probes_ok);
  m.total("kith_probes_total", "Probes by result.", {{"result", "failed"}},
          snapshot.membership.probes_failed);
  m.total("kith_suspicions_total", "Suspicions this node raised.", {},
          snapshot.membership.suspicions);
  m.total("kith_false_suspicions_total", "Suspicions of this node that it refuted.", {},
          snapshot.membership.refutations);
  m.gauge("kith_gossip_queue_depth", "News waiting to be gossiped.", {},
          snapshot.membership.gossip_queued);

  for (std::size_t i = 0; i < drop_reason_count; ++i) {
    const auto reason = static_cast<DropReason>(i);
    std::uint64_t count = snapshot.dropped[i];
    if (reason == DropReason::too_large) count += figures.too_large;
    if (reason == DropReason::send_failed) count += figures.send_failures;
    m.total("kith_dropped_total", "What was received and dropped, by reason.",
            {{"reason", std::string(to_string(reason))}}, count);
  }
  m.total("kith_udp_kernel_drops_total",
          "Datagrams the kernel dropped because the receive buffer was full.", {},
          figures.kernel_drops);
  m.total("kith_udp_packets_total", "Datagrams by direction.", {{"dir", "in"}},
          figures.udp_received);
  m.total("kith_udp_packets_total", "Datagrams by direction.", {{"dir", "out"}}, figures.udp_sent);
  m.total("kith_udp_bytes_total", "UDP payload bytes by direction.", {{"dir", "in"}},
          figures.udp_bytes_received);
  m.total("kith_udp_bytes_total", "UDP payload bytes by direction.", {{"dir", "out"}},
          figures.udp_bytes_sent);
  m.gauge("kith_tcp_streams", "Open TCP streams.", {}, figures.tcp_streams);
  m.gauge("kith_sessions", "Peers with a session.", {}, snapshot.peers.size());
  m.gauge("kith_jobs_queued", "Crypto jobs waiting or running.", {}, figures.jobs_queued);
  m.gauge("kith_event_loop_lag_seconds", "How late the last timer fired.", {},
          figures.loop_lag_seconds);

  m.gauge("kith_store_records", "Records held, without tombstones.", {}, snapshot.dht.records);
  m.gauge("kith_store_tombstones", "Deletes remembered.", {}, snapshot.dht.tombstones);
  m.gauge("kith_store_bytes", "Bytes of the database in use.", {}, figures.store_bytes);
  m.total("kith_store_commits_total", "Synced transactions.", {}, figures.store_commits);
  m.total("kith_store_quarantined_total", "Stored values that failed their checksum.", {},
          figures.store_quarantined);
  m.gauge("kith_operations", "Puts, gets and lookups in flight.", {}, snapshot.dht.operations);
  m.gauge("kith_under_replicated_records", "Records with a dead replica that is not replaced yet.",
          {}, snapshot.dht.under_replicated);
  m.total("kith_base_disagreements_total", "Requests whose sender counted another base.", {},
          snapshot.dht.base_disagreements);
  m.total("kith_repaired_records_total", "Records fetched by repair.", {},
          snapshot.dht.repairs_received);
  const char* resends = "Requests sent again after silence, and those withheld for want of budget.";
  m.total("kith_resends_total", resends, {{"result", "sent"}}, snapshot.dht.resends);
  m.total("kith_resends_total", resends, {{"result", "withheld"}}, snapshot.dht.resends_withheld);
  m.total("kith_beacons_total", "LAN beacons by direction.", {{"dir", "out"}},
          snapshot.discovery.beacons_sent);
  m.total("kith_beacons_total", "LAN beacons by direction.", {{"dir", "in"}},
          snapshot.discovery.beacons_heard);
  return prometheus::TextSerializer().Serialize(m.registry.Collect());
}

}  // namespace kith::control
