#!/usr/bin/env python3
"""Asks the simulator, and each mutant's room, whether they notice the mutants.

  ask.py BUILD                 what the suite runs: without a mutant nothing changes; the canary
                               fails in every seed; a few mutants are found within a few seeds
  ask.py BUILD all [WORD]      every mutant whose name has the word: does its room's test fail, which
                               scenes of tests/scenes/sim do, and after how many seeds the simulator
                               finds it, from several first seeds
  ask.py BUILD scenes [WORD]   the same without the seeds
  ask.py BUILD shrink NAME...  the smallest scenario of what it finds, and its cost

A finding counts where the same seed without the mutant has none.
"""
import glob
import os
import re
import resource
import statistics
import subprocess
import sys

HOSTS = ["--hosts-max", os.environ.get("KITH_SIM_HOSTS", "12")]
STARTS = [1, 10_001, 20_001, 30_001, 40_001]
SEEDS = 600  # a start; then it is given up
SAMPLE = {"early-receipt": 12, "counter-reused": 2, "lower-over-higher": 12}
SCENES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "scenes", "sim")
build = sys.argv[1]
simulator = os.path.join(build, "tests/mutants/kith-sim-mutants")


def ask(*arguments, mutant=None, program=simulator, seconds=None):
    """Exit code, None when it did not end in time; and what it printed."""
    planted = dict(os.environ, KITH_MUTANT=mutant) if mutant else os.environ
    try:
        done = subprocess.run([program, *arguments], env=planted, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired as late:
        return None, (late.stdout or b"").decode()
    if done.returncode not in (0, 1):
        sys.exit(f"{program} {' '.join(arguments)}: exit {done.returncode}\n{done.stderr}")
    return done.returncode, done.stdout


def catalogue():
    """name -> (what, test)"""
    rows = [line.split("\t") for line in ask("--mutants")[1].splitlines()]
    return {name: (what, test) for name, what, test in rows}


sound = {}


def clean(seed):
    """Whether nothing is found in that seed without a mutant."""
    if seed not in sound:
        sound[seed] = ask("seed", str(seed), *HOSTS)[0] == 0
    return sound[seed]


def find(name, first, count=SEEDS):
    """(seed, sentence) of the first that the mutant alone fails; None: none of so many does."""
    end = first + count
    while first < end:
        seeds = ["--seeds", f"{first}..{end - 1}"]
        found = re.search(r"^seed (\d+), .* s: (.*)$", ask("sweep", *seeds, "--stop", *HOSTS, mutant=name)[1], re.M)
        if not found:
            return None
        if clean(int(found[1])):
            return int(found[1]), found[2]
        first = int(found[1]) + 1
    return None


def room_notices(test, name):
    room, _, cases = test.partition(":")
    program = os.path.join(build, f"tests/mutants/mutated_{room}_test")
    if not os.path.exists(program):
        return "-"
    return "no" if ask(*([f"-tc={cases}"] if cases else []), mutant=name, program=program, seconds=300)[0] == 0 else "yes"


def scenes_notice(name):
    """The scenes that fail with it. All hold without one: the suite plays them."""
    paths = sorted(glob.glob(os.path.join(SCENES, "*.scene")))
    return [os.path.basename(path)[:-6] for path in paths if ask("scene", path, mutant=name)[0] != 0]


def table(word, starts=STARTS):
    found, asked, unnoticed = 0, 0, 0
    print(f"| {'mutant':24} | test | scenes | simulator | median seeds | by start | sentence |\n|---|---|---|---|---|---|---|", flush=True)
    for name, (what, test) in catalogue().items():
        if word not in name:
            continue
        noticed, scenes = room_notices(test, name), scenes_notice(name)
        hits = [(first, find(name, first)) for first in starts]
        seeds = [hit[0] - first + 1 if hit else None for first, hit in hits]
        median = statistics.median_low([s or SEEDS + 1 for s in seeds]) if seeds else 0
        how_many = "-" if not seeds else median if median <= SEEDS else f"> {SEEDS}"
        times = sum(1 for s in seeds if s)
        sentences = sorted({hit[1] for _, hit in hits if hit})
        told = f"{len(scenes)}: {scenes[0]}" if scenes else "-"
        print(f"| {name:24} | {noticed} | {told} | {times} of {len(starts)} | {how_many} | "
              f"{' '.join(str(s or '-') for s in seeds)} | {'; '.join(sentences)} |", flush=True)
        seen = times > 0 or bool(scenes)
        asked, found, unnoticed = asked + 1, found + seen, unnoticed + (not seen and noticed != "yes")
    print(f"{asked} mutants, {found} found by the simulator, {unnoticed} noticed by nothing")
    return unnoticed == 0


def shrink(names):
    print("| mutant | seed | events | besides starts | hosts | runs | CPU s | sentence |\n|---|---|---|---|---|---|---|---|")
    for name in names:
        hit = find(name, STARTS[0])
        if not hit:
            sys.exit(f"{name}: not found")
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        out = os.path.join(build, f"{name}.scene")
        told = ask("shrink", "--seed", str(hit[0]), *HOSTS, "--out", out, mutant=name)[1]
        took = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
        with open(out) as file:
            events = [line.split() for line in file if re.match(r"[0-9]", line)]
        hosts = re.search(r"^hosts (\d+)", told, re.M)[1]
        print(f"| {name} | {hit[0]} | {len(events)} | {sum(1 for e in events if e[1] != 'start')} | {hosts} | "
              f"{told.split()[0]} | {took:.1f} | {hit[1]} |", flush=True)
    return True


def trace(program, seed):
    return re.search(r"trace (\w+)", ask("seed", str(seed), *HOSTS, program=program)[1])[1]


def sample():
    failed = []
    for seed in (2, 7):
        if trace(simulator, seed) != trace(os.path.join(build, "kith-sim"), seed):
            failed.append(f"seed {seed}: without a mutant the trace is not kith-sim's")
    told = ask("sweep", "--seeds", "1..10", *HOSTS, mutant="canary")[1]
    if "10 seeds, 10 failed" not in told:
        failed.append("the canary lives:\n" + told)
    for name, seeds in SAMPLE.items():
        if not find(name, 1, seeds):
            failed.append(f"{name}: not found in {seeds} seeds")
    print("\n".join(failed) or f"figure: the canary and {len(SAMPLE)} mutants are found")
    return not failed


asked_for = sys.argv[2] if len(sys.argv) > 2 else "sample"
if asked_for in ("all", "scenes"):
    good = table(sys.argv[3] if len(sys.argv) > 3 else "", STARTS if asked_for == "all" else [])
else:
    good = shrink(sys.argv[3:]) if asked_for == "shrink" else sample()
sys.exit(0 if good else 1)
