#!/usr/bin/env bash
# Each header compiles alone, one compiler run each. Without `all` only the doors.
set -euo pipefail
source "$(dirname "$0")/setup.sh"
check() {
  ${CXX:-g++} -std=c++2b -fsyntax-only -x c++ -Iinclude -I"$(dirname "$1")" -Isrc/app \
    -include "$1" /dev/null || { printf 'does not compile alone: %s\n' "$1"; return 1; }
}
export -f check
if [ "${1:-}" = all ]; then
  git ls-files -co --exclude-standard 'include/*.hpp' 'src/*.hpp' 'tools/*.hpp'
else
  git ls-files -co --exclude-standard 'include/*.hpp'
fi | xargs -P 2 -I{} bash -c 'check {}'
