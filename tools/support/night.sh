#!/usr/bin/env bash
# The long form of what tools/test runs a sample of: seeds, fuzzing, kill -9, power failures, disk
# errors, for so many minutes, and a report a person can read.
#   tools/check --night [MINUTES]        480 unless told; the report is build/night/report.txt
set -euo pipefail
source "$(dirname "$0")/setup.sh"
minutes=${1:-480}
case $minutes in '' | *[!0-9]*) die "--night takes a number of minutes, not \"$minutes\"" ;; esac
# shellcheck disable=SC2086
install_packages $build_packages $test_packages $fuzz_packages
out=$root/build/night
rm -rf "$out"
mkdir -p "$out"
first=$(date +%s)  # fresh seeds each night; the report names them
failed=0

# part NAME SHARE COMMAND...: COMMAND gets SECONDS in its arguments replaced by its share of the time.
part() {
  local name=$1 share=$2 status=0 begun=$SECONDS
  shift 2
  local seconds=$((minutes * 60 * share / 100))
  say "$name ($seconds s)"
  nice "${@//SECONDS/$seconds}" >"$out/$name.txt" 2>&1 || status=$?
  [ "$status" -eq 0 ] || [ "$status" -eq 77 ] || failed=$((failed + 1))
  { printf '\n== %s: exit %s after %s s\n' "$name" "$status" $((SECONDS - begun)); tail -n "${tail_lines:-40}" "$out/$name.txt"; } >>"$out/report.txt"
}
# Loops that count cycles rather than seconds: as many rounds as fit.
rounds() {
  local until=$((SECONDS + $1)) round=0 # shellcheck disable=SC2034
  shift
  while [ "$SECONDS" -lt "$until" ]; do round=$((round + 1)); "$@" "$((first + round))" || return; done
}
export -f rounds
export first

configure build/test -Doptimization=1 -Ddebug=true
ninja -C build/test >/dev/null || die "the build failed"
export KITH_BUILD=$root/build/test
printf 'kith %s, %s, %s minutes, seeds from %s\n' "$(git describe --always --dirty)" "$(uname -m)" "$minutes" "$first" >"$out/report.txt"
tail_lines=60 part sweep 40 build/test/kith-sim sweep --first "$first" --count 1000000000 --seconds SECONDS
tail_lines=10 part sweep-large 10 build/test/kith-sim sweep --first "$first" --count 1000000000 --hosts-min 200 --hosts-max 1000 --seconds SECONDS
tail_lines=10 part sweep-real 5 build/test/kith-sim-real sweep --first "$first" --count 1000000000 --hosts-max 20 --seconds SECONDS
targets=$(sed -n "s/^  '\([a-z_0-9]*\)': \[\[.*/\1/p" tests/fuzz/meson.build | wc -l)
part fuzz 25 ./tools/fuzz --seconds $((minutes * 60 * 25 / 100 / targets + 1))
part kill 10 bash -c 'rounds SECONDS python3 tests/crash/kill_loop.py 2000'
part power 5 bash -c 'rounds SECONDS python3 tests/crash/power_fail.py 20000'
part errors 5 python3 tests/crash/errors.py 1 10

cat "$out/report.txt"
[ "$failed" -eq 0 ] && { say "nothing was found"; exit 0; }
say "$failed parts found something: see $out"
exit 1
