// What every libFuzzer binary can do besides fuzzing: TARGET --seeds DIR.
#include <cstdlib>

#include "seeds.hpp"

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  if (*argc != 3 || std::string_view((*argv)[1]) != "--seeds") return 0;
  kith::fuzz::write_seeds(fuzz_seeds(), (*argv)[2]);
  std::exit(0);
}
