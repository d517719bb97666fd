"""Clusters of daemons and what one does with their records: put, get, delete, many at once.

Used by the scripts about data (values, durability, full_disk, secrecy, hostile). A cluster is a
private network on loopback addresses, or in namespaces behind two bridges that can be cut apart.
"""
import concurrent.futures
import ctypes
import json
import os
import random
import secrets
import urllib.parse

from world import all_see, all_synced, run, until


def network_file(world, name="e2e"):
    """A network file as `kith network new` writes it."""
    path = os.path.join(world.dir, name + ".network")
    fields = {"format": "kith-network/1", "name": name, "epoch": 1}
    fields.update({secret: secrets.token_hex(32) for secret in ("root", "psk", "admin")})
    with open(path, "w") as out:
        json.dump(fields, out)
    return path


def target(key, **query):
    options = {k: v for k, v in query.items() if v is not None}
    return "/v1/kv/" + urllib.parse.quote(key) + ("?" + urllib.parse.urlencode(options) if options else "")


def put(daemon, key, value, **query):
    return daemon.request("PUT", target(key, **query), body=value, timeout=30)


def get(daemon, key, **query):
    return daemon.request("GET", target(key, **query), timeout=30)


def delete(daemon, key, **query):
    return daemon.request("DELETE", target(key, **query), timeout=30)


def result(answer):
    """The put object of an answer, also where the daemon wrapped it in an error."""
    body = answer.json
    return body.get("error", {}).get("result", body)


def sequence(answer):
    return int(answer.headers.get("X-Kith-Seq", "0"))


def at_once(work, items, threads=8):
    """work(item) for every item, `threads` of them at a time; the results in the order of the items."""
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))


def sizes(count, limit=65536):
    """Value sizes from nothing to the limit: the corners first, then evenly over the magnitudes."""
    corners = [0, 1, 2, 255, 256, 1023, 1024, 1025, 1199, 1200, 4075, 4076, 4077, limit - 1, limit]
    return [corners[i] if i < len(corners) else min(limit, int(2 ** random.uniform(0, 16.01))) for i in range(count)]


def loopback_cluster(world, count, *flags, prefix="n"):
    """`count` daemons of one private network on 127.0.0.1, all joining the first, all synced."""
    flags = ["--network-file", network_file(world), "--no-lan", *flags]
    first = world.daemon(prefix + "0", "--listen", "127.0.0.1:0", *flags).start()
    until(first.try_status, 10, "the first daemon answers")
    first.flags[1] = address(first)  # the same port after a restart: the others know it
    daemons = [first]
    for i in range(1, count):
        daemons.append(world.daemon(f"{prefix}{i}", "--listen", "127.0.0.1:0", "--join", address(first), *flags).start())
    settle(daemons)
    for daemon in daemons[1:]:
        daemon.flags[1] = address(daemon)
    return daemons


def address(daemon):
    return daemon.status()["listen"][0]


def settle(daemons, limit=40):
    """Until all see all and every one has what is its to hold; the time it took."""
    seen = until(lambda: all_see(daemons), limit, f"all {len(daemons)} see all")
    return seen + until(lambda: all_synced(daemons), limit, f"all {len(daemons)} are synced")


class Bridges:
    """Two bridges with a cable between them, and one namespace a machine: cut() parts the halves."""

    def __init__(self, world):
        self.world, self.count = world, 0
        for bridge in ("left", "right"):
            run("ip", "link", "add", bridge, "type", "bridge")
            run("ip", "link", "set", bridge, "up")
        run("ip", "link", "add", "cable", "type", "veth", "peer", "name", "elbac")
        run("ip", "link", "set", "cable", "master", "left", "up")
        run("ip", "link", "set", "elbac", "master", "right", "up")

    def machine(self, bridge):
        """A namespace on that bridge, and its address."""
        self.count += 1
        ip, outside = f"10.77.0.{self.count}", f"port{self.count}"
        namespace = self.world.namespace(f"m{self.count}")
        run("ip", "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        run("ip", "link", "set", outside, "master", bridge, "up")
        self.world.inside(namespace, "ip", "address", "add", ip + "/24", "dev", "eth0")
        self.world.inside(namespace, "ip", "link", "set", "eth0", "up")
        return namespace, ip

    def cut(self):
        run("ip", "link", "set", "cable", "down")

    def heal(self):
        run("ip", "link", "set", "cable", "up")


def own_mounts():
    """Moves this script into a mount namespace of its own: what it mounts is gone when it ends."""
    if ctypes.CDLL(None, use_errno=True).unshare(0x00020000) != 0:  # CLONE_NEWNS
        return False
    run("mount", "--make-rprivate", "/")
    return True
