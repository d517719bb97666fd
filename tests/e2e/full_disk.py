"""A full disk: puts end with a definite error, reads and membership go on, a restart works, and puts
work again when space returns. The data directory is a small tmpfs in a mount namespace of its own."""
import os
import random
import signal
import sys

from cluster import all_synced, get, loopback_cluster, own_mounts, put, result
from world import Checks, World, all_see, need_root, own_network, run, until

MIB = 1 << 20
SIZE = 24 * MIB

checks = Checks()


def mount_small(daemon):
    os.makedirs(daemon.data, mode=0o700)
    run("mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "tmpfs", daemon.data)


def fill(directory):
    """Writes a file until not a byte more fits."""
    path = os.path.join(directory, "ballast")
    with open(path, "ab", buffering=0) as out:
        for chunk in (MIB, 4096, 1):
            try:
                while out.write(bytes(chunk)) == chunk:
                    pass
            except OSError:
                pass
    return path


def lone(world):
    """One daemon alone: its disk is the only one there is."""
    daemon = world.daemon("alone", "--listen", "127.0.0.1:0", "--no-lan", "--log-level", "debug")
    mount_small(daemon)
    daemon.start()
    until(lambda: (daemon.try_status() or {}).get("synced"), 10, "a lone daemon is synced")
    checks.check(put(daemon, "before", b"kept").exit == 0, "put while there is room")
    stored = 1
    while True:  # its own records fill the disk
        answer = put(daemon, f"filler-{stored}", os.urandom(65536))
        if answer.exit != 0:
            break
        stored += 1
        if stored > SIZE // 65536:
            checks.check(False, "the disk never filled")
            break
    error = answer.json["error"]
    print(f"full after {stored} values of 64 KiB on {SIZE // MIB} MiB: exit {answer.exit}, {answer.status}: {error['message']}")
    checks.check(answer.exit == 1 and answer.status == 503 and "full" in error["message"], f"a definite error that says why: {answer.body}")
    ballast = fill(daemon.data)
    # Small ones may fit into pages that the database already has; each gets a definite answer.
    more = {f"more-{i}": os.urandom(random.choice([0, 10, 1000, 30000])) for i in range(100)}
    exits = {key: put(daemon, key, value, timeout="2s").exit for key, value in more.items()}
    checks.check(set(exits.values()) <= {0, 1} and 1 in exits.values(), f"puts on a full disk: {sorted(set(exits.values()))}")
    checks.check(daemon.alive() and get(daemon, "before").body == b"kept", "it lives and reads go on")
    checks.check(all(get(daemon, f"filler-{i}").exit == 0 for i in range(1, stored)), "every acknowledged value is read")
    checks.check(daemon.stop() == 0, "it stops with 0 on a full disk")
    daemon.start()
    until(daemon.try_status, 10, "it starts on a full disk")
    checks.check(get(daemon, "before").body == b"kept", "what was acknowledged is there after a restart")
    for key, value in more.items():
        answer = get(daemon, key)
        checks.check(answer.body == value if exits[key] == 0 else answer.exit == 3, f"{key}: put exit {exits[key]}, get exit {answer.exit}")
    os.unlink(ballast)
    back = until(lambda: put(daemon, "after", b"room again").exit == 0, 5, "puts work when space returns")
    checks.check(get(daemon, "after").body == b"room again", "and are read")
    print(f"figure: a lone daemon on a full disk: puts refused with exit 1, reads and a restart work; puts work {back:.2f} s after space returned")
    daemon.stop()


def incarnation_at(daemon, member):
    return next(m["incarnation"] for m in daemon.members() if m["name"] == member.name)


def one_of_three(world):
    """One full disk among three: the others carry the writes; it stays a member and catches up."""
    daemons = loopback_cluster(world, 3)
    full = daemons[1]
    full.stop()
    kept = full.data + ".kept"
    os.rename(full.data, kept)
    mount_small(full)
    run("cp", "-a", kept + "/.", full.data)
    full.start()
    until(lambda: all_see(daemons) and all_synced(daemons), 20, "back on a small disk")
    checks.check(put(daemons[0], "shared", b"v0").exit == 0, "put with room")
    ballast = fill(full.data)
    incarnation = incarnation_at(daemons[0], full)
    for i in range(20):
        answer = put(daemons[i % 3], f"during-{i}", os.urandom(30000))
        checks.check(answer.exit == 0 and len(answer.json["stored"]) >= 2, f"the other two carry it: {answer.body}")
    refused = put(daemons[0], "every one", os.urandom(30000), consistency="all", timeout="3s")
    checks.check(refused.exit == 6 and result(refused)["outcome"] == "unknown", f"all three cannot: {refused.body}")
    checks.check(all(get(full, f"during-{i}").exit == 0 for i in range(20)), "the full one reads what the others have")
    full.signal(signal.SIGSTOP)  # long enough to be suspected: it must refute, which reserves an incarnation on disk
    # By both others: by then one has accused it to the other, and a packet heard does not settle it.
    until(lambda: all(d.state_of(full.name) != "alive" for d in (daemons[0], daemons[2])), 10, "suspected")
    full.signal(signal.SIGCONT)
    until(lambda: all_see(daemons), 10, "the others see it again")
    # A packet may tell them that it lives before its refutation does.
    until(lambda: incarnation_at(daemons[0], full) > incarnation, 10, "it refuted the suspicion on a full disk")
    checks.check(full.status()["records"] < daemons[0].status()["records"], "it does not claim what it could not store")
    os.unlink(ballast)
    back = until(lambda: put(full, "roomy", os.urandom(30000), consistency="all", timeout="3s").exit == 0, 10, "all three store again")
    print(f"figure: one full disk of three: 20 of 20 puts applied by the others, a suspicion refuted; consistency all works {back:.2f} s after space returned")


def main():
    need_root()
    own_network()
    if not own_mounts():
        sys.exit(77)
    world = World()
    try:
        lone(world)
        one_of_three(world)
    finally:
        for daemon in world.daemons:
            if daemon.alive():
                daemon.kill()
            run("umount", "-l", daemon.data, check=False)
    checks.finish()


main()
