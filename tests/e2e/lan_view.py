"""8 daemons on one host with nothing but --instance: all see all within 2.0 s of the last start.
The same with --no-lan and --join."""
import sys
import time

from world import Checks, World, all_see, figures, own_network, skip, until

RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
COUNT = 8
LIMIT = 2.0


def one_run(flags_of):
    world = World()
    try:
        daemons = [world.daemon(f"n{i}", *flags_of(i), instance=True) for i in range(COUNT)]
        for daemon in daemons:
            daemon.start()
        last = time.monotonic()
        until(lambda: all_see(daemons), 15, "all see all")
        return time.monotonic() - last
    finally:
        world.close()


def main():
    if not own_network():
        skip("needs root for a network namespace")
    checks = Checks()
    lan = [one_run(lambda i: []) for _ in range(RUNS)]
    checks.check(figures("8 daemons, beacon", lan, LIMIT), "all see all by beacon")
    join = [one_run(lambda i: ["--no-lan", "--join", "127.0.0.1:4747"]) for _ in range(RUNS)]
    checks.check(figures("8 daemons, --no-lan --join", join, LIMIT), "all see all by --join")
    checks.finish()


main()
