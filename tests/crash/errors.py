"""Disk errors: no space, an I/O error, a short write or a full disk at the N-th call, for every N.

errors.py [stride] [daemon stride]    1 10 is the long run

First crash_errors against the storage room in process, then kithd under the same recorder, with a
client that puts and reads. Definite answers only; no death by signal; nothing acknowledged is lost."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

from client import Connection, Gone, Journal, Writer, seeded
from life import Life
from world import BUILD, Checks, World, own_network, skip

STRIDE = int(sys.argv[1]) if len(sys.argv) > 1 else 23
DAEMON_STRIDE = int(sys.argv[2]) if len(sys.argv) > 2 else 90
PUTS, KEYS, CONNECTIONS = 200, 24, 4
KINDS = [(kind, how) for kind in ("enospc", "eio", "short") for how in ("once", "sticky")] + [("full", "sticky")]
LISTEN = ("--listen", "127.0.0.1:0")
HERE = os.path.join(BUILD, "tests", "crash")
RECORDER = os.path.join(HERE, "crash-recorder.so")

checks = Checks()


def room(world):
    """crash_errors, its failures and its last line."""
    work = os.path.join(world.dir, "room")
    os.mkdir(work)
    program = os.path.join(HERE, "crash_errors")
    environment = dict(os.environ, CRASH_DIR=work, LD_PRELOAD=RECORDER)
    began = time.monotonic()
    run = subprocess.run([program, work, "--stride", str(STRIDE)], env=environment, capture_output=True, text=True)
    lines = run.stdout.splitlines()
    for line in lines[:-1]:
        checks.check(False, line)
        print(f"  again: CRASH_DIR=/tmp/w LD_PRELOAD={RECORDER} {program} /tmp/w --only {line.split()[1]}")
    checks.check(run.returncode == 0, f"crash_errors: exit {run.returncode}: {run.stderr[-300:]}")
    if lines:
        print(f"figure: disk errors in the storage room: {lines[-1]}, in {time.monotonic() - began:.0f} s")


class Trial:
    """One daemon on a copy of a prepared directory, with one failure."""

    slowest = 0  # seconds from a failure to the end of a daemon that ended by itself

    def __init__(self, world, template, number, failing):
        self.world, self.failing, self.number = world, failing, number
        self.data = os.path.join(world.dir, "trial", "data")
        shutil.rmtree(os.path.dirname(self.data), ignore_errors=True)
        os.makedirs(os.path.dirname(self.data))
        if template:
            shutil.copytree(template, self.data)
        self.log = os.path.join(world.dir, "fired")
        if os.path.exists(self.log):
            os.unlink(self.log)
        self.journal = Journal(seeded(number))
        self.exit = None

    def holds(self, condition, what):
        return checks.check(condition, f"{':'.join(map(str, self.failing))}: {what}")

    def run(self):
        """True when the failing call was reached."""
        kind, how, at = self.failing
        life = Life(self.world.dir, self.data, *LISTEN, LD_PRELOAD=RECORDER, CRASH_DIR=os.path.dirname(self.data),
                    CRASH_FAILED=self.log, CRASH_FAIL=f"{at}:{kind}:{how}")
        connection = life.serving()
        refused = 0
        if connection:
            connection.close()
            refused = self.use(life)
        if life.process.poll() is None:
            life.process.terminate()
        self.exit = life.process.wait(10)
        self.holds(self.exit in (0, 1), f"exit {self.exit}: {life.complaint()}")
        self.holds(connection or self.exit == 1 and life.complaint(), "a start that fails says why")
        if self.fired() and kind == "eio" and how == "sticky" and connection:
            self.holds(self.exit == 1, "a failed disk ends it with exit 1")
        self.holds(self.fired() or refused == 0, f"{refused} puts refused without a reason")
        self.after()
        return os.path.exists(self.log)

    def fired(self):
        """Whether a call was made to fail."""
        return os.path.exists(self.log) and os.path.getsize(self.log) > 0

    def use(self, life):
        """Puts, then reads; how many puts were refused. It may end on the way."""
        try:
            writer = Writer(life.socket, self.journal, CONNECTIONS, KEYS)
        except Gone:
            return 0
        try:
            writer.run(20, time.monotonic, lambda: self.journal.acknowledged + len(writer.refused) >= PUTS)
            writer.drain()
            self.read(life)
        except Gone:
            life.process.wait(10)
            if self.fired():
                Trial.slowest = max(Trial.slowest, time.time() - os.stat(self.log).st_mtime)
            self.holds(life.process.returncode == 1, f"it ended by itself: exit {life.process.returncode}")
            writer.drain()
        return len(writer.refused)

    def read(self, life):
        connection = Connection(life.socket)
        # One whose disk never took its stamp counts for nothing, not even alone, and says so.
        counts = json.loads(connection.request("GET", "/v1/status")[2])["synced"]
        for key in [f"k{k}" for k in range(KEYS)]:
            _, code, body = connection.request("GET", "/v1/kv/" + key)
            good = code in (0, 3) and self.journal.allows(key, body if code == 0 else None)
            good = good or (code == 6 and not counts and self.journal.acknowledged == 0)
            self.holds(good, f"{key} is read while it fails: exit {code}, {body[:60]}")
        connection.close()

    def after(self):
        """A start without failures: everything acknowledged is there."""
        life = Life(self.world.dir, self.data, *LISTEN)
        connection = life.serving()
        if self.holds(connection is not None, f"it starts again: {life.complaint()}"):
            for key in [f"k{k}" for k in range(KEYS)]:
                _, code, body = connection.request("GET", "/v1/kv/" + key)
                good = code in (0, 3, 6) and self.journal.holds(key, body if code == 0 else None)
                self.holds(good, f"{key} is read back: exit {code}, {body[:60]}")
            connection.close()
        life.kill()


def daemons(world):
    template = os.path.join(world.dir, "template")
    life = Life(world.dir, template, *LISTEN)
    connection = life.serving()
    checks.check(connection and connection.request("PUT", "/v1/kv/first", b"1")[1] == 0, "a first put")
    life.kill()
    began, trials, exits = time.monotonic(), 0, {}
    for kind, how in KINDS:
        for prepared in (None, template):
            # Of a first start the calls up to the first put; of a later one all of the run.
            first, last = (1 + trials % 3, 40) if prepared is None else (1 + trials % 10, 2000)
            step = DAEMON_STRIDE if prepared else max(3, DAEMON_STRIDE // 9)
            for at in range(first, last, step):
                trial = Trial(world, prepared, trials, (kind, how, at))
                reached = trial.run()
                trials += 1
                exits.setdefault(f"{kind} {how}", []).append(trial.exit)
                if not reached:
                    break
    stopped = ", ".join(f"{failing} {sum(codes)} of {len(codes)}" for failing, codes in exits.items())
    print(f"figure: disk errors in kithd: {trials} runs in {time.monotonic() - began:.0f} s, ended with exit 1: {stopped}; "
          f"at most {Trial.slowest:.2f} s from the failure to the exit, {checks.failed} violations")


def main():
    if not own_network():
        skip("needs root for a network namespace")
    if os.path.isdir("/dev/shm"):
        tempfile.tempdir = "/dev/shm"
    world = World()
    room(world)
    daemons(world)
    checks.finish()


main()
