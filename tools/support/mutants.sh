#!/usr/bin/env bash
# Plants known bugs one by one in a copy of the tree and demands that the suite notices.
#   tools/support/mutants.sh [WORD]     those whose name has the word; not part of tools/test: each is a rebuild
set -euo pipefail
source "$(dirname "$0")/setup.sh"
only=${1:-}
copy=$root/build/mutants
rm -rf "$copy"
mkdir -p "$copy"
git ls-files -z | xargs -0 cp --parents -t "$copy"
cd "$copy"
configure_here() { meson setup build -Doptimization=1 -Ddebug=false >/dev/null; }
configure_here
missed=0

# mutant "what" FILE 'sed script' TEST[:CASES]...: the tests named must fail with it and pass without
# it; CASES, a doctest filter, where the whole room would only take longer to fail.
mutant() {
  local what=$1 file=$2 script=$3
  shift 3
  case $what in *"$only"*) ;; *) return 0 ;; esac
  cp "$file" "$file.kept"
  sed -i "$script" "$file"
  cmp -s "$file" "$file.kept" && die "the mutant \"$what\" no longer applies to $file"
  local targets=() noticed=no test
  for test in "$@"; do targets+=("tests/${test%%:*}_test"); done
  ninja -C build "${targets[@]}" >build.log 2>&1 || { tail -n 20 build.log; die "the mutant \"$what\" does not build"; }
  for test in "$@"; do
    local cases=${test#"${test%%:*}"}
    timeout 300 "build/tests/${test%%:*}_test" ${cases:+-tc="${cases#:}"} >/dev/null 2>&1 || noticed=yes
  done
  mv "$file.kept" "$file"
  if [ "$noticed" = yes ]; then printf 'noticed: %s\n' "$what"; else printf 'MISSED:  %s\n' "$what"; missed=$((missed + 1)); fi
}

mutant "an acknowledgement before the disk" src/dht/replica.cpp \
  '/^void Replica::persist(Incoming incoming) {/a\  for (const Receipt\& receipt : std::exchange(incoming.receipts, {})) acknowledge(receipt, incoming.id, incoming.entry.version);' dht
mutant "a counter reused" src/session/keypair.cpp \
  's/const std::uint64_t counter = sent_++;/const std::uint64_t counter = sent_++ \/ 2;/' session
mutant "a write quorum one short" src/dht/view.hpp \
  's|inline std::size_t write_quorum(std::size_t base) { return base / 2 + 1; }|inline std::size_t write_quorum(std::size_t base) { return std::max<std::size_t>(base / 2, 1); }|' dht
mutant "a read quorum one short" src/dht/view.hpp \
  's|return base == 2 ? 1 : base / 2 + 1;|return std::max<std::size_t>(base / 2, 1);|' dht
mutant "the replay window forgotten" src/session/keypair.cpp \
  's/if (!window_.accept(header.counter)) return fail(OpenFailure::replayed);/window_.accept(header.counter);/' session
mutant "a dead member retired at once" src/dht/view.cpp \
  's/now - member.since >= retire_after/true/' dht
mutant "a read that does not write back" src/dht/get.cpp \
  's/  if (have >= needed) return complete(true, {});/  return complete(true, {});/' dht

mutant "a refutation ignored" src/membership/self.cpp \
  '/^void Membership::Impl::refute() {/a\  if (now.mono > Instant{}) return;' 'membership:membership: a refutation*'
mutant "a certificate one short" src/membership/accusing.cpp \
  's/  return std::min(wanted, roster.observers(subject).size());/  return std::min(wanted, roster.observers(subject).size()) - 1;/' 'membership:membership: a certificate*'

[ "$missed" -eq 0 ] && { printf 'every mutant was noticed\n'; rm -rf "$copy"; exit 0; }
printf '%s missed\n' "$missed"
exit 1
