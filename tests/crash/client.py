"""A small fast client of the daemon's API: keep-alive connections on the unix socket, several puts
under way at once, and a journal of what was acknowledged."""
import hashlib
import os
import random
import select
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))


class Gone(Exception):
    """The daemon closed the connection or is not there."""


class Connection:
    """One request at a time; `send` and `receive` apart, so that many can be under way."""

    def __init__(self, path, timeout=20):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.buffer = b""
        try:
            self.socket.connect(path)
        except OSError as error:
            self.socket.close()
            raise Gone() from error

    def close(self):
        self.socket.close()

    def fileno(self):
        return self.socket.fileno()

    def send(self, method, target, body=b""):
        head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        try:
            self.socket.sendall(head.encode() + body)
        except OSError as error:
            raise Gone() from error

    def receive(self):
        """(status, exit code of the API, body)"""
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:])}
        length = int(headers.get("content-length", 0))
        while len(self.buffer) < length:
            self.more()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return int(lines[0].split()[1]), int(headers.get("x-kith-exit", 0)), body

    def more(self):
        try:
            got = self.socket.recv(262144)
        except OSError as error:
            raise Gone() from error
        if not got:
            raise Gone()
        self.buffer += got

    def request(self, method, target, body=b""):
        self.send(method, target, body)
        return self.receive()


def digest(value):
    return None if value is None else hashlib.blake2b(value, digest_size=8).digest()


class Journal:
    """What each key may hold: the last acknowledged write, or one after it that was refused or got no
    answer. A deleted key is None. Kept in memory: the supervisor outlives every daemon."""

    SIZES = (0, 20, 200, 1500, 6000)  # of the values

    def __init__(self, rng):
        self.rng, self.sequence = rng, 0
        self.acked, self.pending = {}, {}  # key -> digest, digests
        self.acknowledged = self.survived = 0

    def write(self, key):
        """The next write of a key: (method, value). One is under way at a time."""
        self.sequence += 1
        pending = self.pending.setdefault(key, [])
        if self.acked.get(key) and self.rng.random() < 0.05:
            pending.append(None)
            return "DELETE", b""
        size = self.rng.choice(self.SIZES)
        value = b"%s %d " % (key.encode(), self.sequence) + self.rng.randbytes(size)
        pending.append(digest(value))
        return "PUT", value

    def acknowledge(self, key):
        self.acked[key] = self.pending.pop(key)[-1]
        self.acknowledged += 1

    def allows(self, key, found):
        """Whether a value read (None: not found) may be there."""
        return digest(found) in (self.acked.get(key), *self.pending.get(key, []))

    def holds(self, key, found):
        """The same after a restart: what is read back counts from then on."""
        allowed = self.allows(key, found)
        self.pending.pop(key, None)
        if allowed and digest(found) != self.acked.get(key):
            self.acked[key] = digest(found)
            self.survived += 1
        return allowed


class Writer:
    """`count` puts under way at once, each connection with keys of its own."""

    def __init__(self, path, journal, count, keys):
        self.journal, self.busy = journal, {}
        self.idle = [Connection(path) for _ in range(count)]
        self.keys = {c: [f"k{k}" for k in range(keys) if k % count == i] for i, c in enumerate(self.idle)}
        self.refused = []

    def start(self, connection):
        key = self.journal.rng.choice(self.keys[connection])
        method, value = self.journal.write(key)
        self.busy[connection] = key
        connection.send(method, "/v1/kv/" + key, value)

    def finish(self, connection):
        _, code, body = connection.receive()
        key = self.busy.pop(connection)
        if code == 0:
            self.journal.acknowledge(key)
        else:
            self.refused.append((key, code, body))

    def run(self, seconds, clock, enough=lambda: False):
        """Writes until `seconds` have passed or it is enough."""
        end = clock() + seconds
        for connection in self.idle:
            self.start(connection)
        while (left := end - clock()) > 0 and not enough():
            ready, _, _ = select.select(list(self.busy), [], [], left)
            for connection in ready:
                self.finish(connection)
                self.start(connection)

    def drain(self):
        """After the death: answers that had left before it count."""
        for connection in list(self.busy):
            try:
                self.finish(connection)
            except Gone:
                pass
        for connection in self.keys:
            connection.close()


def seeded(seed):
    return random.Random(seed)
