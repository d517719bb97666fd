#!/usr/bin/env bash
# Plants known bugs one by one, by a switch, and demands that the tests or the simulator notice: a
# table of how many seeds each takes (tests/mutants/README.md). An hour or two, so not in tools/test.
#   tools/support/mutants.sh [WORD]             those whose name has the word
#   KITH_SIM_HOSTS=6 tools/support/mutants.sh   in small networks: a tenth of the cost a seed, and most bugs show
#   tools/support/mutants.sh --shrink NAME...   the smallest scenario of each, and what it cost
set -euo pipefail
source "$(dirname "$0")/setup.sh"
build=build/mutants
configure "$build" -Doptimization=2 -Ddebug=false
ninja -C "$build" kith-sim tests/mutants/kith-sim-mutants tests/mutants/mutated_{dht,membership,session}_test >/dev/null ||
  die "the build failed"
if [ "${1:-}" = --shrink ]; then
  shift
  exec nice python3 tests/mutants/ask.py "$build" shrink "$@"
fi
exec nice python3 tests/mutants/ask.py "$build" all "${1:-}"
