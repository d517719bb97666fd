#!/usr/bin/env bash
# The great sweep: 2000 seeds of 3 to 200 hosts, all faults, all checkers, one in a hundred with the real crypto. Some hours
# of CPU, so it is kept in files that are named by the last commit of the protocol and of the simulator, and goes on where
# it ended; a new protocol, or other faults and checkers, begin anew.
#   tools/support/sweep.sh [SECONDS]     no new seed after so long [600]; then the table; exit 1 if a seed failed
set -euo pipefail
source "$(dirname "$0")/setup.sh"
time=${1:-600} seeds=2000 real=20 parts=4
rooms=(wire crypto session membership dht kad reconcile discovery node nullcrypto sim)
protocol=("${rooms[@]/#/src/}" "${rooms[@]/#/include/kith/}" include/kith/base
  ':(exclude,glob)**/*.md' ':(exclude,glob)**/meson.build')
[ -z "$(git status --porcelain -- "${protocol[@]}")" ] || die "the protocol's rooms have changes that are not committed"
commit=$(git log -1 --format=%h -- "${protocol[@]}")
# shellcheck disable=SC2086
install_packages $build_packages
# By what it does most, twice as fast as at -O2. Profiles hold for the sources they were made from only.
build() { CCACHE_DISABLE=1 ninja -C build/sweep kith-sim kith-sim-real >/dev/null 2>&1 || die "the build failed"; }
if [ "$(cat build/sweep/profiled 2>/dev/null)" != "$commit" ]; then
  say "building, measuring, building again: some ten minutes"
  rm -rf build/sweep
  configure build/sweep -Doptimization=3 -Ddebug=false -Dtests=false -Db_lto=true -Db_pgo=generate
  build
  build/sweep/kith-sim sweep --seeds 1..40 --hosts-max 30 >/dev/null || true
  build/sweep/kith-sim seed 1 --hosts-min 100 --hosts-max 100 --length 60 >/dev/null || true
  build/sweep/kith-sim-real seed 1 --hosts-max 10 >/dev/null || true
  meson configure build/sweep -Db_pgo=use -Dcpp_args=-Wno-missing-profile
  build
  printf '%s\n' "$commit" >build/sweep/profiled
fi
results=tests/sim/sweep/$commit
mkdir -p "$results"
each=$(((seeds - real) / parts)) begun=$SECONDS
part() { # PROGRAM FIRST COUNT: the seeds from there, with what is left of the time
  local left=$((time - (SECONDS - begun)))
  [ "$left" -gt 0 ] || return 0
  nice "build/sweep/$1" sweep --seeds "$2..$(($2 + $3 - 1))" --seconds "$left" --results "$results/$2.json" |
    grep --line-buffered -A 2 '^seed ' || true
}
say "seeds 1 to $seeds, protocol of $commit: $time s"
for ((worker = 0; worker < $(nproc); ++worker)); do
  for ((at = worker; at < parts; at += $(nproc))); do part kith-sim $((1 + at * each)) "$each"; done &
done
wait
part kith-sim-real $((seeds - real + 1)) "$real"
build/sweep/kith-sim results "$results"/*.json
