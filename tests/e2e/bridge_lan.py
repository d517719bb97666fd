"""Three hosts on one LAN with nothing but `kithd --instance x`: what one puts another gets, correct,
within 3.0 s of the last start. Over IPv4 alone, IPv6 alone (ULA, then link-local alone) and both.
And the link that comes up only after the daemons run."""
import sys
import time

from world import Checks, Lan, World, all_see, figures, link, need_root, skip, until

RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
LIMIT = 3.0

KINDS = {
    "IPv4 only": lambda i: dict(addresses=[f"10.7.0.{i}/24"], disable_v6=True),
    "IPv6 only, ULA": lambda i: dict(addresses=[f"fd07::{i}/64"]),
    "IPv6 only, link-local": lambda i: dict(addresses=[]),
    "both": lambda i: dict(addresses=[f"10.7.0.{i}/24", f"fd07::{i}/64"]),
}


def hosts_of(lan, kind, **options):
    hosts = []
    for i in (1, 2, 3):
        how = KINDS[kind](i)
        hosts.append(lan.host(f"h{i}", *how.pop("addresses"), **how, **options))
    return hosts


def got(daemon, key, value):
    answer = daemon.get(f"/v1/kv/{key}?timeout=500ms")
    return answer.status == 200 and answer.body == value


def put_here_get_there(writer, reader, value):
    """Puts until the put is applied and gets until the value is there: what a person would do."""
    until(writer.try_status, 5, "the API serves")
    until(reader.try_status, 5, "the API serves")
    until(lambda: writer.request("PUT", "/v1/kv/greeting?timeout=500ms", body=value).exit == 0, 15, "the put is applied")
    until(lambda: got(reader, "greeting", value), 15, "the other host has it")


def one_run(world, hosts, number):
    daemons = [world.daemon(f"x{number}-{i}", namespace=host, instance=True) for i, host in enumerate(hosts)]
    try:
        for daemon in daemons:
            daemon.start()
        last = time.monotonic()
        until(lambda: all_see(daemons[:1], 3), 15, "the first sees all three")
        put_here_get_there(daemons[0], daemons[2], b"hello %d" % number)
        return time.monotonic() - last
    finally:
        world.end(*daemons)


def late_link(kind):
    """The daemons run before there is a network: the time from the last link to the value."""
    world = World()
    try:
        lan = Lan(world)
        hosts = hosts_of(lan, kind, up=False)
        daemons = [world.daemon(f"late{i}", namespace=host, instance=True).start() for i, host in enumerate(hosts)]
        until(lambda: all(d.try_status() for d in daemons), 5, "the daemons serve without a network")
        for host in hosts:
            came = link(host, True)
        until(lambda: all_see(daemons), 30, "all see all once the link is there")
        took = time.monotonic() - came
        put_here_get_there(daemons[1], daemons[2], b"late")
        return took
    finally:
        world.close()


def main():
    need_root()
    checks = Checks()
    for kind in KINDS:
        world = World()
        hosts = hosts_of(lan := Lan(world), kind)
        lan.settled()
        times = [one_run(world, hosts, number) for number in range(RUNS)]
        checks.check(figures(f"put here, get there, {kind}", times, LIMIT), kind)
        world.close()
    for kind in KINDS:
        # IPv6 addresses need 1 to 2 s of duplicate address detection after the link.
        limit = LIMIT if kind == "IPv4 only" else LIMIT + 2.0
        checks.check(figures(f"link after start, {kind}", [late_link(kind) for _ in range(min(RUNS, 3))], limit), f"late link, {kind}")
    checks.finish()


main()
