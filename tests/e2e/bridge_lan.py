"""Three hosts on one LAN with nothing but `kithd --instance x`: what one puts another gets, correct,
within 3.0 s of the last start. Over IPv4 alone, IPv6 alone (ULA, then link-local alone) and both.
And the link that comes up only after the daemons run."""
import sys
import time

from world import Checks, Lan, World, all_see, figures, link, need_root, skip, until

RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 2
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


def put_here_get_there(writer, reader, value):
    """One put as soon as the API serves, whoever is there by then; its value arrives at the other."""
    until(writer.try_status, 5, "the API serves")
    until(reader.try_status, 5, "the API serves")
    put = writer.request("PUT", "/v1/kv/greeting", body=value)
    assert put.exit == 0, put.body
    until(lambda: (a := reader.get("/v1/kv/greeting")).exit == 0 and a.body == value, 15, "the other host has it")


def one_run(world, hosts, number):
    daemons = [world.daemon(f"x{number}-{i}", namespace=host, instance=True) for i, host in enumerate(hosts)]
    try:
        for daemon in daemons:
            daemon.start()
        last = time.monotonic()
        put_here_get_there(daemons[0], daemons[2], b"hello %d" % number)
        return time.monotonic() - last
    finally:
        world.end(*daemons)


def one_newcomer(world, hosts, number):
    """The last one comes to two that already hold the value."""
    daemons = [world.daemon(f"y{number}-{i}", namespace=host, instance=True) for i, host in enumerate(hosts)]
    try:
        value = b"welcome %d" % number
        for daemon in daemons[:2]:
            daemon.start()
        until(lambda: all_see(daemons[:2]), 15, "two see each other")
        put_here_get_there(daemons[0], daemons[1], value)
        daemons[2].start()
        last = time.monotonic()
        until(daemons[2].try_status, 5, "the API serves")
        until(lambda: (a := daemons[2].get("/v1/kv/greeting")).exit == 0 and a.body == value, 15, "the newcomer has it")
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
        if kind == "both":
            times = [one_newcomer(world, hosts, number) for number in range(RUNS)]
            checks.check(figures("a newcomer gets what two hold", times, LIMIT), "newcomer")
        world.close()
    for kind in KINDS:
        # IPv6 addresses need 1 to 2 s of duplicate address detection after the link.
        limit = LIMIT if kind == "IPv4 only" else LIMIT + 2.0
        checks.check(figures(f"link after start, {kind}", [late_link(kind) for _ in range(min(RUNS, 3))], limit), f"late link, {kind}")
    checks.finish()


main()
