# Sourced by the tools: the project's root, messages, and the packages a build needs.
# shellcheck shell=bash
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root" || exit 1

build_packages="g++ meson ninja-build pkg-config libboost1.81-dev libsodium-dev nlohmann-json3-dev liblmdb-dev libspdlog-dev libcli11-dev prometheus-cpp-dev"
test_packages="doctest-dev iproute2 nftables curl python3 tcpdump"
fuzz_packages="clang-19 libclang-rt-19-dev llvm-19"

say() { printf '\n== %s\n' "$*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

# install_packages NAME...: what is missing, by apt when we may; elsewhere the list is printed.
install_packages() {
  local missing=() name
  if ! command -v dpkg-query >/dev/null; then
    command -v meson >/dev/null && command -v ninja >/dev/null && return 0
    die "This is not Debian or Ubuntu: install what these packages hold, then run this again: $*"
  fi
  for name in "$@"; do
    dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' || missing+=("$name")
  done
  [ "${#missing[@]}" -eq 0 ] && return 0
  say "installing packages: ${missing[*]}"
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "Not root and no sudo. Install these packages, then run this again: ${missing[*]}"
    sudo=(sudo)
  fi
  "${sudo[@]}" apt-get update -qq || die "apt-get update failed: is there a network?"
  DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    die "apt-get install failed for: ${missing[*]}"
}

# configure DIR [meson options]: makes a build directory, or keeps the one that is there.
configure() {
  local dir=$1
  shift
  [ -f "$dir/build.ninja" ] || meson setup "$dir" "$@" >"$root/build-setup.log" 2>&1 ||
    { cat "$root/build-setup.log"; rm -f "$root/build-setup.log"; die "meson setup failed"; }
  rm -f "$root/build-setup.log"
}
