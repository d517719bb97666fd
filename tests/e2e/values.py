"""Values come back exactly: every size, every key, from every daemon; with TTL, deletes, two writers,
owned names, each consistency level, and an honest answer when too few replicas are alive.

values.py [keys] [daemons]"""
import random
import signal
import sys
import threading
import time

from cluster import at_once, delete, get, loopback_cluster, network_file, put, result, sequence, sizes
from world import Checks, World, own_network, until

KEYS = int(sys.argv[1]) if len(sys.argv) > 1 else 120
COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 5

checks = Checks()


def keys_of_all_kinds(count):
    special = ["a", "k" * 512, "with space", "a/b//c/", "..", "%41", "?x=1&y", "ключ", "鍵" * 170, "nul\0nul", "line\nline", "+"]
    return special + [f"key-{i}" for i in range(count - len(special))]


def exact_everywhere(daemons):
    """Put at a random daemon, read at every other."""
    written = [(key, random.randbytes(size)) for key, size in zip(keys_of_all_kinds(KEYS), sizes(KEYS))]
    started = time.monotonic()

    def write(item):
        key, value = item
        writer = random.choice(daemons)
        answer = put(writer, key, value)
        return checks.check(answer.exit == 0 and answer.json["outcome"] == "applied", f"put {key[:20]!r} of {len(value)}: {answer.body[:200]}") and writer

    writers = at_once(write, written)
    put_time = time.monotonic() - started

    def read(item):
        writer, (key, value) = item
        exact = 0
        for reader in daemons:
            if reader is writer:
                continue
            answer = get(reader, key)
            same = answer.exit == 0 and answer.status == 200 and answer.body == value
            exact += checks.check(same, f"{key[:20]!r} at {reader.name}: exit {answer.exit}, {len(answer.body)} of {len(value)} bytes")
        return exact

    exact = sum(at_once(read, zip(writers, written)))
    print(f"figure: {KEYS} keys of 0 B to 64 KiB, {COUNT} daemons: {exact} of {KEYS * (COUNT - 1)} reads at other daemons exact "
          f"(puts {put_time:.1f} s, all {time.monotonic() - started:.1f} s)")


def overwritten_and_deleted(daemons):
    for i in range(10):
        value = b"version %d" % i
        checks.check(put(daemons[i % COUNT], "again", value).exit == 0, f"overwrite {i}")
        read = get(daemons[(i + 1) % COUNT], "again")
        checks.check(read.body == value, f"the newest is read: {read.body} and not {value}")
    checks.check(delete(daemons[1], "again").exit == 0, "delete")
    for daemon in daemons:
        answer = get(daemon, "again")
        checks.check((answer.exit, answer.status) == (3, 404), f"deleted at {daemon.name}: exit {answer.exit}")
    checks.check(delete(daemons[2], "never written").exit == 0, "deleting what is not there is no error")
    checks.check(put(daemons[0], "again", b"back").exit == 0 and get(daemons[2], "again").body == b"back", "written again after a delete")
    print("overwritten, deleted and written again: ok")


def with_ttl(daemons):
    started = time.monotonic()
    checks.check(put(daemons[0], "short", b"lived", ttl="1500ms").exit == 0, "put with a ttl")
    early = [get(d, "short") for d in daemons]
    if time.monotonic() - started < 1.4:
        checks.check(all(a.body == b"lived" for a in early), "there before it expires")
    until(lambda: all(get(d, "short").exit == 3 for d in daemons), 5, "gone everywhere after its ttl")
    lived = time.monotonic() - started
    checks.check(lived >= 1.4, f"it expired early: {lived:.2f} s")
    checks.check(put(daemons[1], "short", b"anew").exit == 0 and get(daemons[0], "short").body == b"anew", "written again after its ttl")
    print(f"figure: a ttl of 1.5 s: gone on all {COUNT} after {lived:.2f} s")


def two_writers(daemons, rounds=12, each=6):
    """Two writers at once on one key: all readers agree on one winner, no reader goes back in time,
    and nobody reads less than what was acknowledged before it asked."""
    unfinished = 0
    for i in range(rounds):
        key, acked, lock, stop = f"contended-{i}", [0], threading.Lock(), threading.Event()

        def write(daemon):
            nonlocal unfinished
            for n in range(each):
                answer = put(daemon, key, f"{daemon.name} {n}".encode())
                with lock:
                    unfinished += answer.exit != 0
                    if answer.exit == 0:
                        acked[0] = max(acked[0], answer.json["seq"])

        def read(daemon):
            last = 0
            while not stop.is_set():
                floor = acked[0]
                answer = get(daemon, key)
                if answer.exit == 0:
                    seen = sequence(answer)
                    checks.check(seen >= last, f"{key}: {daemon.name} went back from {last} to {seen}")
                    checks.check(seen >= floor, f"{key}: {daemon.name} read {seen} after {floor} was acknowledged")
                    last = seen
                elif answer.exit == 3:
                    checks.check(last == 0 and floor == 0, f"{key}: not found after it was seen or acknowledged")

        readers = [threading.Thread(target=read, args=(daemons[2 + r],)) for r in range(2)]
        writers = [threading.Thread(target=write, args=(daemons[w],)) for w in range(2)]
        for thread in readers + writers:
            thread.start()
        for thread in writers:
            thread.join()
        stop.set()
        for thread in readers:
            thread.join()
        finals = [get(d, key) for d in daemons]
        winners = {(sequence(a), a.headers.get("X-Kith-Writer"), a.body) for a in finals}
        checks.check(len(winners) == 1 and all(a.exit == 0 for a in finals), f"{key}: readers disagree: {winners}")
        checks.check(min(sequence(a) for a in finals) >= acked[0], f"{key}: the winner is older than what was acknowledged")
    print(f"figure: two writers at once, {rounds} keys, {rounds * each * 2} puts: one winner each; {unfinished} puts not applied")


def owned_names(daemons):
    a, b, reader = daemons[0], daemons[1], daemons[2]
    checks.check(put(a, "profile", b"of a", owned=1).exit == 0 and put(b, "profile", b"of b", owned=1).exit == 0, "two owners, one name")
    checks.check(put(b, "profile", b"shared").exit == 0, "the shared key of that name")
    for daemon in daemons:
        got = [get(daemon, "profile", owner=owner).body for owner in (a.status()["id"], b.name, None)]
        checks.check(got == [b"of a", b"of b", b"shared"], f"at {daemon.name}: {got}")
    checks.check(put(a, "profile", b"of a, later", owned=1).exit == 0 and get(reader, "profile", owner=a.name).body == b"of a, later", "its owner writes again")
    checks.check(get(reader, "profile", owner=a.name).headers["X-Kith-Kind"] == "owned", "kind owned")
    checks.check(delete(a, "profile", owned=1).exit == 0 and get(reader, "profile", owner=a.name).exit == 3, "its owner deletes it")
    checks.check(get(reader, "profile", owner=b.name).body == b"of b", "the other's is untouched")
    checks.check(get(reader, "nothing", owner=a.name).exit == 3, "an owned name that does not exist")
    print("owned names: ok")


def bad_requests(daemon):
    for answer, what in [(put(daemon, "x" * 513, b""), "a key of 513 bytes"), (put(daemon, "x", b"", ttl="5"), "a ttl without a unit"),
                         (put(daemon, "x", b"", consistency="most"), "an unknown consistency"), (put(daemon, "x", b"", colour="red"), "an unknown option"),
                         (daemon.request("PUT", "/v1/kv/%ff", body=b""), "a key that is not UTF-8"), (daemon.request("PUT", "/v1/kv/", body=b""), "an empty key")]:
        checks.check((answer.exit, answer.status) == (2, 400), f"{what}: exit {answer.exit}, {answer.status}")
    for size in (65537, 70000):
        answer = put(daemon, "x", bytes(size))
        checks.check((answer.exit, answer.status) == (2, 413), f"a value of {size}: exit {answer.exit}, {answer.status}")
    checks.check(get(daemon, "x").exit == 3, "nothing of it was stored")


def each_level(daemons):
    """One, quorum and all: with everybody, with one paused, with most of them killed."""
    for level in ("one", "quorum", "all"):
        answer = put(daemons[0], "level-" + level, b"v", consistency=level)
        needed = {"one": 1, "quorum": COUNT // 2 + 1, "all": COUNT}[level]
        checks.check(answer.exit == 0 and answer.json["needed"] == needed and len(answer.json["stored"]) >= needed, f"put {level}: {answer.body}")
        # One promises no more than one: it may not be at another's replica yet.
        until(lambda: get(daemons[1], "level-" + level, consistency=level).body == b"v", 1 if level == "one" else 0, f"get {level}")
    # One is paused, too shortly to be called dead: `all` cannot be, the others can.
    daemons[-1].signal(signal.SIGSTOP)
    began = time.monotonic()
    answers = {level: put(daemons[0], "paused-" + level, b"v", consistency=level, timeout="1s") for level in ("one", "quorum", "all")}
    read = get(daemons[0], "paused-quorum", consistency="all", timeout="500ms")
    daemons[-1].signal(signal.SIGCONT)
    paused = time.monotonic() - began
    checks.check([answers[level].exit for level in ("one", "quorum", "all")] == [0, 0, 6], f"with one paused: { {k: a.body for k, a in answers.items()} }")
    partial = result(answers["all"])
    checks.check(partial["outcome"] == "unknown" and len(partial["stored"]) == COUNT - 1 and partial["needed"] == COUNT, f"the partial put: {partial}")
    checks.check((read.exit, read.status, read.body) == (6, 206, b"v"), f"a read of all with one paused: {read.exit} {read.body}")
    if paused < 2.5:
        checks.check(all(d.status()["members"]["dead"] == 0 for d in daemons), f"a pause of {paused:.1f} s was taken for a death")
    print(f"consistency levels: with all alive and with one paused for {paused:.1f} s: ok")


def too_few(daemons):
    """A minority left alive: every put says partial, every get says what it has; nobody says applied."""
    checks.check(put(daemons[0], "before", b"kept").exit == 0, "put before the deaths")
    alive = daemons[:COUNT // 2]
    for daemon in daemons[COUNT // 2:]:
        daemon.process.kill()
    began, answers = time.monotonic(), []
    for daemon in daemons[COUNT // 2:]:
        daemon.process.wait()
    while time.monotonic() - began < 8:  # before, while and after their deaths become known
        answers.append(put(alive[len(answers) % len(alive)], f"late-{len(answers)}", b"v", timeout="2s"))
    checks.check(all(a.exit == 6 for a in answers), f"puts of a minority: {[a.exit for a in answers]}")
    checks.check(all(result(a)["outcome"] == "unknown" and len(result(a)["stored"]) <= len(alive) for a in answers), "they say whom they have")
    read, missing = get(alive[0], "before"), get(alive[0], "never")
    checks.check((read.exit, read.body) == (6, b"kept"), f"a read of a minority: {read.exit} {read.body}")
    checks.check(missing.exit == 6, f"what a minority does not find may exist: {missing.exit}")
    checks.check(get(alive[0], "before", consistency="one").exit == 0, "consistency one is content with one")
    for daemon in daemons[COUNT // 2:]:
        daemon.start()
    took = until(lambda: all(get(d, "late-0").exit == 0 and get(d, "before").exit == 0 for d in daemons if d.try_status()), 30, "whole again")
    print(f"figure: {len(alive)} of {COUNT} alive: {len(answers)} puts, all partial; after the return of the others complete in {took:.1f} s")


def few_come_back(daemons):
    """All are killed and a minority comes back: it remembers how many they were."""
    for daemon in daemons:
        daemon.process.kill()
    for daemon in daemons:
        daemon.process.wait()
    few = daemons[:COUNT // 2]
    for daemon in few:
        daemon.start()
    until(lambda: all((d.try_status() or {"members": {"alive": 0}})["members"]["alive"] == len(few) for d in few), 20, "the few see each other")
    began, answers = time.monotonic(), []
    while time.monotonic() - began < 4:
        answers.append(put(few[len(answers) % len(few)], f"few-{len(answers)}", b"v", timeout="2s"))
    missing = get(few[0], "never written")
    checks.check(all(a.exit == 6 for a in answers), f"puts of the few that came back: {sorted({a.exit for a in answers})}")
    checks.check(missing.exit == 6, f"what the few do not have may exist: {missing.exit}")
    checks.check(not few[0].status()["synced"], "and they do not say that they have everything")
    for daemon in daemons[COUNT // 2:]:
        daemon.start()
    took = until(lambda: all(d.try_status() and d.status()["synced"] and get(d, "few-0").exit == 0 for d in daemons), 30, "whole again")
    print(f"figure: all killed, {len(few)} of {COUNT} come back: {len(answers)} puts, all partial; whole {took:.1f} s after the others came back too")


def nobody_synced(world):
    """A daemon that waits for a peer it knows: a put has nowhere to go, and says so."""
    lost = world.daemon("lost", "--listen", "127.0.0.1:0", "--no-lan", "--network-file", network_file(world, "lost"), "--join", "127.0.0.1:9").start()
    until(lost.try_status, 10, "it answers")
    answer = put(lost, "x", b"v", timeout="300ms")
    checks.check(answer.exit == 5 and result(answer)["stored"] == [], f"nobody has it: {answer.exit} {answer.body}")


def main():
    own_network()
    world = World()
    daemons = loopback_cluster(world, COUNT)
    exact_everywhere(daemons)
    overwritten_and_deleted(daemons)
    with_ttl(daemons)
    two_writers(daemons)
    owned_names(daemons)
    bad_requests(daemons[0])
    each_level(daemons)
    too_few(daemons)
    few_come_back(daemons)
    nobody_synced(world)
    checks.finish()


main()
