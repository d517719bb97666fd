#!/usr/bin/env bash
# Each header compiles alone, one compiler run each: the doors, and with `all` the private ones too.
set -euo pipefail
source "$(dirname "$0")/setup.sh"
check() {
  ${CXX:-g++} -std=c++2b -fsyntax-only -x c++ -Iinclude -I"$(dirname "$1")" -Isrc/app \
    -include "$1" /dev/null || { printf 'does not compile alone: %s\n' "$1"; return 1; }
}
export -f check
headers=('include/*.hpp')
[ "${1:-}" = all ] && headers+=('src/*.hpp' 'tools/*.hpp')
git ls-files -co --exclude-standard "${headers[@]}" | xargs -P 2 -I{} bash -c 'check {}'
