// fuzz_test: runs committed inputs through every target, as an ordinary test.
//   fuzz_test                      the whole corpus
//   fuzz_test TARGET [FILE...]     one target's corpus, or these files: a finding, in a debugger
//   fuzz_test --seeds DIR          writes every target's seeds to DIR/TARGET/
#include <cstdio>
#include <iterator>

#include "seeds.hpp"

#define X(name)                                                \
  extern "C" int run_##name(const std::uint8_t*, std::size_t); \
  kith::fuzz::Seeds seeds_##name();
KITH_FUZZ_TARGETS
#undef X

namespace {

namespace fs = std::filesystem;
using namespace kith;

struct Target {
  std::string_view name;
  int (*run)(const std::uint8_t*, std::size_t);
  fuzz::Seeds (*seeds)();
};

constexpr Target targets[] = {
#define X(name) {#name, run_##name, seeds_##name},
    KITH_FUZZ_TARGETS
#undef X
};

Bytes read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return fuzz::text(std::string(std::istreambuf_iterator<char>(file), {}));
}

std::vector<fs::path> corpus_of(const Target& target) {
  std::vector<fs::path> files;
  const fs::path directory = fs::path(KITH_CORPUS) / target.name;
  if (fs::exists(directory))
    for (const auto& entry : fs::directory_iterator(directory)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

// What aborts is named by the last line printed.
void replay(const Target& target, const std::vector<fs::path>& files) {
  std::printf("%.*s", static_cast<int>(target.name.size()), target.name.data());
  std::fflush(stdout);
  const fuzz::Seeds seeds = target.seeds();
  for (const Bytes& seed : seeds) target.run(seed.data(), seed.size());
  for (const fs::path& path : files) {
    const Bytes input = read(path);
    target.run(input.data(), input.size());
  }
  std::printf(": %zu seeds, %zu inputs\n", seeds.size(), files.size());
}

int write_seeds(const fs::path& directory) {
  for (const Target& target : targets) fuzz::write_seeds(target.seeds(), directory / target.name);
  return 0;
}

int usage() {
  std::fprintf(stderr, "fuzz_test [TARGET [FILE...]] | --seeds DIR; targets:\n");
  for (const Target& target : targets)
    std::fprintf(stderr, "  %.*s\n", static_cast<int>(target.name.size()), target.name.data());
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 2 && words[0] == "--seeds") return write_seeds(words[1]);
  std::size_t replayed = 0;
  for (const Target& target : targets) {
    // The suite's other binaries take --minimal; here it says nothing new.
    if (!words.empty() && words[0] != target.name && words[0] != "--minimal") continue;
    const bool named = words.size() > 1;
    replay(target,
           named ? std::vector<fs::path>(words.begin() + 1, words.end()) : corpus_of(target));
    ++replayed;
  }
  return replayed > 0 ? 0 : usage();
}
