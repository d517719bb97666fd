// Metrics: the Prometheus text, its names and that its totals only grow.
#include <set>
#include <sstream>

#include "kith/control/api.hpp"
#include "world.hpp"

using namespace kith;
using namespace kith::control;
using kith::test::ControlWorld;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

std::string value_of(const std::string& text, const std::string& sample) {
  for (const std::string& line : lines_of(text))
    if (line.starts_with(sample + " ")) return line.substr(sample.size() + 1);
  return "absent";
}

ProcessFigures figures(std::uint64_t each) {
  ProcessFigures out;
  out.udp_received = out.udp_sent = out.udp_bytes_received = out.udp_bytes_sent = each;
  out.kernel_drops = out.too_large = out.send_failures = each;
  out.store_commits = out.store_quarantined = each;
  out.tcp_streams = out.jobs_queued = out.store_bytes = each;
  out.loop_lag_seconds = 0.25;
  return out;
}

}  // namespace

TEST_CASE("control/metrics: the answer is Prometheus text") {
  ControlWorld world;
  const Response response = world.api.metrics(world.nodes[0], {}, world.now);
  CHECK_EQ(response.status, 200);
  CHECK_EQ(response.content_type, "text/plain; version=0.0.4");
  std::set<std::string> typed;
  for (const std::string& line : lines_of(response.body)) {
    INFO(line);
    if (line.starts_with("# TYPE ")) {
      const std::string rest = line.substr(7), name = rest.substr(0, rest.find(' '));
      CHECK(typed.insert(name).second);  // each family once
      CHECK_EQ(rest.ends_with(" counter"), name.ends_with("_total"));
    } else if (!line.starts_with("# HELP ")) {
      const std::string name = line.substr(0, line.find_first_of("{ "));
      CHECK(name.starts_with("kith_"));
      CHECK(typed.contains(name));
      CHECK((line.find("nan") == std::string::npos));
    }
  }
}

TEST_CASE("control/metrics: the names that dashboards rely on are there") {
  ControlWorld world;
  const std::string text = world.api.metrics(world.nodes[0], figures(7), world.now).body;
  const std::vector<std::pair<std::string, std::string>> samples{
      {"kith_build_info{version=\"0.1.0\"}", "1"},
      {"kith_members{state=\"alive\"}", "1"},
      {"kith_members{state=\"suspect\"}", "0"},
      {"kith_members{state=\"dead\"}", "0"},
      {"kith_members{state=\"left\"}", "0"},
      {"kith_member_health", "0"},
      {"kith_probes_total{result=\"ok\"}", "0"},
      {"kith_probes_total{result=\"failed\"}", "0"},
      {"kith_suspicions_total", "0"},
      {"kith_false_suspicions_total", "0"},
      {"kith_udp_packets_total{dir=\"in\"}", "7"},
      {"kith_udp_packets_total{dir=\"out\"}", "7"},
      {"kith_udp_bytes_total{dir=\"in\"}", "7"},
      {"kith_udp_bytes_total{dir=\"out\"}", "7"},
      {"kith_udp_kernel_drops_total", "7"},
      {"kith_tcp_streams", "7"},
      {"kith_sessions", "0"},
      {"kith_jobs_queued", "7"},
      {"kith_event_loop_lag_seconds", "0.25"},
      {"kith_store_records", "0"},
      {"kith_store_tombstones", "0"},
      {"kith_store_bytes", "7"},
      {"kith_store_commits_total", "7"},
      {"kith_store_quarantined_total", "7"},
      {"kith_operations", "0"},
      {"kith_under_replicated_records", "0"},
      {"kith_base_disagreements_total", "0"},
      {"kith_repaired_records_total", "0"},
      {"kith_beacons_total{dir=\"in\"}", "0"},
      {"kith_beacons_total{dir=\"out\"}", "0"}};
  for (const auto& [sample, value] : samples) {
    INFO(sample);
    CHECK_EQ(value_of(text, sample), value);
  }
  CHECK((value_of(text, "kith_gossip_queue_depth") != "absent"));
}

TEST_CASE("control/metrics: every reason to drop has its count, the sockets' added in") {
  ControlWorld world;
  const Bytes garbage(100, 0xee);
  world.step(0, session::DatagramReceived{ControlWorld::endpoint(1), garbage});
  const std::string text = world.api.metrics(world.nodes[0], figures(7), world.now).body;
  for (std::size_t i = 0; i < drop_reason_count; ++i) {
    const auto reason = static_cast<DropReason>(i);
    const bool sockets = reason == DropReason::too_large || reason == DropReason::send_failed;
    const std::string sample =
        "kith_dropped_total{reason=\"" + std::string(to_string(reason)) + "\"}";
    INFO(sample);
    CHECK_EQ(value_of(text, sample),
             sockets ? "7" : (reason == DropReason::unknown_frame ? "1" : "0"));
  }
}

TEST_CASE("control/metrics: they follow what happens") {
  ControlWorld world({{1, "attic"}, {2, "cellar"}});
  world.meet(1);
  world.ask("PUT", "/v1/kv/a", "v");
  world.ask("PUT", "/v1/kv/b", "v");
  world.ask("DELETE", "/v1/kv/b");
  const std::string text = world.api.metrics(world.nodes[0], {}, world.now).body;
  CHECK_EQ(value_of(text, "kith_members{state=\"alive\"}"), "2");
  CHECK_EQ(value_of(text, "kith_sessions"), "1");
  CHECK_EQ(value_of(text, "kith_store_records"), "1");
  CHECK_EQ(value_of(text, "kith_store_tombstones"), "1");
  CHECK((value_of(text, "kith_probes_total{result=\"ok\"}") != "0"));
}

TEST_CASE("control/metrics: a total never falls, a gauge does") {
  ControlWorld world;
  const auto text = [&](std::uint64_t each) {
    return world.api.metrics(world.nodes[0], figures(each), world.now).body;
  };
  text(7);
  const std::string fewer = text(3);  // the node was rebuilt: its counts begin again
  CHECK_EQ(value_of(fewer, "kith_udp_kernel_drops_total"), "7");
  CHECK_EQ(value_of(fewer, "kith_store_bytes"), "3");
  CHECK_EQ(value_of(text(9), "kith_udp_kernel_drops_total"), "9");
}
