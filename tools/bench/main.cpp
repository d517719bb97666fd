// kith-bench NAME [--json] | list | all
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench.hpp"

namespace kith::bench {
namespace {

std::vector<Bench> all_benches(const MachineOptions& options) {
  return {
      {"machine", "delay of a datagram and time of a commit, as quantiles",
       [options] { return machine(options); }},
      {"seal", "sealing and opening, beside libsodium alone", seal_and_open},
      {"codec", "messages to bytes and back, beside memcpy", codec},
      {"handshake", "a first handshake, beside its X25519 products", handshake},
      {"machines", "roster and lookup", machines},
      {"answers", "one daemon's get answers a second, beside a bare UDP echo", answers},
      {"latency", "put and get on five local daemons, 1 and 64 outstanding", latency},
      {"idle", "packets, bytes, CPU and memory of idle daemons, 8 and 32", idle},
  };
}

void print(const Bench& bench, const Rows& rows) {
  std::printf("%s: %s\n", bench.name.c_str(), bench.what.c_str());
  for (const Row& row : rows) {
    std::printf("  %-52s %12.2f %-6s", row.what.c_str(), row.value, row.unit.c_str());
    if (!row.limit_what.empty())
      std::printf("  limit %12.2f (%s)  ratio %.2f", row.limit, row.limit_what.c_str(),
                  row.ratio());
    std::printf("\n");
  }
}

void print_json(const Bench& bench, const Rows& rows) {
  nlohmann::ordered_json out{{"schema", "kith-bench/" + bench.name + "/1"},
                             {"rows", nlohmann::json::array()}};
  for (const Row& row : rows) {
    nlohmann::ordered_json item{{"what", row.what}, {"value", row.value}, {"unit", row.unit}};
    if (!row.limit_what.empty()) {
      item["limit_what"] = row.limit_what;
      item["limit"] = row.limit;
      item["ratio"] = row.ratio();
    }
    if (!row.quantiles.empty()) item["quantiles"] = row.quantiles;
    out["rows"].push_back(std::move(item));
  }
  std::printf("%s\n", out.dump().c_str());
}

int run(const std::string& name, bool json, const MachineOptions& options) {
  bool found = false;
  for (const Bench& bench : all_benches(options)) {
    if (name != "all" && name != bench.name) continue;
    found = true;
    const Rows rows = bench.run();
    json ? print_json(bench, rows) : print(bench, rows);
    std::fflush(stdout);
  }
  if (found) return 0;
  std::fprintf(stderr, "kith-bench: no benchmark is called \"%s\"; kith-bench list names them\n",
               name.c_str());
  return 2;
}

}  // namespace
}  // namespace kith::bench

int main(int argc, char** argv) {
  std::string name;
  bool json = false;
  kith::bench::MachineOptions options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--json")
      json = true;
    else if (word == "--peer" && i + 1 < argc)
      options.peers.emplace_back(argv[++i]);
    else if (word == "--directory" && i + 1 < argc)
      options.directory = argv[++i];
    else if (name.empty())
      name = word;
  }
  if (name.empty() || name == "--help" || name == "help") {
    std::puts(
        "usage: kith-bench NAME [--json]   one benchmark, or all\n       kith-bench list\n"
        "       kith-bench machine [--peer NETWORK_NAMESPACE]... [--directory DIR] [--json]");
    return name.empty() ? 2 : 0;
  }
  if (name == "list") {
    for (const auto& bench : kith::bench::all_benches(options))
      std::printf("%-10s %s\n", bench.name.c_str(), bench.what.c_str());
    return 0;
  }
  try {
    return kith::bench::run(name, json, options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kith-bench: %s\n", error.what());
    return 1;
  }
}
