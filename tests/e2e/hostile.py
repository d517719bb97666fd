"""Hostile traffic at a live daemon: random and mutated datagrams and broken connections. It keeps
serving, its memory does not grow, and every hostile datagram is counted: dropped, or answered.

hostile.py [datagrams] [connections] [per second]"""
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

from cluster import get, loopback_cluster, put
from wiretap import Wiretap
from world import Checks, World, need_root, own_network, run, until

DATAGRAMS = int(sys.argv[1]) if len(sys.argv) > 1 else 50000
CONNECTIONS = int(sys.argv[2]) if len(sys.argv) > 2 else 500
RATE = int(sys.argv[3]) if len(sys.argv) > 3 else 20000
GROWTH_KIB = 4096

checks = Checks()


def resident(daemon):
    """VmRSS and its parts in KiB."""
    with open(f"/proc/{daemon.pid}/status") as status:
        lines = [line.split() for line in status]
    return {line[0][:-1]: int(line[1]) for line in lines if line[0] in ("VmRSS:", "RssAnon:", "RssFile:")}


def port_of(daemon):
    return int(daemon.status()["listen"][0].rsplit(":", 1)[1])


def dropped(daemon):
    """kith_dropped_total by reason; without send_failed, which is about what it sends itself."""
    reasons = {}
    for line in daemon.get("/metrics").body.decode().splitlines():
        if line.startswith("kith_dropped_total{"):
            reason, value = line.split('"')[1], float(line.rsplit(" ", 1)[1])
            if reason != "send_failed":
                reasons[reason] = int(value)
    return reasons


def make_flood(world):
    program = os.path.join(world.dir, "flood")
    run("cc", "-O2", "-o", program, os.path.join(os.path.dirname(os.path.abspath(__file__)), "flood.c"))
    return program


def flood(program, port, count, rate, templates, seed, when_sent=lambda: None):
    command = [program, "127.0.0.1", str(port), str(count), str(rate), str(seed), templates]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        running.stdout.readline()  # all is sent; answers may still come
        when_sent()
        return json.loads(running.stdout.readline())


def save_templates(world, tap, port):
    """Real datagrams that this port was sent, at most 200 a type."""
    by_type, path = {}, os.path.join(world.dir, "templates")
    for _, destination, payload in tap.datagrams():
        if destination == port and payload and len(payload) <= 1472:
            by_type.setdefault(payload[0], []).append(payload)
    with open(path, "wb") as out:
        for payloads in by_type.values():
            for payload in payloads[:200]:
                out.write(struct.pack("<H", len(payload)) + payload)
    return path, {f"{kind:#04x}": len(payloads) for kind, payloads in sorted(by_type.items())}


def broken_connections(port, count, beginnings):
    """Every way to open a connection and not mean it; a few stay open and say nothing."""
    silent = []
    for i in range(count):
        try:
            link = socket.create_connection(("127.0.0.1", port), timeout=2)
        except OSError:
            continue  # its backlog is full: also an answer
        try:
            way = i % 8
            if way == 0:
                link.sendall(random.randbytes(random.randrange(1, 5000)))
            elif way == 1:
                link.sendall(struct.pack("<H", random.randrange(4095, 65536)) + b"\x03" + bytes(100))
            elif way == 2:
                link.sendall(struct.pack("<H", 217) + b"\x03" + random.randbytes(216))
            elif way == 3:
                first = bytearray(random.choice(beginnings)) if beginnings else bytearray(10)
                first[random.randrange(len(first))] ^= 1 << random.randrange(8)
                link.sendall(first)
            elif way == 4 and beginnings:
                link.sendall(random.choice(beginnings))  # a replay of a real one
            elif way == 5:
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif way == 6:
                link.sendall(b"\x10")
            elif len(silent) < 40:
                silent.append(link)
                continue
        except OSError:
            pass
        link.close()
    return silent


def keep_serving(daemons, stop, served, failures):
    i = 0
    while not stop.is_set():
        i += 1
        value = random.randbytes(random.choice([10, 1000, 20000]))
        began = time.monotonic()
        wrote = put(daemons[i % len(daemons)], f"served-{i % 50}", value)
        read = get(daemons[(i + 1) % len(daemons)], f"served-{i % 50}")
        if wrote.exit or read.exit or read.body != value:
            failures.append((wrote.body[:200], read.exit))
        served.append(time.monotonic() - began)


def under_fire(daemons, program, templates, beginnings):
    """Datagrams, connections and clients all at once, at one daemon of three."""
    target, stop, served, failures = daemons[0], threading.Event(), [], []
    port, count = port_of(target), DATAGRAMS // 2
    client = threading.Thread(target=keep_serving, args=(daemons, stop, served, failures))
    client.start()
    flood(program, port, max(5000, count // 4), RATE, templates, 1)  # warm-up, with the same of everything
    silent = broken_connections(port, min(CONNECTIONS, 200), beginnings)
    until(lambda: len(served) >= 200, 30, "warm")
    before, last_drop, warm = resident(target), dropped(target), len(served)
    outcome = {}
    thread = threading.Thread(target=lambda: outcome.update(flood(program, port, count, RATE, templates, 2)))
    thread.start()
    began = time.monotonic()
    silent += broken_connections(port, CONNECTIONS, beginnings)
    connecting = time.monotonic() - began
    thread.join()
    stop.set()
    client.join()
    for link in silent:
        link.close()
    after, now, served = resident(target), dropped(target), served[warm:]
    grown = after["VmRSS"] - before["VmRSS"]
    print(f"figure: {outcome['sent']} hostile datagrams in {outcome['seconds']} s and {CONNECTIONS} broken connections in {connecting:.1f} s at one of {len(daemons)} daemons: "
          f"{len(served)} put+get pairs meanwhile, {len(failures)} failed, median {sorted(served)[len(served) // 2] * 1000:.1f} ms, worst {max(served) * 1000:.0f} ms")
    print(f"figure: VmRSS {before['VmRSS']} KiB after warm-up, {grown:+d} KiB after (limit +{GROWTH_KIB}); "
          f"of its own {after['RssAnon'] - before['RssAnon']:+d}, of files, the database's among them, {after['RssFile'] - before['RssFile']:+d}")
    print("dropped: " + ", ".join(f"{reason} {now[reason] - last_drop[reason]}" for reason in now if now[reason] != last_drop[reason]))
    checks.check(not failures, f"it served on: {failures[:3]}")
    if "KITH_SANITIZED" in os.environ:  # a sanitizer keeps what is freed
        print("memory is not judged under a sanitizer")
    else:
        checks.check(grown <= GROWTH_KIB, f"memory grew by {grown} KiB")
    until(lambda: all(d.status()["members"]["alive"] == len(daemons) for d in daemons), 10, "all still see all")
    checks.check(all(d.metric("kith_members{state=\"dead\"}") == 0 for d in daemons), "nobody was called dead")
    until(lambda: target.metric("kith_tcp_streams") <= 8, 20, "the broken connections are gone")


def every_one_counted(daemons, program, templates):
    """The others leave, so that nothing but hostile datagrams arrives: each is dropped and counted, or answered."""
    target = daemons[0]
    for daemon in daemons[1:]:
        daemon.request("POST", "/v1/leave", body="{}")
    for daemon in daemons[1:]:
        checks.check(daemon.process.wait(15) == 0, "left with 0")
    until(lambda: target.status()["members"]["alive"] == 1 and put(target, "alone", b"v").exit == 0, 15, "it is alone and serves")
    quiet = dropped(target)
    before_kernel, before_in = target.metric("kith_udp_kernel_drops_total"), target.metric('kith_udp_packets_total{dir="in"}')
    # Most at a rate; some while it is paused, more than the kernel's buffer takes; and a few more, for
    # the kernel tells what it dropped with the next datagram that it delivers.
    port = port_of(target)
    parts = [flood(program, port, DATAGRAMS * 3 // 4, RATE * 2, templates, 3)]
    target.signal(signal.SIGSTOP)
    parts.append(flood(program, port, DATAGRAMS // 4, RATE * 10, templates, 4, lambda: target.signal(signal.SIGCONT)))
    parts.append(flood(program, port, 64, 1000, templates, 5))
    sent = {field: sum(part[field] for part in parts) for field in ("sent", "bytes", "seconds", "answer_bytes", "welcomed")}
    now = dropped(target)
    kernel = int(target.metric("kith_udp_kernel_drops_total") - before_kernel)
    arrived = int(target.metric('kith_udp_packets_total{dir="in"}') - before_in)
    # A cookie goes with a drop (under_load), an i_am of another status with wrong_network; an i_am that
    # says ok or names versions, or a handshake reply, is an answer instead of a drop.
    answers = sent["welcomed"]
    counted = sum(now.values()) - sum(quiet.values())
    print(f"figure: {sent['sent']} hostile datagrams in {sent['seconds']:.1f} s: {counted} dropped and counted + {kernel} dropped by the kernel + {answers} answered = "
          f"{counted + kernel + answers}, difference {sent['sent'] - counted - kernel - answers} (arrived {arrived}; answers are {sent['answer_bytes']} of {sent['bytes']} bytes)")
    print("dropped: " + ", ".join(f"{reason} {now[reason] - quiet[reason]}" for reason in now if now[reason] != quiet[reason]))
    checks.check(sent["sent"] == counted + kernel + answers, "every datagram is accounted for")
    checks.check(sent["answer_bytes"] <= sent["bytes"], "it answers with fewer bytes than it was sent")
    checks.check(put(target, "after", b"v").exit == 0 and get(target, "after").body == b"v", "it serves after all that")


def main():
    need_root()
    own_network()
    world = World()
    program = make_flood(world)
    tap = Wiretap()
    daemons = loopback_cluster(world, 3)
    for i in range(30):
        put(daemons[i % 3], f"warm-{i}", random.randbytes(random.choice([10, 500, 30000])))
    daemons[1].stop()  # and again: handshakes towards the first
    daemons[1].start()
    until(lambda: all(d.try_status() and d.status()["members"]["alive"] == 3 and d.status()["synced"] for d in daemons), 20, "three again")
    port = port_of(daemons[0])
    templates, kinds = save_templates(world, tap, port)
    # First frames of streams: those to it if it was dialled, else anybody's.
    first = {to: payload[:2 + struct.unpack("<H", payload[:2])[0]] for (_, to), payload in tap.streams().items() if payload[2:3] == b"\x03"}
    beginnings = [first[port]] if port in first else list(first.values())
    tap.stop()
    print(f"real datagrams to mutate, by type: {kinds}; beginnings of real streams: {len(beginnings)}")
    under_fire(daemons, program, templates, beginnings)
    every_one_counted(daemons, program, templates)
    checks.finish()


main()
