"""What power_fail.py records: kithd under the recorder, and a client whose marks stand in its log."""
import json
import os
import struct
import time

from client import Journal, Writer
from life import Life
from world import BUILD

KEYS, CONNECTIONS = 24, 4
HTTP = ("--http", "127.0.0.1:0")
RECORDER = os.path.join(BUILD, "tests", "crash", "crash-recorder.so")


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


class Recording:
    """A watched directory, the log of what happens in it, and its marks."""

    def __init__(self, world, name, checks):
        self.world, self.checks, self.root = world, checks, os.path.join(world.dir, name)
        os.mkdir(self.root)
        self.log, self.data = self.root + ".log", os.path.join(self.root, "data")
        self.marks = Marks(self.log)

    def life(self, *flags):
        recorder = {"CRASH_DIR": self.root, "CRASH_LOG": self.log, "LD_PRELOAD": RECORDER}
        return Life(self.world.dir, self.data, *flags, **recorder)

    def serving(self, life):
        """A connection; what it says of itself is marked."""
        connection = life.serving()
        if not self.checks.check(connection is not None, f"the recorded daemon serves: {life.complaint()}"):
            self.checks.finish()
        who, incarnation = life.about(connection)
        with open(os.path.join(self.data, "http.token")) as file:
            self.marks.add("token " + file.read().strip())
        self.marks.add("id " + who)
        self.marks.add(f"incarnation {incarnation}")
        return connection


def three_lives(recording, rng, puts):
    """First starts that are killed, two lives that are killed while they put, one that stops."""
    journal = MarkedJournal(rng, recording.marks)
    for _ in range(3):  # their names are still in the kernel only
        recording.life(*HTTP).kill_within(rng.uniform(0, 0.02))
    for last in (False, False, True):
        life = recording.life(*HTTP)
        recording.serving(life).close()
        writer, goal = Writer(life.socket, journal, CONNECTIONS, KEYS), journal.acknowledged + puts
        writer.run(60, time.monotonic, lambda: journal.acknowledged >= goal)
        life.process.terminate() if last else life.kill()
        writer.drain()
        life.process.wait(10)
        recording.checks.check(last or not writer.refused, f"every put is acknowledged: {writer.refused[:1]}")
    return journal.acknowledged


class Neighbour:
    """A daemon of another lan network that holds a record; not recorded."""

    def __init__(self, world, name):
        place = os.path.join(world.dir, name)
        os.mkdir(place)
        self.life = Life(place, os.path.join(place, "data"), *HTTP, "--listen", "127.0.0.1:0")
        connection = self.life.serving()
        self.address = json.loads(connection.request("GET", "/v1/status")[2])["listen"][0]
        connection.request("PUT", "/v1/kv/of-" + name, b"1")
        connection.close()


def adoptions(recording, rng, puts):
    """It takes over one lan network as a newcomer, and a second one by force, with records of the first."""
    acknowledged = 0
    neighbours = [Neighbour(recording.world, name) for name in ("first", "second")]
    life = recording.life(*HTTP, "--listen", "127.0.0.1:0")
    connection = recording.serving(life)
    own = json.loads(connection.request("GET", "/v1/status")[2])["id"]
    for neighbour, adopt in zip(neighbours, (False, True)):
        recording.marks.add("forsake all")
        order = json.dumps({"target": neighbour.address, "adopt": adopt}).encode()
        _, code, body = connection.request("POST", "/v1/join", order)
        recording.checks.check(code == 0, f"join: exit {code}, {body}")
        for i in range(puts):
            key, value = f"k{i % KEYS}", b"%d " % i + rng.randbytes(rng.choice((0, 300, 3000)))
            recording.marks.add("try " + key, value)
            _, code, body = connection.request("PUT", "/v1/kv/" + key, value)
            # Two replicas: what it stored itself was on its own disk.
            if code == 0 and own in [holder["id"] for holder in json.loads(body)["stored"]]:
                recording.marks.add("ack " + key)
                acknowledged += 1
    for ended in (life, *(neighbour.life for neighbour in neighbours)):
        ended.kill()
    return acknowledged
