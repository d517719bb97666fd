"""Power failures: a recorded daemon, and every state its disk may have been left in.

power_fail.py [images] [seed]    100 000 images is the long run

A kithd runs three lives under the recorder, from its first start, while a client puts and notes in
the same log what was acknowledged. crash_images then builds and checks the images; one in a hundred
is started by a real kithd, which must serve what was acknowledged."""
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

from client import Gone, Journal, Writer, seeded
from life import Life
from world import BUILD, Checks, World, own_network, skip

IMAGES = int(sys.argv[1]) if len(sys.argv) > 1 else 2500
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else int.from_bytes(os.urandom(4), "big")
PUTS = max(60, min(1000, IMAGES // 60))  # of each life
KEYS, CONNECTIONS = 24, 4
HTTP = ("--http", "127.0.0.1:0")
HERE = os.path.join(BUILD, "tests", "crash")

checks = Checks()


class Marks:
    """Appends marks to the recorder's log: at once, so each stands after the calls it follows."""

    def __init__(self, log):
        self.fd, self.list = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), []

    def add(self, text, data=b""):
        name = text.encode()
        body = struct.pack("<BBHQQ", ord("M"), 0, len(name), 0, 0) + name + data
        os.write(self.fd, struct.pack("<I", len(body)) + body)
        self.list.append((text, data))


class MarkedJournal(Journal):
    SIZES = (0, 20, 200, 1500, 6000, 20000)

    def __init__(self, rng, marks):
        super().__init__(rng)
        self.marks = marks

    def write(self, key):
        method, value = super().write(key)
        self.marks.add(("try " if method == "PUT" else "drop ") + key, value)
        return method, value

    def acknowledge(self, key):
        super().acknowledge(key)
        self.marks.add("ack " + key)


def record(world, log, rng):
    """Three lives; the watched directory and the marks."""
    root = os.path.join(world.dir, "disk")
    os.mkdir(root)
    marks = Marks(log)
    journal = MarkedJournal(rng, marks)
    recorder = {"CRASH_DIR": root, "CRASH_LOG": log, "LD_PRELOAD": os.path.join(HERE, "crash-recorder.so")}
    data = os.path.join(root, "data")
    for _ in range(3):  # first starts that were killed: their names are still in the kernel only
        Life(world.dir, data, *HTTP, **recorder).kill_within(rng.uniform(0, 0.02))
    for last in (False, False, True):
        life = Life(world.dir, data, *HTTP, **recorder)
        connection = life.serving()
        if not checks.check(connection is not None, f"the recorded daemon serves: {life.complaint()}"):
            checks.finish()
        who, incarnation = life.about(connection)
        connection.close()
        with open(os.path.join(life.data, "http.token")) as file:
            marks.add("token " + file.read().strip())
        marks.add("id " + who)
        marks.add(f"incarnation {incarnation}")
        writer, goal = Writer(life.socket, journal, CONNECTIONS, KEYS), journal.acknowledged + PUTS
        writer.run(60, time.monotonic, lambda: journal.acknowledged >= goal)
        life.process.terminate() if last else life.kill()
        writer.drain()
        life.process.wait(10)
        checks.check(last or not writer.refused, f"every put is acknowledged: {writer.refused[:1]}")
    return root, marks, journal


def promised(marks):
    """What the marks add up to: key -> values it may hold, and the rest by name."""
    acked, tried, facts = {}, {}, {}
    for text, data in marks:
        what, of = text.split(" ", 1)
        if what in ("try", "drop"):
            tried.setdefault(of, []).append(data if what == "try" else None)
        elif what == "ack":
            acked[of] = tried.pop(of)[-1]
        else:
            facts[what] = of
    return {key: [acked.get(key), *tried.get(key, [])] for key in {*acked, *tried}}, facts


def start_real(world, marks, image):
    """A kithd on an image: what is wrong with it, or None."""
    keys, facts = promised(marks)
    life = Life(world.dir, os.path.join(image, "data"), *HTTP)
    try:
        connection = life.serving()
        if not connection:
            return f"it does not start: {life.complaint()}"
        who, incarnation = life.about(connection)
        if facts.get("id", who) != who or incarnation <= int(facts.get("incarnation", 0)):
            return f"{who} with incarnation {incarnation} after {facts}"
        for key, allowed in keys.items():
            _, code, body = connection.request("GET", "/v1/kv/" + key)
            if code not in (0, 3, 6) or (body if code == 0 else None) not in allowed:
                return f"{key}: exit {code}, {body[:60]}"
        connection.close()
        return None
    except Gone:
        return f"it went away: {life.complaint()}"
    finally:
        life.kill()


def check_images(world, log, root, marks):
    """The real ones started; crash_images' last line."""
    work = os.path.join(world.dir, "work")
    command = [os.path.join(HERE, "crash_images"), log, root, work, "--images", str(IMAGES), "--seed", str(SEED)]
    images = subprocess.Popen([*command, "--real", "100"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    real, tally, kept = 0, "", None
    for line in images.stdout:
        what, *rest = line.strip().split(" ")
        if what == "real":
            where, count, image = rest
            real += 1
            wrong = start_real(world, marks.list[:int(count)], image)
            shutil.rmtree(image)
            images.stdin.write("\n")
            images.stdin.flush()
            what = "failed" if wrong else what
            rest = [where, wrong]
        if what == "failed":
            kept = kept or keep(log)
            checks.check(False, " ".join(str(word) for word in rest))
            if rest[0] != "end:0":
                print(f"  again: {command[0]} {kept} {root} {kept}.work --seed {SEED} --only {rest[0]}")
        tally = line.strip() if what == "images" else tally
    checks.check(images.wait() == 0, f"crash_images: exit {images.returncode}")
    return real, tally.split(" ")


def keep(log):
    kept = os.path.join(tempfile.gettempdir(), f"kith-power-{SEED}.log")
    shutil.copy(log, kept)
    return kept


def main():
    if not own_network():
        skip("needs root for a network namespace")
    if os.path.isdir("/dev/shm"):
        tempfile.tempdir = "/dev/shm"  # an image a few milliseconds: no disk is that fast
    world = World()
    tempfile.tempdir = None
    log = os.path.join(world.dir, "log")
    root, marks, journal = record(world, log, seeded(SEED))
    began = time.monotonic()
    real, tally = check_images(world, log, root, marks)
    took = time.monotonic() - began
    if len(tally) == 6:
        _, built, _, points, _, failed = tally
        print(f"figure: power failures: {built} images of {points} calls and {journal.acknowledged} acknowledged writes (seed {SEED}), "
              f"{real} started by a real kithd: {int(built) / took:.0f} images/s, {failed} failed")
    checks.finish()


main()
