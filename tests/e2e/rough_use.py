"""What scripts and people do without meaning harm: closed descriptors, readers that go away, unset
variables, clients that hang up half way, a stop in the middle of something, several networks at once.

Every case was a fault once. In a network of its own: loopback, and for the last three an interface."""
import os
import resource
import select
import signal
import socket
import subprocess
import time

from world import KITH, KITHD, Checks, World, own_network, run, skip, until, wait

LOOPBACK = ("--listen", "127.0.0.1:0", "--no-lan")
FOLLOWERS = 300  # more than the connections that a daemon takes at a time
checks = Checks()


def environment(world, **more):
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("KITH_", "XDG_"))}
    return dict(plain, HOME=world.dir, XDG_RUNTIME_DIR=os.path.join(world.dir, "run"),
                XDG_STATE_HOME=os.path.join(world.dir, "state"), **more)


def started(daemon, **how):
    """With descriptors or limits of our own choosing; up when its API answers."""
    with open(daemon.log, "ab") as log:
        daemon.process = subprocess.Popen(daemon.command(), env=environment(daemon.world), **{"stderr": log, **how})
    until(lambda: (daemon.try_status() or {}).get("synced"), 10, f"{daemon.name} is synced")
    return daemon


def lone(world, name, *flags):
    daemon = world.daemon(name, *LOOPBACK, *flags).start()
    until(lambda: (daemon.try_status() or {}).get("synced"), 10, f"{name} is synced")
    return daemon


def kith(daemon, *words, **options):
    command = [KITH, "--socket", daemon.socket, *words]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment(daemon.world), **options)


def begin(daemon, *words):
    return subprocess.Popen([KITH, "--socket", daemon.socket, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, env=environment(daemon.world))


def connected(daemon):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(3)
    client.connect(daemon.socket)
    return client


def checked(world, *flags, **variables):
    return subprocess.run([KITHD, "--check-config", *flags], capture_output=True, text=True, env=environment(world, **variables))


# --- descriptors ------------------------------------------------------------------------------


def closed_descriptors(world):
    daemon = started(world.daemon("closed", *LOOPBACK), preexec_fn=lambda: [os.close(i) for i in range(3)])
    checks.check(kith(daemon, "put", "k", "v").returncode == 0, "closed descriptors: a put")
    daemon.stop()
    daemon.start()
    until(daemon.try_status, 10, "its log did not go into its database: it starts again")
    checks.check(kith(daemon, "get", "k").stdout == "v", "closed descriptors: the value is there")
    command = [KITH, "--socket", daemon.socket, "events"]
    got = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *command], stderr=subprocess.PIPE, env=environment(world))
    checks.check(got.returncode == 1, f"events >&-: exit {got.returncode}, not 1")
    daemon.stop()


def log_reader_goes_away(world):
    reads, writes = os.pipe()
    daemon = started(world.daemon("unread", *LOOPBACK), stderr=writes)
    os.close(writes)
    os.close(reads)
    checks.check(daemon.stop() == 0, "nobody reads the log any more: it stops as ever")


# --- what is written --------------------------------------------------------------------------


def flags(world):
    daemon = lone(world, "named", "--name", "[a,b]", "--tag", "x=[1]")
    checks.check(daemon.status()["name"] == "[a,b]", f"--name '[a,b]' is {daemon.status()['name']}")
    daemon.stop()
    checks.check(checked(world, "--join", "[::1]").returncode == 0, "--join '[::1]' is an address")
    for flag in ("--network-file", "--data-dir", "--socket", "--config"):
        checks.check(checked(world, flag, "").returncode == 2, f"{flag} \"\" is refused: a variable that was not set")
    odd = checked(world, "--network-file", "/no/such\nfile").stderr
    checks.check(len(odd.splitlines()) == 1, f"an error is one line: {odd}")
    checks.check("unknown" not in checked(world, KITH_TOKEN="x").stderr, "KITH_TOKEN, the command's, is known")

    daemon = lone(world, "owner")
    got = kith(daemon, "put", "k", "v", "--owned=false")
    checks.check(got.returncode == 2, f"put --owned=false: exit {got.returncode}, not 2")
    daemon.stop()
    file = os.path.join(world.dir, "trusting.json")
    with open(file, "w") as out:
        out.write('{"trust_first": true}')
    daemon = lone(world, "strict", "--mode", "public", "--network", "open", "--config", file, "--trust-first=false")
    got = kith(daemon, "join", "127.0.0.1:9", "--timeout", "300ms")
    checks.check("unpinned" in got.stderr, f"--trust-first=false over a file's true: {got.stderr}")
    daemon.stop()


def shared_directory(world):
    """A directory that is not ours alone stays as it is."""
    daemon = world.daemon("shared", *LOOPBACK)
    os.mkdir(daemon.data)
    os.chmod(daemon.data, 0o1777)
    daemon.start()
    until(daemon.try_status, 10, "it starts")
    checks.check(os.stat(daemon.data).st_mode & 0o7777 == 0o1777, "--data-dir of all others keeps its mode")
    checks.check("others may write" in daemon.logged(), "and the log warns of it")
    daemon.stop()


def pipes(world):
    daemon, pipe = lone(world, "pipes"), os.path.join(world.dir, "pipe")
    os.mkfifo(pipe)
    got = kith(daemon, "put", "k", "@" + pipe, "--timeout", "1s", timeout=10)
    checks.check(got.returncode == 5, f"put @PIPE, and nobody writes: exit {got.returncode}, not 5")
    put = begin(daemon, "put", "k", "@" + pipe)
    with open(pipe, "w") as writer:
        writer.write("a")
        writer.flush()
        wait(0.2)
        writer.write("b")
    checks.check(put.wait(10) == 0 and kith(daemon, "get", "k").stdout == "ab", "put @PIPE takes what its writer writes")
    daemon.stop()


# --- the API ----------------------------------------------------------------------------------


def followers_that_die(world):
    daemon = lone(world, "followed")
    for _ in range(FOLLOWERS):
        try:
            with connected(daemon) as client:
                client.sendall(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
                client.shutdown(socket.SHUT_WR)
                client.recv(1)  # it is followed
        except OSError:
            pass  # refused: they were too many at a time
    until(lambda: kith(daemon, "status").returncode == 0, 10, "the API answers after clients half closed, then hung up")
    daemon.stop()


def exit_header(world):
    daemon = lone(world, "http", "--http", "127.0.0.2:0")
    for route in ("/metrics", "/v1/events?follow=0"):
        checks.check("X-Kith-Exit" in daemon.get(route).headers, f"{route} carries X-Kith-Exit")
    url = next(line for line in daemon.logged().splitlines() if "API on http" in line).split("API on ")[1].split()[0]
    got = run(KITH, "--api", url, "--token-file", os.path.join(daemon.data, "http.token"), "id", check=False)
    checks.check(got.returncode == 0, f"kith --api to an address that --http takes: {got.stderr}")
    daemon.stop()

    late = world.daemon("late", *LOOPBACK, "--http", url[len("http://"):])
    waiting = subprocess.Popen([KITH, "--api", url, "--token-file", os.path.join(late.data, "http.token"), "wait", "--timeout", "20s"],
                               stderr=subprocess.PIPE, text=True, env=environment(world))
    ended, _, _ = select.select([waiting.stderr], [], [], 0.3)
    checks.check(not ended, "wait goes on before the daemon's first start, without a token")
    late.start()
    checks.check(waiting.wait(20) == 0, "and ends when it is there")
    late.stop()


def stop_while_joining(world):
    daemon = lone(world, "stopped")
    join = begin(daemon, "join", "127.0.0.1:9", "--timeout", "20s")
    until(lambda: daemon.metric('kith_udp_packets_total{dir="out"}') > 0, 10, "it asks who is there")
    daemon.stop()
    _, said = join.communicate()
    checks.check(join.returncode == 9 and "stopping" in said, f"a stop ends a join that runs with an answer: exit {join.returncode}, {said}")


def leave_beside_another(world):
    """The second daemon is where the command would look next; it is not the one that leaves."""
    first = world.daemon("rooms", *LOOPBACK, instance=True)
    second = world.daemon("second", *LOOPBACK)
    second.socket = os.path.join(world.dir, "state", "kith", "rooms", "kithd.sock")
    first.start()
    until(first.try_status, 10, "the first is up")
    second.start()
    until(second.try_status, 10, "the second is up")
    got = run(KITH, "--instance", "rooms", "leave", "--timeout", "8s", check=False, env=environment(world))
    checks.check(got.returncode == 0 and not first.alive(), f"leave beside another daemon: exit {got.returncode}, {got.stderr}")
    checks.check(second.alive(), "the other one stays")
    second.stop()


# --- with interfaces --------------------------------------------------------------------------


def out_of_descriptors(world):
    few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    daemon = started(world.daemon("few", "--listen", "0.0.0.0:0", "--no-lan"), preexec_fn=few)
    port = int(daemon.status()["listen"][0].rsplit(":", 1)[1])
    addresses = lambda: next(m["addresses"] for m in daemon.members() if m["self"])
    until(lambda: len(addresses()) == 1, 10, "it tells its address")
    many = [socket.socket() for _ in range(80)]
    for client in many:
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", port))
    until(lambda: len(os.listdir(f"/proc/{daemon.pid}/fd")) >= 63, 10, "it has no descriptors left")
    run("ip", "address", "add", "10.9.0.7/24", "dev", "d0")
    wait(0.5)
    for client in many:
        client.close()
    until(lambda: (daemon.try_status() or {}) and len(addresses()) == 2, 15, "both addresses are told, later")
    daemon.stop()
    run("ip", "address", "delete", "10.9.0.7/24", "dev", "d0")


def leave_while_adopting(world):
    at = lambda port: ("--listen", f"10.9.0.1:{port}", "--no-lan")
    alone, leaver, neighbour = world.daemon("x", *at(4800)), world.daemon("y", *at(4801)), world.daemon("z", *at(4802), "--join", "10.9.0.1:4801")
    for daemon in (alone, leaver):
        daemon.start()
        until(lambda: (daemon.try_status() or {}).get("synced"), 10, "it is synced")
        kith(daemon, "put", daemon.name, "value")
    neighbour.start()
    until(lambda: all((d.try_status() or {}).get("members", {}).get("alive") == 2 for d in (leaver, neighbour)), 10, "two are one")
    until(lambda: neighbour.status()["synced"], 10, "both count")
    neighbour.signal(signal.SIGSTOP)
    leave = begin(leaver, "leave", "--timeout", "25s")
    wait(0.5, lambda: leave.poll() is not None)
    checks.check(leave.poll() is None, "it hands over to one that stands still, which takes a while")
    kith(leaver, "join", "10.9.0.1:4800", "--adopt", "--timeout", "5s")
    leave.wait(40)
    checks.check(leave.returncode == 0 and not leaver.alive(), f"it leaves though another lan network is adopted: exit {leave.returncode}")
    neighbour.signal(signal.SIGCONT)
    world.end(alone, neighbour, leaver)


def two_networks(world):
    other = world.namespace("far")
    run("ip", "link", "add", "v2", "type", "veth", "peer", "name", "w2", "netns", other)
    run("ip", "address", "add", "10.2.0.1/24", "dev", "v2")
    run("ip", "link", "set", "v2", "up")
    world.inside(other, "ip", "address", "add", "10.2.0.2/24", "dev", "w2")
    world.inside(other, "ip", "link", "set", "w2", "up")
    for i, order in enumerate((("10.2.0.1", "10.9.0.1"), ("10.9.0.1", "10.2.0.1"))):
        both = [flag for address in order for flag in ("--listen", address + ":4800")]
        near = world.daemon(f"near{i}", "--mode", "public", "--network", "two", *both).start()
        far = world.daemon(f"far{i}", "--mode", "public", "--network", "two", "--listen", "10.2.0.2:4800", "--trust-first", namespace=other).start()
        for daemon in (near, far):
            until(daemon.try_status, 10, "it is up")
        got = kith(far, "join", "10.2.0.1:4800", "--trust-first", "--timeout", "6s")
        checks.check(got.returncode == 0, f"--listen {order[0]} --listen {order[1]}, reached at 10.2.0.1: {got.stderr}")
        world.end(near, far)


def main():
    if not own_network():
        skip("needs root for a network namespace")
    world = World()
    for story in (closed_descriptors, log_reader_goes_away, flags, shared_directory, pipes, followers_that_die, exit_header,
                  stop_while_joining, leave_beside_another):
        story(world)
    run("ip", "link", "add", "d0", "type", "veth", "peer", "name", "d1")
    for command in ("link set d1 up", "address add 10.9.0.1/24 dev d0", "link set d0 up"):
        run("ip", *command.split())
    for story in (out_of_descriptors, leave_while_adopting, two_networks):
        story(world)
    checks.finish()


main()
