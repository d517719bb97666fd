"""The end-to-end world: real daemons in network namespaces of their own, driven through their API.

A script makes a World, starts Daemons in it and waits for events with deadlines; nothing sleeps.
Run by hand:  python3 tests/e2e/NAME.py [runs]   (KITH_BUILD names another build directory)
Without root a script runs on loopback where it can, or exits 77 and says so.
"""
import atexit
import ctypes
import http.client
import json
import os
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("KITH_BUILD", os.path.join(ROOT, "build", "test"))
KITHD = os.path.join(BUILD, "kithd")
KITH = os.path.join(BUILD, "kith")


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def need_root():
    if os.geteuid() != 0:
        skip("needs root for network namespaces")


def run(*command, check=True, **options):
    return subprocess.run(command, check=check, capture_output=True, text=True, **options)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        self.exit = int(headers.get("X-Kith-Exit", "0"))

    @property
    def json(self):
        return json.loads(self.body)


class Daemon:
    """One kithd. `namespace`: the network namespace it runs in (None: the script's own)."""

    def __init__(self, world, name, *flags, namespace=None, instance=False):
        self.world, self.name, self.flags, self.namespace = world, name, list(flags), namespace
        self.data = os.path.join(world.dir, name)
        self.socket = os.path.join(world.dir, name + ".sock")
        self.log = os.path.join(world.dir, name + ".log")
        self.instance = instance  # nothing but --instance: places come from the environment
        if instance:
            self.socket = os.path.join(world.dir, "run", "kith", name + ".sock")
            self.data = os.path.join(world.dir, "state", "kith", name)
        self.process = None

    def command(self):
        inside = ["ip", "netns", "exec", self.namespace] if self.namespace else []
        places = ["--instance", self.name] if self.instance else ["--data-dir", self.data, "--socket", self.socket, "--name", self.name]
        return inside + [KITHD] + places + self.flags

    def start(self):
        outside = {k: v for k, v in os.environ.items() if not k.startswith("KITH_")}
        environment = dict(outside, XDG_RUNTIME_DIR=os.path.join(self.world.dir, "run"),
                           XDG_STATE_HOME=os.path.join(self.world.dir, "state"), XDG_CONFIG_HOME=self.world.dir)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(), stderr=log, env=environment)
        self.started = time.monotonic()
        return self

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """kill -9, and the moment it happened."""
        self.process.kill()
        at = time.monotonic()
        self.process.wait()
        return at

    def stop(self, limit=8):
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(limit)

    def logged(self):
        with open(self.log, errors="replace") as log:
            return log.read()

    def request(self, method, target, body=None, timeout=15, headers=None):
        connection = UnixConnection(self.socket, timeout)
        try:
            connection.request(method, target, body=body, headers=headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, target, **options):
        return self.request("GET", target, **options)

    def status(self):
        return self.get("/v1/status").json

    def members(self):
        return self.get("/v1/members").json["members"]

    def state_of(self, other_name):
        return next((m["state"] for m in self.members() if m["name"] == other_name), None)

    def metric(self, name):
        """Sum of a metric's samples, or of one when labels are given: 'kith_x{a="b"}'."""
        total = 0.0
        for line in self.get("/metrics").body.decode().splitlines():
            if line.startswith("#"):
                continue
            sample, value = line.rsplit(" ", 1)
            if sample == name or sample.startswith(name + "{"):
                total += float(value)
        return total

    def try_status(self):
        try:
            return self.status()
        except (OSError, http.client.HTTPException, ValueError):
            return None

    def follow(self, since=0):
        return Events(self, since)


class Events:
    """The event stream of one daemon, read without blocking the script."""

    def __init__(self, daemon, since=0):
        self.daemon, self.buffer = daemon, b""
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(daemon.socket)
        self.socket.sendall(f"GET /v1/events?since={since} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        self.seen = []  # (monotonic time read, event)

    def read(self, timeout):
        ready, _, _ = select.select([self.socket], [], [], max(0, timeout))
        if not ready:
            return []
        try:
            self.buffer += self.socket.recv(65536)
        except ConnectionError:
            return []
        now, fresh = time.monotonic(), []
        while b"\n" in self.buffer:
            line, self.buffer = self.buffer.split(b"\n", 1)
            line = line.strip()
            if line.startswith(b"{"):
                fresh.append((now, json.loads(line)))
        self.seen += fresh
        return fresh

    def close(self):
        self.socket.close()


class World:
    """A directory, daemons and namespaces that are gone when the script ends, however it ends."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="kith-e2e-")
        for below in ("run", "state"):
            os.mkdir(os.path.join(self.dir, below), 0o700)
        self.daemons, self.namespaces = [], []
        atexit.register(self.close)

    def daemon(self, name, *flags, **options):
        daemon = Daemon(self, name, *flags, **options)
        self.daemons.append(daemon)
        return daemon

    def namespace(self, name):
        full = f"kith{os.getpid()}{name}"
        run("ip", "netns", "add", full)
        self.namespaces.append(full)
        run("ip", "netns", "exec", full, "ip", "link", "set", "lo", "up")
        return full

    def remove_namespace(self, namespace):
        self.namespaces.remove(namespace)
        run("ip", "netns", "del", namespace, check=False)

    def end(self, *daemons):
        """Ends daemons at once, without goodbye."""
        for daemon in daemons:
            if daemon.alive():
                daemon.kill()

    def inside(self, namespace, *command, check=True):
        return run("ip", "netns", "exec", namespace, *command, check=check)

    def close(self):
        for daemon in self.daemons:
            if daemon.alive():
                daemon.process.kill()
                daemon.process.wait()
        for namespace in self.namespaces:
            run("ip", "netns", "del", namespace, check=False)
        self.daemons, self.namespaces = [], []
        shutil.rmtree(self.dir, ignore_errors=True)


class Lan:
    """A bridge in a namespace of its own and hosts on it, each with an interface eth0. `disable_v6`
    makes hosts without IPv6; addresses are given with their prefix: 10.7.0.1/24, fd07::1/64."""

    def __init__(self, world, name="lan"):
        self.world, self.name = world, name
        self.bridge = world.namespace(name)
        self.hosts = []
        # The bridge and its ports speak no IPv6 themselves: only the hosts are on this LAN.
        world.inside(self.bridge, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
        world.inside(self.bridge, "ip", "link", "add", "br0", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
        world.inside(self.bridge, "ip", "link", "set", "br0", "up")

    def host(self, name, *addresses, disable_v6=False, up=True, link_local=True):
        namespace = self.world.namespace(name)
        port = f"p{len(self.hosts)}"
        if disable_v6:
            for scope in ("all", "default"):
                self.world.inside(namespace, "sysctl", "-qw", f"net.ipv6.conf.{scope}.disable_ipv6=1")
        run("ip", "-n", namespace, "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", self.bridge)
        run("ip", "-n", self.bridge, "link", "set", port, "master", "br0", "up")
        for address in addresses:
            run("ip", "-n", namespace, "address", "add", address, "dev", "eth0")
        if not link_local:
            run("ip", "-n", namespace, "link", "set", "eth0", "addrgenmode", "none")
        self.hosts.append(namespace)
        if up:
            link(namespace, True)
        return namespace

    def settled(self):
        """Waits until no address is tentative any more (duplicate address detection)."""
        until(lambda: not any(run("ip", "-n", h, "-6", "address", "show", "tentative").stdout for h in self.hosts),
              10, "addresses are detected")
        return self

    def close(self):
        for namespace in self.hosts + [self.bridge]:
            self.world.remove_namespace(namespace)
        self.hosts = []


class Routed:
    """Hosts that share no subnet: each has its own, 10.8.N.2/24 and fd08:N::2/64, behind one router."""

    def __init__(self, world):
        self.world, self.count = world, 0
        self.router = world.namespace("router")
        world.inside(self.router, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")

    def host(self, name):
        """The host's namespace and its IPv4 address."""
        self.count += 1
        n, namespace = self.count, self.world.namespace(name)
        run("ip", "-n", namespace, "link", "add", "eth0", "type", "veth", "peer", "name", f"r{n}", "netns", self.router)
        for where, interface, host in ((namespace, "eth0", 2), (self.router, f"r{n}", 1)):
            run("ip", "-n", where, "address", "add", f"10.8.{n}.{host}/24", "dev", interface)
            run("ip", "-n", where, "address", "add", f"fd08:{n}::{host}/64", "dev", interface, "nodad")
            link(where, True, interface)
        run("ip", "-n", namespace, "route", "add", "default", "via", f"10.8.{n}.1")
        run("ip", "-n", namespace, "-6", "route", "add", "default", "via", f"fd08:{n}::1")
        return namespace, f"10.8.{n}.2"


def link(namespace, up, interface="eth0"):
    """The moment the interface went up or down."""
    run("ip", "-n", namespace, "link", "set", interface, "up" if up else "down")
    return time.monotonic()


def own_network():
    """Moves this script into a network namespace of its own with nothing but loopback."""
    if os.geteuid() != 0:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x40000000) != 0:  # CLONE_NEWNET
        return False
    run("ip", "link", "set", "lo", "up")
    return True


def until(condition, limit, what):
    """Waits until condition() is true; the time it took. Polls every 5 ms: an event with a deadline."""
    start = time.monotonic()
    while True:
        value = condition()
        if value:
            return time.monotonic() - start
        if time.monotonic() - start > limit:
            raise TimeoutError(f"not within {limit} s: {what}")
        select.select([], [], [], 0.005)


def wait(seconds, broken=lambda: False):
    """Watches for so long that something does not happen; returns at once when it does."""
    end = time.monotonic() + seconds
    until(lambda: broken() or time.monotonic() >= end, seconds + 5, "the time is over")


def all_see(daemons, count=None):
    """True when every daemon sees `count` members alive."""
    count = count or len(daemons)
    for daemon in daemons:
        status = daemon.try_status()
        if not status or status["members"]["alive"] != count:
            return False
    return True


def all_synced(daemons):
    return all((d.try_status() or {}).get("synced") for d in daemons)


def p95(values):
    """The 19th of 20: the smallest value that 95 % do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * 95 // 100) - 1)]


def figures(what, values, limit=None, unit="s"):
    """Prints every run, the median and the p95; False when the p95 is over the limit."""
    print(f"{what}: " + " ".join(f"{v:.2f}" for v in values))
    line = f"figure: {what}: median {statistics.median(values):.2f} {unit}, p95 {p95(values):.2f} {unit}, max {max(values):.2f} {unit} of {len(values)}"
    if limit is not None:
        line += f" (limit {limit} {unit})"
    print(line)
    return limit is None or p95(values) <= limit


class Checks:
    """Counts what holds and what does not; the script's exit code."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, holds, what):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED: {what}")
        return holds

    def finish(self):
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(1 if self.failed else 0)
