"""A limit on the size of files (ulimit -f, LimitFSIZE=) is a full disk: puts are refused, reads go on."""
import os
import resource
import subprocess

from cluster import get, put
from world import Checks, World, own_network, until

checks = Checks()
LIMIT = 1 << 20


def limit():
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))


def limited(world, size):
    """Values of that size: small ones meet the limit with a signal, large ones with a short write."""
    daemon = world.daemon(f"limited{size}", "--listen", "127.0.0.1:0", "--no-lan")
    with open(daemon.log, "ab") as log:
        daemon.process = subprocess.Popen(daemon.command(), stderr=log, preexec_fn=limit)
    until(lambda: (daemon.try_status() or {}).get("synced"), 10, "it is up")
    checks.check(put(daemon, "before", b"kept").exit == 0, "put while there is room")
    exits = []
    try:
        while exits.count(1) < 20 and len(exits) < 400:
            exits.append(put(daemon, f"filler-{len(exits)}", os.urandom(size)).exit)
    except OSError:
        pass
    try:
        daemon.process.wait(1)
    except subprocess.TimeoutExpired:
        pass
    if not checks.check(daemon.alive(), f"values of {size}: ended with {daemon.process.poll()} after {len(exits)}: {daemon.logged().splitlines()[-1]}"):
        return
    checks.check(exits.count(1) >= 20, f"puts are refused: {exits}")
    checks.check(get(daemon, "before").body == b"kept", "reads go on")
    checks.check(all(get(daemon, f"filler-{i}").exit == 0 for i, code in enumerate(exits) if code == 0), "what was acknowledged is read")
    checks.check(daemon.stop() == 0, "it stops with 0")


def main():
    own_network()
    world = World()
    for size in (3000, 50000):
        limited(world, size)
    checks.finish()


main()
