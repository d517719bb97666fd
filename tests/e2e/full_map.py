"""A store that is full to its quota (the map's 90 %, some 920 MiB): deletions work and make room, and after a
restart what was read at the start is not in memory any more. Not part of the suite: half a minute, 1 GiB of disk."""
import concurrent.futures
import os
import re

from cluster import delete, get, put
from world import Checks, World, own_network, until

checks = Checks()


def anonymous(daemon):
    with open(f"/proc/{daemon.pid}/status") as file:
        return int(re.search(r"RssAnon:\s+(\d+)", file.read()).group(1)) // 1024


def main():
    own_network()
    world = World()
    daemon = world.daemon("full", "--listen", "127.0.0.1:0", "--no-lan").start()
    until(lambda: (daemon.try_status() or {}).get("synced"), 10, "it is up")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        exits = list(pool.map(lambda i: put(daemon, f"k{i}", os.urandom(65536)).exit, range(14500)))
    print(f"{exits.count(0)} stored, {len(exits) - exits.count(0)} refused; {anonymous(daemon)} MiB of memory of its own")
    held = [f"k{i}" for i, code in enumerate(exits) if code == 0]
    for i in range(3000):  # to the last page
        if put(daemon, f"s{i}", os.urandom(3000)).exit != 0:
            break
    gone = delete(daemon, held[0])
    checks.check(gone.exit == 0, f"a deletion on a full store: {gone.body}")
    checks.check(put(daemon, held[1], b"short").exit == 0, "a shorter value in the place of a long one")
    daemon.stop(20)
    daemon.start()
    until(lambda: (daemon.try_status() or {}).get("synced"), 60, "it is up again")
    checks.check(anonymous(daemon) < 100, f"a started daemon keeps its records on disk: {anonymous(daemon)} MiB of memory of its own")
    daemon.stop(20)
    checks.finish()


if __name__ == "__main__":
    main()
