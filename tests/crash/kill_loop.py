"""kill -9 at random moments, while a client puts as fast as it can: what was acknowledged is there.

kill_loop.py [cycles] [seed]    one daemon on loopback; 10 000 cycles is the long run

A cycle is one life: start, read back every key, write with four puts under way, kill -9. A share of
the lives is killed during start-up, and another share is the first start in an empty directory."""
import os
import shutil
import sys
import time

from client import Gone, Journal, Writer, seeded
from life import Life
from world import Checks, World, own_network, skip

CYCLES = int(sys.argv[1]) if len(sys.argv) > 1 else 200
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else int.from_bytes(os.urandom(4), "big")
KEYS, CONNECTIONS = 48, 4
STARTUP_SHARE, FIRST_SHARE = 0.25, 0.08  # of the cycles
LISTEN = ("--listen", "127.0.0.1:0")

checks = Checks()


class Loop:
    def __init__(self, world):
        self.world, self.rng = world, seeded(SEED)
        self.journal = Journal(self.rng)
        self.data = os.path.join(world.dir, "data")
        self.id, self.incarnation = None, 0
        self.lives = self.startups = self.firsts = self.reads = 0
        self.starts = []

    def watch(self, life, holds, what):
        if not checks.check(holds, f"cycle {self.lives}, seed {SEED}: {what}"):
            kept = os.path.join(os.path.dirname(self.world.dir), f"kith-kill-{SEED}-{self.lives}")
            shutil.copytree(life.data, kept, dirs_exist_ok=True)
            print(f"kept: {kept}; the daemon said: {life.complaint()}")
        return holds

    def start(self):
        life = Life(self.world.dir, self.data, *LISTEN)
        connection = life.serving()
        if not self.watch(life, connection is not None, "it starts and serves"):
            life.kill()
            return None, None
        self.starts.append(time.monotonic() - life.began)
        who, incarnation = life.about(connection)
        self.watch(life, who == (self.id or who), f"node id {who} was {self.id}")
        self.watch(life, incarnation > self.incarnation, f"incarnation {incarnation} after {self.incarnation}")
        self.id, self.incarnation = who, incarnation
        return life, connection

    def read_back(self, life, connection):
        for key in [f"k{k}" for k in range(KEYS)]:
            _, code, body = connection.request("GET", "/v1/kv/" + key)
            found = body if code == 0 else None
            self.watch(life, code in (0, 3) and self.journal.holds(key, found), f"{key} read back: exit {code}, {body[:40]}")
            self.reads += 1
        metrics = connection.request("GET", "/metrics")[2].decode()
        damaged = [line for line in metrics.splitlines() if line.startswith("kith_store_quarantined_total ")]
        self.watch(life, damaged and damaged[0].endswith(" 0"), f"no damaged record: {damaged}")

    def life(self):
        """A whole life: read back, write, kill at a random moment."""
        life, connection = self.start()
        if not life:
            return
        self.read_back(life, connection)
        connection.close()
        writer = Writer(life.socket, self.journal, CONNECTIONS, KEYS)
        try:
            writer.run(self.rng.uniform(0, 0.04), time.monotonic)
        except Gone:
            self.watch(life, False, f"it died by itself: {life.process.poll()}")
        self.watch(life, life.kill(), "it lived until it was killed")
        writer.drain()
        self.watch(life, not writer.refused, f"every put is acknowledged: {writer.refused[:1]}")

    def startup(self, data, longest):
        """Killed before it serves; it may not end by itself."""
        life = Life(self.world.dir, data, *LISTEN)
        lived = life.kill_within(self.rng.uniform(0, longest))
        self.watch(life, lived, f"it ended by itself during start-up: exit {life.process.returncode}")

    def first(self):
        """The first start in an empty directory is killed, several times; then it must come up as the same node."""
        data, seen = os.path.join(self.world.dir, "first"), None
        for _ in range(self.rng.randint(1, 3)):
            self.startup(data, 0.025)
            if os.path.exists(os.path.join(data, "identity.key")):
                with open(os.path.join(data, "identity.key")) as file:
                    text = file.read()
                checks.check(seen in (None, text), "an identity once drawn stays")
                seen = text
        life = Life(self.world.dir, data, *LISTEN)
        connection = life.serving()
        self.watch(life, connection is not None, "it starts after a killed first start")
        if connection:
            connection.close()
        life.kill()
        shutil.rmtree(data)

    def cycle(self):
        self.lives += 1
        draw = self.rng.random()
        if draw < STARTUP_SHARE:
            self.startups += 1
            self.startup(self.data, 0.018)
        elif draw < STARTUP_SHARE + FIRST_SHARE:
            self.firsts += 1
            self.first()
        else:
            self.life()


def main():
    if not own_network():
        skip("needs root for a network namespace")
    loop = Loop(World())
    began = time.monotonic()
    while loop.lives < CYCLES and checks.failed < 20:
        loop.cycle()
    life, connection = loop.start()
    if life:
        loop.read_back(life, connection)
        life.kill()
    took, journal = time.monotonic() - began, loop.journal
    starts = sorted(loop.starts) or [0]
    print(f"figure: kill -9: {loop.lives} cycles (seed {SEED}), {loop.startups} during start-up, {loop.firsts} during a first start: {loop.lives / took * 60:.0f} cycles/min")
    print(f"figure: start to serving: median {starts[len(starts) // 2] * 1e3:.0f} ms, p95 {starts[len(starts) * 95 // 100] * 1e3:.0f} ms")
    print(f"figure: {journal.acknowledged} writes acknowledged, {loop.reads} reads, {journal.survived} unacknowledged writes survived (legal), {checks.failed} violations")
    checks.finish()


main()
