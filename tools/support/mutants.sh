#!/usr/bin/env bash
# Plants known bugs one by one in a copy of the tree and demands that the suite notices.
#   tools/support/mutants.sh [WORD]     those whose name has the word; not part of tools/test: each is a rebuild
#   KITH_MUTANTS=sim tools/support/mutants.sh   asks the simulator only
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
missed=0 mutants=0 simulated=0

# mutant "what" FILE 'sed script' TEST[:CASES]...: one of the tests named must fail with it; CASES, a
# doctest filter, where the whole room would only take longer to fail. The simulator is asked besides:
# how many seeds it takes to notice says what the checkers are worth.
mutant() {
  local what=$1 file=$2 script=$3
  shift 3
  case $what in *"$only"*) ;; *) return 0 ;; esac
  cp "$file" "$file.kept"
  sed -i "$script" "$file"
  cmp -s "$file" "$file.kept" && die "the mutant \"$what\" no longer applies to $file"
  local targets=() noticed=no seeds=- test
  [ "${KITH_MUTANTS:-}" != sim ] || set --
  for test in "$@"; do targets+=("tests/${test%%:*}_test"); done
  ninja -C build kith-sim "${targets[@]}" >build.log 2>&1 || { tail -n 20 build.log; die "the mutant \"$what\" does not build"; }
  for test in "$@"; do
    local cases=${test#"${test%%:*}"}
    timeout 300 "build/tests/${test%%:*}_test" ${cases:+-tc="${cases#:}"} >/dev/null 2>&1 || noticed=yes
  done
  build/kith-sim sweep --first 1 --count 400 --hosts-max 16 --seconds 60 --stop >sweep.log 2>&1 || seeds=$(sed -n 's/^\([0-9]*\) seeds, .*/\1/p' sweep.log)
  [ "$seeds" = - ] || simulated=$((simulated + 1))
  mutants=$((mutants + 1))
  mv "$file.kept" "$file"
  touch "$file"  # or the mutant stays built
  if [ "$noticed" = yes ] || [ "$seeds" != - ]; then
    printf 'noticed: %-50s tests: %-3s simulator after %s seeds: %s\n' "$what" "$noticed" "$seeds" "$(sed -n 's/^seed [0-9]*, .* s: //p' sweep.log | head -n 1)"
  else
    printf 'MISSED:  %s\n' "$what"
    missed=$((missed + 1))
  fi
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

mutant "a refused write counted" src/dht/replica.cpp \
  's/      refuse(receipt, node.mapped().id, refusal_of(refused.reason));/      acknowledge(receipt, node.mapped().id, node.mapped().entry.version);/' dht
mutant "a lower version taken over a higher" src/dht/replica.cpp \
  's/    if (held->version > version) return stale(receipt, record.id, held->version.sequence);//' dht
mutant "a failed exchange counted as reached" src/dht/repair.cpp \
  's/  if (exchange.succeeded()) reached_.insert/  reached_.insert/' dht
mutant "a leave that hands nothing over" src/dht/repair.cpp \
  's/    if (handed_over()) return/    return/' dht
mutant "who counts forgotten at a restart" src/dht/dht.cpp \
  's/    for (const Counting\& member : context.config.counting) context.view.remember(member, now);//' dht
mutant "an older version for one that cannot be shown" src/dht/get.cpp \
  's/    return discard(version);  .*/    versions_.erase(std::prev(versions_.end()));/' dht
mutant "a base of two that asks one" src/dht/get.cpp \
  's/  if (base_.size() != 2 ||/  if (base_.size() > 0 ||/' dht
mutant "one sequence signed twice" src/dht/put.cpp \
  's/, mine ? mine->value : 0});/, mine ? 0 : 0ul});/' dht
mutant "synced before it has synced" src/dht/repair.cpp \
  's/^bool Repair::enough_reached() const {/&\n  return true;/' dht
mutant "an accused member that does not sync anew" src/dht/repair.cpp \
  's/^void Repair::on_doubted() {/&\n  return;/' dht
mutant "a death with two stamps" src/membership/news.cpp \
  's/  if (entry.verdict() != Verdict::dead) return;/  return;/' membership:membership*certificate*
mutant "a certificate believed whoever was heard" src/membership/accusing.cpp \
  's/  if (entry.heard == Instant{}) return false;/  return false;/' membership:membership*certificate*
mutant "an incarnation used before its mark" src/membership/incarnation.hpp \
  's/{ return incarnation <= mark_; }/{ return incarnation.value > 0; }/' 'membership:membership: an incarnation*'
mutant "no second question through helpers" src/membership/probing.cpp \
  's/  if (probe->indirect)/  if (probe->sent <= now.mono)/' 'membership:membership: one datagram*'
mutant "time that was lost accuses" src/membership/membership.cpp \
  '/^void Membership::Impl::on_time_skipped() {/a\  if (now.mono > Instant{}) return;' 'membership:membership: time*'
mutant "a session that forgets to renew its incarnation" src/session/session.cpp \
  's/  incarnation = std::max(incarnation, in.incarnation);//' session

printf '%s mutants, %s found by the simulator\n' "$mutants" "$simulated"
[ "$missed" -eq 0 ] && { printf 'every mutant was noticed\n'; rm -rf "$copy"; exit 0; }
printf '%s missed\n' "$missed"
exit 1
