"""A connection whose packets are lost from now on, while datagrams pass: a router forgot it, or its other end
has moved. What is sent by it must not vanish until the kernel gives up, a quarter of an hour later."""
import time

from cluster import Bridges, network_file, put, settle
from world import Checks, World, need_root, own_network, run

VALUE = b"v" * 5000  # more than a datagram

checks = Checks()


def connections(namespace):
    """Ports of the outer ends of established streams."""
    lines = run("ip", "netns", "exec", namespace, "ss", "-Htn", "state", "established").stdout.splitlines()
    ends = [end.rsplit(":", 1)[1] for line in lines if ":4747" in line for end in line.split()[2:4]]
    return [port for port in ends if port != "4747"]


def lose(namespace, port):
    """From now on every packet of that connection."""
    run("ip", "netns", "exec", namespace, "nft", "add", "table", "inet", "lost")
    for hook in ("input", "output"):
        chain = ["inet", "lost", hook]
        run("ip", "netns", "exec", namespace, "nft", "add", "chain", *chain, f"{{ type filter hook {hook} priority 0; }}")
        for end in ("sport", "dport"):
            run("ip", "netns", "exec", namespace, "nft", "add", "rule", *chain, "tcp", end, port, "drop")


def main():
    need_root()
    own_network()
    world = World()
    bridges = Bridges(world)
    places = [bridges.machine("left") for _ in range(2)]
    flags = ["--network-file", network_file(world), "--no-lan"]
    daemons = [world.daemon(f"d{i}", "--listen", ip + ":4747", *flags, *(["--join", places[0][1] + ":4747"] if i else []), namespace=namespace)
               for i, (namespace, ip) in enumerate(places)]
    for daemon in daemons:
        daemon.start()
    settle(daemons)
    checks.check(put(daemons[0], "before", VALUE).exit == 0, "a large value goes by stream")
    streams = connections(places[0][0])
    checks.check(len(streams) == 1, f"one stream: {streams}")
    for port in streams:
        lose(places[0][0], port)
    began, answer = time.monotonic(), None
    while time.monotonic() - began < 40:
        answer = put(daemons[0], "after", VALUE)
        if answer.exit == 0:
            break
    took = time.monotonic() - began
    checks.check(answer.exit == 0, f"a large value is put again: {answer.body[:200]}")
    checks.check(all(daemon.alive() for daemon in daemons), "both live")
    print(f"figure: a stream lost without a word: large values pass again after {took:.0f} s")
    checks.finish()


if __name__ == "__main__":
    main()
