#!/usr/bin/env bash
# The same seed gives the same trace, whoever compiled it: kith-sim by two compilers, with and without
# optimisation, each seed several times with addresses randomised. Exit 1 when two traces differ.
#   tools/support/traces.sh [RUNS] [SEEDS]     RUNS a build and seed [25], this many seeds [1]
set -euo pipefail
source "$(dirname "$0")/setup.sh"
runs=${1:-25} seeds=${2:-1}
# shellcheck disable=SC2086
install_packages $build_packages clang-19
[ "$(cat /proc/sys/kernel/randomize_va_space 2>/dev/null || echo 0)" -gt 0 ] || printf 'note: addresses are not randomised here\n'
cache=()
command -v ccache >/dev/null && cache=(ccache)

traces=$root/build/traces
mkdir -p "$traces"
: >"$traces/all"
# All are built before the first runs: the sources may be worked on meanwhile.
builds=()
for compiler in "gcc g++" "clang-19 clang++-19"; do
  for level in 2 0; do
    dir=$traces/${compiler%% *}-O$level
    CC="${cache[*]} ${compiler% *}" CXX="${cache[*]} ${compiler#* }" configure "$dir" -Doptimization=$level -Ddebug=false -Dtests=false
    ninja -C "$dir" kith-sim >"$traces/build.log" 2>&1 || { tail -n 20 "$traces/build.log"; die "$dir does not build"; }
    builds+=("$dir")
  done
done
# One run: its build, seed and trace; a seed that fails has none.
one() {
  local told
  told=$("$1/kith-sim" seed "$2" --hosts-min 50 --hosts-max 50 --length 300) || { printf '%s\n' "$told" >&2; return 255; }
  printf '%s %s %s\n' "${1##*/}" "$2" "$(sed -n 's/.*trace \([0-9a-f]*\)$/\1/p' <<<"$told")"
}
export -f one
for dir in "${builds[@]}"; do
  for ((seed = 1; seed <= seeds; ++seed)); do
    for ((run = 0; run < runs; ++run)); do printf '%s %s\n' "$dir" "$seed"; done |
      xargs -P "$(nproc)" -L 1 bash -c 'one "$@"' _ | tee -a "$traces/all" | sort | uniq -c |
      while read -r count build number trace; do printf '%-18s seed %-4s %3s runs: %s\n' "$build" "$number" "$count" "$trace"; done
  done
done
[ "$(cut -d' ' -f2- "$traces/all" | sort -u | wc -l)" -eq "$seeds" ] || { printf 'the traces differ\n'; exit 1; }
printf '%s runs, one trace a seed\n' "$(wc -l <"$traces/all")"
