"""What the wire gives away: nothing of a key, a value or a network's name; nothing for a replay; and no
stranger is answered with more bytes than it sent. Everything is captured on the namespace's loopback.

secrecy.py [random datagrams]"""
import base64
import json
import random
import secrets
import socket
import struct
import sys

from cluster import get, network_file, put, settle
from wiretap import Wiretap
from world import Checks, World, need_root, own_network, until

RANDOM = int(sys.argv[1]) if len(sys.argv) > 1 else 500

checks = Checks()


def port_of(daemon):
    return int(daemon.status()["listen"][0].rsplit(":", 1)[1])


def forms(secret):
    """The ways in which some bytes could show: as they are, in hex, in base64."""
    whole = secret if isinstance(secret, bytes) else secret.encode()
    out = {whole, whole.hex().encode(), whole.hex().upper().encode(), whole[::-1]}
    for skip in range(3):  # base64 of it, wherever it starts in what was encoded
        out.add(base64.b64encode(bytes(skip) + whole)[4:-4])
    return {form for form in out if len(form) >= 8}


def nothing_in_clear(world):
    """A put, an overwrite, a get and a delete between private daemons that find each other by beacon."""
    name, key = "family-" + secrets.token_hex(8), "diary-" + secrets.token_hex(12)
    small, large = secrets.token_hex(40).encode(), secrets.token_bytes(3000).hex().encode()
    path = network_file(world, name)
    tap = Wiretap()
    daemons = [world.daemon(f"house-{i}", "--network-file", path, "--tag", "room=" + secrets.token_hex(8)) for i in range(3)]
    for daemon in daemons:
        daemon.start()
    settle(daemons)
    wrote, read = put(daemons[0], key, small), get(daemons[1], key)
    checks.check(wrote.exit == 0 and read.body == small, f"a small value: {wrote.body}, {read.exit} {read.body}")
    checks.check(put(daemons[1], key, large).exit == 0 and get(daemons[2], key).body == large, "a large value")
    checks.check(put(daemons[2], key, small, owned=1).exit == 0 and get(daemons[0], key, owner=daemons[2].name).body == small, "an owned name")
    with open(path) as file:
        network = json.load(file)
    hidden = {"key": key, "small value": small, "network name": name, "root": bytes.fromhex(network["root"]), "psk": bytes.fromhex(network["psk"]),
              "member name": daemons[0].name, "tag": daemons[0].flags[-1], "start of the large value": large[:24], "end of the large value": large[-24:]}
    hidden.update({f"large value at {at}": large[at:at + 24] for at in range(500, 5500, 500)})
    everything = b"\0".join(tap.frames) + b"\0".join(tap.streams().values())
    found = [what for what, secret in hidden.items() if any(form in everything for form in forms(secret))]
    checks.check(not found, f"in clear on the wire: {found}")
    checks.check(len(everything) > len(small) + len(large), "the capture saw the traffic")
    kinds = {}
    for _, _, payload in tap.datagrams():
        kinds[payload[:1].hex()] = kinds.get(payload[:1].hex(), 0) + 1
    checks.check({"06", "03", "04"} <= set(kinds), f"the capture saw handshakes and sealed frames: {kinds}")
    print(f"figure: {len(tap.frames)} frames, {len(everything)} bytes captured (datagrams by type {dict(sorted(kinds.items()))}, {len(tap.streams())} stream directions): "
          f"none of {len(hidden)} secrets in it, plain, reversed, hex or base64")
    return daemons, tap, key


def dropped(daemon):
    reasons = {}
    for line in daemon.get("/metrics").body.decode().splitlines():
        if line.startswith("kith_dropped_total{"):
            reasons[line.split('"')[1]] = int(float(line.rsplit(" ", 1)[1]))
    return reasons


def replays_are_counted(daemons, tap, key):
    """Every datagram that one daemon was sent so far, again: from a stranger's socket, and from the address
    of the peer that sent it while that peer is gone."""
    target, peer = daemons[0], daemons[1]
    checks.check(put(daemons[2], key, b"the newest").exit == 0, "a newer value")
    port, peer_port = port_of(target), port_of(peer)
    old = [(source, payload) for source, to, payload in tap.datagrams() if to == port and payload[:1] in (b"\x03", b"\x04", b"\x06")]
    quiet, members = dropped(target), [(m["id"], m["incarnation"]) for m in target.members()]
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _, payload in old:
        stranger.sendto(payload, ("127.0.0.1", port))

    def counted():
        now = dropped(target)
        return {reason: now[reason] - quiet[reason] for reason in now if now[reason] != quiet[reason]}

    until(lambda: sum(counted().values()) >= len(old), 5, f"{len(old)} replays are dropped and counted: {counted()}")
    first = counted()
    checks.check(set(first) <= {"replayed", "replayed_handshake", "unknown_session", "unexpected", "not_authentic", "under_load", "bad_mac"}, f"reasons: {first}")
    checks.check(first.get("replayed", 0) > 0, f"sealed ones within the window are called replayed: {first}")
    checks.check(sum(first.values()) - len(old) <= 5, f"no more drops than replays: {first} of {len(old)}")
    stranger.setblocking(False)
    answers = received(stranger)
    checks.check(sum(map(len, answers)) <= sum(len(p) for _, p in old), "bytes to the replayer")
    checks.check([(m["id"], m["incarnation"]) for m in target.members()] == members and get(target, key).body == b"the newest", "a replay changes nothing")
    print(f"figure: {len(old)} datagrams replayed from a stranger's socket: dropped as {first}; {len(answers)} answers")

    peer.signal(19)  # paused and not dead: its session lives, its address is taken by nobody
    spoof = raw_sender(peer_port, port)
    quiet = dropped(target)
    own = [payload for source, payload in old if source == peer_port and payload[0] == 6]
    for payload in own:
        spoof(payload)
    until(lambda: sum(counted().values()) >= len(own), 5, f"{len(own)} replays with the true source are dropped: {counted()}")
    second = counted()
    peer.signal(18)
    until(lambda: all(d.status()["members"]["alive"] == 3 for d in daemons), 10, "nobody died of it")
    checks.check(len(own) > 0 and set(second) <= {"replayed", "unknown_session", "unexpected"}, f"reasons with the true source: {second}")
    print(f"figure: {len(own)} sealed datagrams replayed with their true source address: dropped as {second}")


def raw_sender(source, destination):
    """Sends datagrams from any port of ours, bound or not."""
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)

    def send(payload):
        raw.sendto(struct.pack("!HHHH", source, destination, 8 + len(payload), 0) + payload, ("127.0.0.1", 0))

    return send


def received(sock, wait=0.0):
    import select
    out = []
    while select.select([sock], [], [], wait)[0]:
        try:
            out.append(sock.recv(4096))
        except OSError:  # a refused port
            break
    return out


def never_more_than_it_got(daemons, tap):
    """Each first packet from a fresh socket: the bytes that come back within a moment, and the bytes it sent."""
    target = daemons[0]
    port = port_of(target)
    real = {}
    for _, to, payload in tap.datagrams():
        if payload:
            real.setdefault(payload[0], []).append(payload)
    tries = [(f"real {kind:#04x}", payload) for kind, payloads in real.items() for payload in payloads[:20]]
    nonce = secrets.token_bytes(16)
    tries += [("who_are_you", b"\x01" + nonce + struct.pack("<HH", 1, 1) + secrets.token_bytes(8) + bytes(131))]
    tries += [("who_are_you of %d" % size, (b"\x01" + nonce + struct.pack("<HH", 1, 1) + bytes(1200))[:size]) for size in (1, 18, 29, 100, 159, 161, 1200)]
    for i in range(RANDOM):
        size = random.choice([0, 1, 19, 29, 61, 93, 160, 217, 1200, random.randrange(1472)])
        body = bytearray(secrets.token_bytes(size))
        if body and i % 4:
            body[0] = random.choice([1, 2, 3, 4, 5, 6, 7, 0x64])
        tries.append(("random", bytes(body)))
    worst, sent, answered, by_kind = 0.0, 0, 0, {}
    sockets = []
    for kind, payload in tries:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.sendto(payload, ("127.0.0.1", port))
        sockets.append((kind, payload, sock))
        if len(sockets) < 50:
            continue
        sockets, results = [], [(k, p, received(s, 0.02), s) for k, p, s in sockets]
        for k, p, answers, s in results:
            s.close()
            back = sum(map(len, answers))
            checks.check(back <= len(p), f"{k} of {len(p)} bytes was answered with {back}")
            sent, answered = sent + len(p), answered + back
            if answers:
                by_kind[k] = by_kind.get(k, 0) + 1
                worst = max(worst, back / len(p))
    print(f"figure: {len(tries)} first packets from fresh sockets, {sent} bytes: {answered} bytes came back, at most {worst:.2f} of what one sent; answered: {by_kind}")

    # Streams: what a connection that proved nothing gets.
    beginnings = [flow for (_, to), flow in tap.streams().items() if to == port]
    streams = [b"\x03" + secrets.token_bytes(300), struct.pack("<H", 217) + b"\x03" + secrets.token_bytes(216), secrets.token_bytes(5000), *beginnings[:10]]
    for data in streams:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as link:
            try:
                link.sendall(data[:4000])
                back = sum(map(len, received_stream(link)))
            except OSError:
                back = 0
        checks.check(back <= len(data), f"a stream of {len(data)} bytes was answered with {back}")
        checks.check(back == 0, f"a stream that proved nothing was answered with {back} bytes")
    print(f"figure: {len(streams)} unproven streams (random, and the beginnings of {len(beginnings[:10])} real ones): no answer beyond what they sent")


def received_stream(link):
    out = []
    link.settimeout(0.3)
    try:
        while data := link.recv(4096):
            out.append(data)
    except OSError:
        pass
    return out


def main():
    need_root()
    own_network()
    world = World()
    daemons, tap, key = nothing_in_clear(world)
    replays_are_counted(daemons, tap, key)
    never_more_than_it_got(daemons, tap)
    tap.stop()
    checks.finish()


main()
