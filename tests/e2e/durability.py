"""What was acknowledged is there: after kill -9 of everybody, after any three deaths, after every
machine was replaced by an empty one, after a network cut in two halves has healed.

durability.py [puts] [replacements] [seconds cut apart]    (8 daemons, each in a namespace of its own)"""
import http.client
import itertools
import random
import sys
import threading
import time

from cluster import Bridges, at_once, get, network_file, put, result, sequence, settle
from world import Checks, World, all_see, own_network, skip, until

PUTS = int(sys.argv[1]) if len(sys.argv) > 1 else 300
REPLACED = int(sys.argv[2]) if len(sys.argv) > 2 else 2
CUT = float(sys.argv[3]) if len(sys.argv) > 3 else 8
COUNT = 8

checks = Checks()


class History:
    """What was written to each key. A reader may see any attempted value that is not older than the
    greatest acknowledged version: two writers at once may both succeed, in either order."""

    def __init__(self):
        self.attempted, self.acked, self.lock = {}, {}, threading.Lock()

    def put(self, daemon, key, value, **query):
        with self.lock:
            self.attempted.setdefault(key, set()).add(value)
        answer = put(daemon, key, value, **query)
        if answer.exit == 0:
            with self.lock:
                self.acked[key] = max(self.acked.get(key, 0), answer.json["seq"])
        return answer

    def allows(self, key, answer):
        return answer.exit == 0 and sequence(answer) >= self.acked.get(key, 0) and answer.body in self.attempted[key]


def machines(world, bridges, flags):
    """Daemons on both bridges in turn; each joins the first two."""
    daemons = []
    for i in range(COUNT):
        daemons.append(machine(world, bridges, f"n{i}", "left" if i % 2 == 0 else "right", flags).start())
    return daemons


def machine(world, bridges, name, bridge, flags):
    namespace, ip = bridges.machine(bridge)
    daemon = world.daemon(name, "--listen", ip + ":4747", "--no-lan", "--join", "10.77.0.1:4747", "--join", "10.77.0.2:4747", *flags, namespace=namespace)
    daemon.bridge = bridge
    return daemon


def all_readable(daemons, history, when):
    """Every acknowledged key, at quorum, at some daemon or other."""
    def read(item):
        key, daemon = item
        answer = get(daemon, key)
        return checks.check(history.allows(key, answer), f"{when}: {key} at {daemon.name}: exit {answer.exit}, seq {sequence(answer)} of {history.acked[key]}")

    began = time.monotonic()
    good = sum(at_once(read, zip(sorted(history.acked), itertools.cycle(daemons))))
    print(f"figure: {when}: {good} of {len(history.acked)} acknowledged keys read at quorum in {time.monotonic() - began:.1f} s")


def acknowledged_under_load(daemons):
    """Puts with 32 outstanding; then kill -9 of all while more are under way."""
    history, count, enough = History(), itertools.count(), threading.Event()

    def client(daemon):
        while True:
            i = next(count)
            key = f"load-{random.randrange(i) if i % 10 == 9 else i}"  # some are written again
            try:
                history.put(daemon, key, b"%d " % i + random.randbytes(random.choice([10, 200, 3000])))
            except (OSError, http.client.HTTPException):
                return  # killed with this one under way
            if len(history.acked) >= PUTS:
                enough.set()

    began = time.monotonic()
    clients = [threading.Thread(target=client, args=(daemons[i % COUNT],)) for i in range(32)]
    for thread in clients:
        thread.start()
    enough.wait(120)
    took = time.monotonic() - began
    for daemon in daemons:
        daemon.process.kill()
    for daemon in daemons:
        daemon.process.wait()
    for thread in clients:
        thread.join()
    for daemon in daemons:
        daemon.start()
    back = settle(daemons)
    print(f"{len(history.acked)} keys acknowledged in {took:.1f} s with 32 outstanding, then kill -9 of all {COUNT}; whole again {back:.1f} s after the restart")
    all_readable(daemons, history, f"after kill -9 of all {COUNT}")
    return history


def any_three_die(daemons, history, trios=2):
    for trio in random.sample(list(itertools.combinations(range(COUNT), 3)), trios):
        for i in trio:
            daemons[i].process.kill()
        for i in trio:
            daemons[i].process.wait()
        alive = [d for i, d in enumerate(daemons) if i not in trio]
        all_readable(alive, history, f"right after kill -9 of {', '.join(daemons[i].name for i in trio)}")
        for i in trio:
            daemons[i].start()
        settle(daemons)


def replace_all(world, bridges, daemons, history, flags):
    """kill -9, an empty newcomer in its place, until everybody is synced; then the next."""
    times = []
    for i in range(min(REPLACED, COUNT)):
        gone = daemons[i]
        gone.kill()
        began = time.monotonic()
        daemons[i] = machine(world, bridges, f"r{i}", gone.bridge, flags)
        daemons[i].flags += ["--join", daemons[(i + 1) % COUNT].flags[1]]  # the first two go too
        daemons[i].start()

        def repaired():
            statuses = [d.try_status() for d in daemons]
            settled = all(s and s["synced"] and s["members"]["alive"] == COUNT and s["members"]["suspect"] == 0 for s in statuses)
            return settled and all(d.state_of(gone.name) != "alive" and s["repair"]["under_replicated"] == 0 for d, s in zip(daemons, statuses))

        until(repaired, 90, f"everybody synced after the replacement of {gone.name}")
        times.append(time.monotonic() - began)
        held = daemons[i].status()["records"]
        checks.check(held >= len(history.acked), f"the newcomer holds {held} of {len(history.acked)} records")
        print(f"replaced {gone.name}: synced everywhere after {times[-1]:.1f} s, the newcomer holds {held} records")
    if times:
        print(f"figure: {len(times)} of {COUNT} machines replaced one after another: repair {' '.join(f'{t:.1f}' for t in times)} s")
        all_readable(daemons, history, f"after {len(times)} replacements")


def split_in_halves(bridges, daemons):
    """4/4: both sides store what they can and say `partial`; healed, every daemon reads it or a later one."""
    history, floor = History(), {}
    sides = [[d for d in daemons if d.bridge == side] for side in ("left", "right")]
    for i in range(20):
        checks.check(history.put(daemons[i % COUNT], f"split-{i}", b"before").exit == 0, "put before the cut")
    bridges.cut()
    began, answers, lock = time.monotonic(), [], threading.Lock()

    def note(key, answer):
        with lock:
            answers.append(answer)
            if answer.exit != 1 and result(answer)["stored"]:
                floor[key] = max(floor.get(key, 0), result(answer)["seq"])

    def client(side, number):
        n = 0
        while time.monotonic() - began < CUT:
            key = f"split-{random.randrange(40)}"
            answer = history.put(side[n % len(side)], key, f"{number} {n}".encode(), timeout="1s")
            n += 1
            note(key, answer)

    clients = [threading.Thread(target=client, args=(sides[i % 2], i)) for i in range(4)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    # A whole half restarts while it is apart: it does not forget that it is a half.
    for daemon in sides[0]:
        daemon.kill()
        daemon.start()
    until(lambda: all_see(sides[0]), 20, "the restarted half sees itself")
    for n in range(40):
        note(f"split-{n}", history.put(sides[0][n % len(sides[0])], f"split-{n}", f"restarted {n}".encode(), timeout="1s"))
    missing = get(sides[0][0], "never written", timeout="1s")
    checks.check(missing.exit == 6, f"what a half does not have may exist: {missing.exit}")
    exits = {code: sum(a.exit == code for a in answers) for code in {a.exit for a in answers}}
    applied = [a.body for a in answers if a.exit == 0 or result(a).get("outcome") == "applied"]
    checks.check(not applied, f"{len(applied)} puts of a half were applied: {applied[:1]}")
    checks.check(set(exits) <= {6, 1}, f"exit codes of puts in a half: {exits}")
    dead = [d.status()["members"]["dead"] for d in daemons]
    bridges.heal()
    whole = until(lambda: all_see(daemons), 60, "all see all after the cut")
    whole += until(lambda: all(d.status()["synced"] for d in daemons), 60, "all synced after the cut")
    print(f"figure: cut 4/4 for {CUT:.0f} s (dead as each saw it: {dead}): {len(answers)} puts, exits {exits}, none applied; whole again {whole:.1f} s after healing")
    good = 0
    for key in floor:
        reads = [get(d, key) for d in daemons]
        same = len({(a.exit, sequence(a), a.body) for a in reads}) == 1 and reads[0].exit == 0
        later = all(sequence(a) >= floor[key] and history.allows(key, a) for a in reads)
        good += checks.check(same and later, f"{key} after healing: {[(a.exit, sequence(a), a.body) for a in reads]}, stored {floor[key]}")
    print(f"figure: after healing {good} of {len(floor)} keys stored on either side are read, the stored value or a later one, the same on all {COUNT}")


def main():
    if not own_network():
        skip("needs root for network namespaces")
    world = World()
    bridges = Bridges(world)
    flags = ["--network-file", network_file(world)]
    daemons = machines(world, bridges, flags)
    settle(daemons)
    history = acknowledged_under_load(daemons)
    any_three_die(daemons, history)
    replace_all(world, bridges, daemons, history, flags)
    split_in_halves(bridges, daemons)
    checks.finish()


main()
