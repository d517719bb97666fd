// kith-sim-mutants: kith-sim with a known bug planted, or none.
//   kith-sim-mutants --mutants                      name, what and test of each
//   kith-sim-mutants [--mutant NAME] VERB...        whatever kith-sim can do
#include <cstdio>

#include "commands.hpp"
#include "switch.hpp"

int main(int argc, char** argv) {
  using namespace kith;
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (first == "--mutants") {
    for (const mutants::Mutant& mutant : mutants::all)
      std::printf("%s\t%s\t%s\n", mutant.name.data(), mutant.what.data(), mutant.test.data());
    return 0;
  }
  if (first != "--mutant") return tool::simulate(argc, argv);
  if (argc < 3 || !mutants::plant(argv[2])) {
    std::fprintf(stderr, "kith-sim-mutants: no such mutant; --mutants lists them\n");
    return 2;
  }
  argv[2] = argv[0];
  return tool::simulate(argc - 2, argv + 2);
}
