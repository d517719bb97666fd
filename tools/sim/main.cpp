// kith-sim: the same node composition in a world of its own.
#include <unistd.h>

#include <cstdlib>

#include "commands.hpp"

// A thousand hosts are gigabytes that are touched at random; with huge pages that takes a quarter
// less of the time. malloc asks for them where it is told so before the program begins.
int main(int argc, char** argv) {
  constexpr int keep = 0;  // a setting of the user's own stands
  if (!std::getenv("GLIBC_TUNABLES") &&
      setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", keep) == 0)
    execv("/proc/self/exe", argv);  // returns only where it cannot: then without
  return kith::tool::simulate(argc, argv);
}
