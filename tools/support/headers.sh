#!/usr/bin/env bash
# Each header compiles alone: doors and private headers, one compiler run each.
set -euo pipefail
source "$(dirname "$0")/setup.sh"
check() {
  ${CXX:-g++} -std=c++2b -fsyntax-only -x c++ -Iinclude -I"$(dirname "$1")" -Isrc/app \
    -include "$1" /dev/null || { printf 'does not compile alone: %s\n' "$1"; return 1; }
}
export -f check
git ls-files -co --exclude-standard 'include/*.hpp' 'src/*.hpp' 'tools/*.hpp' | xargs -P 2 -I{} bash -c 'check {}'
