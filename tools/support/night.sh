#!/usr/bin/env bash
# The long form of what tools/test runs a sample of: seeds, fuzzing, kill -9, power failures, disk
# errors, for so many minutes, and a report a person can read. Building comes before and takes what it takes.
#   tools/check --night [MINUTES]        480 unless told; the report is build/night/report.txt
set -euo pipefail
source "$(dirname "$0")/setup.sh"
minutes=${1:-480}
case $minutes in '' | *[!0-9]*) die "--night takes a number of minutes, not \"$minutes\"" ;; esac
[ "$minutes" -gt 0 ] || die "--night takes a number of minutes, not \"$minutes\""
# shellcheck disable=SC2086
install_packages $build_packages $test_packages $fuzz_packages
out=$root/build/night
rm -rf "$out"
mkdir -p "$out"
first=$(date +%s)  # fresh seeds each night; the report names them
failed=0

share() { echo $((minutes * 60 * $1 / 100)); } # of the night, in seconds

# part NAME PERCENT COMMAND...: SECONDS in COMMAND becomes its share of the time. What it says goes to
# NAME.txt, its last line of the form "12 seeds, ..." to the table of the report.
part() {
  local name=$1 status=0 begun=$SECONDS seconds result word
  seconds=$(share "$2")
  shift 2
  say "$name ($seconds s)"
  nice "${@//SECONDS/$seconds}" >"$out/$name.txt" 2>&1 || status=$?
  case $status in
    0) word=ok ;;
    77) word=skipped ;;
    *) word=FOUND failed=$((failed + 1)) ;;
  esac
  sed -i 's/.*\r//' "$out/$name.txt"  # progress
  result=$(grep -E '^[0-9]+ (seeds|targets|rounds|passed)' "$out/$name.txt" | tail -n 1 || true)
  printf '%-12s %-8s %6s s  %s\n' "$name" "$word" $((SECONDS - begun)) "$result" | tee -a "$out/table"
  { printf '\n== %s: exit %s\n' "$name" "$status"; tail -n 60 "$out/$name.txt"; } >>"$out/details"
}
# Loops that count cycles rather than seconds: as many short rounds as fit, each with a seed of its own.
rounds() {
  local until=$((SECONDS + $1)) round=0
  shift
  while [ "$SECONDS" -lt "$until" ]; do
    round=$((round + 1))
    "$@" $((first + round)) || return
  done
  printf '%s rounds of %s, seeds %s to %s\n' "$round" "$(basename "$2")" $((first + 1)) $((first + round))
}
export -f rounds
export first

say "building"
configure build/test -Doptimization=1 -Ddebug=false -Dcpp_args=-g1
ninja -C build/test >"$out/build.txt" || die "the build failed: $out/build.txt"
./tools/fuzz --build >>"$out/build.txt" || die "the build of the fuzz targets failed: $out/build.txt"
export KITH_BUILD=$root/build/test

part sweep 40 build/test/kith-sim sweep --seeds "$first.." --seconds SECONDS
# A seed of 400 hosts takes ten minutes or more, and one that has begun is played to its end.
part sweep-large 10 build/test/kith-sim sweep --seeds "$first.." --hosts-min 200 --hosts-max 400 --seconds SECONDS
part sweep-real 5 build/test/kith-sim-real sweep --seeds "$first.." --hosts-max 20 --seconds SECONDS
part fuzz 25 ./tools/fuzz --seconds $(($(share 25) / $(./tools/fuzz --list | wc -l) + 1))
part kill 10 bash -c 'rounds SECONDS python3 tests/crash/kill_loop.py 400'
part power 5 bash -c 'rounds SECONDS python3 tests/crash/power_fail.py 5000'
# Every n-th call of a disk: n such that it takes about its share. All calls take some 20 minutes.
step=$((1200 / ($(share 5) + 1) + 1))
part errors 5 python3 tests/crash/errors.py $step $((step * 4))

{
  printf 'kith %s, %s, %s: %s minutes, seeds from %s\n\n' "$(git describe --always --dirty)" "$(uname -m)" \
    "$(date -u +%Y-%m-%dT%H:%MZ)" "$minutes" "$first"
  cat "$out/table"
  printf '\nAll each part said is in build/night/PART.txt; the end of it:\n'
  cat "$out/details"
} >"$out/report.txt"
rm "$out/table" "$out/details"
cat "$out/report.txt"
[ "$failed" -eq 0 ] && { say "nothing was found"; exit 0; }
say "$failed parts found something: see $out"
exit 1
