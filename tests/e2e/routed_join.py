"""Joining where no subnet is shared: every host behind a router of its own subnet.

private and public networks join through host:port and key@host:port; lan refuses the stranger and
says why; a wrong psk, a wrong pin and an unpinned public peer never get in; the network outlives
its bootstrap peer; lan networks that both hold records stay apart until somebody adopts."""
import json
import os
import secrets
import sys
import threading
import time

from world import Checks, Lan, Routed, World, all_see, all_synced, figures, link, need_root, until, wait

RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 2
LIMIT = 3.0       # the last start -> everybody sees everybody
KEPT_OUT = 10.0   # seconds of attempts that must all fail
STAY_APART = 6.0

checks = Checks()


def network_file(world, name, **changes):
    path = os.path.join(world.dir, name + ".network")
    content = {"format": "kith-network/1", "name": "club", "root": secrets.token_hex(32), "epoch": 1,
               "psk": secrets.token_hex(32), "admin": secrets.token_hex(32)}
    content.update(changes)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        json.dump(content, file)
    return path, content


def join(daemon, target, **options):
    return daemon.request("POST", "/v1/join", body=json.dumps({"target": target, **options}))


def causes(answer):
    return [attempt["cause"] for attempt in answer.json["error"]["result"]["attempts"]]


def value_travels(writer, reader, key, value):
    public = writer.status()["mode"] == "public"  # where a name belongs to its writer, for a while
    put = writer.request("PUT", f"/v1/kv/{key}" + ("?owned=true&ttl=1h" if public else ""), body=value)
    asked = f"/v1/kv/{key}" + (f"?owner={writer.status()['id']}" if public else "")

    def there():
        got = reader.get(asked)
        return got.exit == 0 and got.body == value

    # A moment's grace: in a network's first second the two may not know yet that the other counts.
    return put.exit == 0 and until(there, 2, f"{key} arrives") < 2


def lonely(daemons, seconds):
    """True when nobody of them has company for so long."""
    def company():
        return any(len(d.members()) > 1 for d in daemons)

    wait(seconds, company)
    return not company()


# --- who gets in --------------------------------------------------------------------------------

def joins_at_start(mode_flags, with_key, number):
    """Three hosts, the second and third told of the first by --join. The time from the last start."""
    world = World()
    try:
        routed = Routed(world)
        flags = mode_flags(world)
        (first_host, address), *others = [routed.host(f"h{i}") for i in range(3)]
        first = world.daemon("first", *flags, namespace=first_host).start()
        until(first.try_status, 5, "the bootstrap peer serves")
        target = f"{address}:4747"
        if with_key:
            target = f"{first.status()['key']}@{target}"
        elif "public" in flags:
            flags = flags + ["--trust-first"]
        daemons = [first] + [world.daemon(f"n{i}", *flags, "--join", target, namespace=host) for i, (host, _) in enumerate(others)]
        for daemon in daemons[1:]:
            daemon.start()
        last = time.monotonic()
        until(lambda: all_see(daemons), 15, "all see all")
        took = time.monotonic() - last
        if number >= 2:  # a few are enough: a fresh network with join targets takes 4 s to settle
            return took
        until(lambda: all_synced(daemons), 15, "all are synced")
        checks.check(value_travels(daemons[1], daemons[2], "k", b"v%d" % number), "a value travels between two that were told of a third")
        return took
    finally:
        world.close()


def joins_by_request(mode_flags, with_key):
    """The same, but the running daemon is told through the API."""
    world = World()
    try:
        routed = Routed(world)
        flags = mode_flags(world)
        (host_a, address), (host_b, _) = routed.host("a"), routed.host("b")
        a = world.daemon("a", *flags, namespace=host_a).start()
        b = world.daemon("b", *flags, namespace=host_b).start()
        until(lambda: a.try_status() and b.try_status(), 5, "both serve")
        target = f"{a.status()['key']}@{address}:4747" if with_key else f"{address}:4747"
        start = time.monotonic()
        answer = join(b, target, trust_first="public" in flags)
        took = time.monotonic() - start
        checks.check(answer.exit == 0 and answer.json["joined"], f"POST /v1/join: {answer.body}")
        until(lambda: all_see([a, b]), 5, "both see both")
        return took
    finally:
        world.close()


def private_flags(world):
    return ["--network-file", network_file(world, "club")[0]]


def public_flags(_):
    return ["--mode", "public", "--network", "agora"]


def who_gets_in():
    for mode, flags in (("private", private_flags), ("public", public_flags)):
        for with_key in (False, True):
            how = f"{mode}, {'key@' if with_key else ''}host:port"
            checks.check(figures(f"join across a router, {how}", [joins_at_start(flags, with_key, n) for n in range(RUNS)], LIMIT), how)
            figures(f"POST /v1/join, {how}", [joins_by_request(flags, with_key)])


# --- who stays out ------------------------------------------------------------------------------

def strangers_key():
    world = World()
    stranger = world.daemon("stranger", "--no-lan", namespace=world.namespace("s")).start()
    until(stranger.try_status, 5, "the stranger serves")
    key = stranger.status()["key"]
    world.close()
    return key


def lan_refuses_the_stranger():
    world = World()
    routed = Routed(world)
    (host_a, address), (host_b, _) = routed.host("a"), routed.host("b")
    a = world.daemon("a", namespace=host_a).start()
    b = world.daemon("b", "--join", f"{address}:4747", namespace=host_b).start()
    until(lambda: a.try_status() and b.try_status(), 5, "both serve")
    for target in (f"{address}:4747", f"{a.status()['key']}@{address}:4747"):
        answer = join(b, target)
        checks.check(answer.exit == 9 and answer.status == 503, f"lan: a stranger's join of {target} is exit 9, not {answer.exit}")
        checks.check(set(causes(answer)) == {"not_local"}, f"lan: the cause is told: {causes(answer)}")
        print(f"lan stranger's causes: {causes(answer)}")
    checks.check(lonely([a, b], KEPT_OUT), "lan: the stranger stays outside")
    world.close()


def stays_out(what, flags_a, flags_b, target_of, expected):
    """b tries for 10 s, by --join and by request; neither ever has company, and the cause is told."""
    world = World()
    routed = Routed(world)
    (host_a, address), (host_b, _) = routed.host("a"), routed.host("b")
    a = world.daemon("a", *flags_a(world), namespace=host_a).start()
    until(a.try_status, 5, "the bootstrap peer serves")
    target = target_of(a, address)
    b = world.daemon("b", *flags_b(world), "--join", target, namespace=host_b).start()
    until(b.try_status, 5, "the other serves")
    answers = []
    asking = threading.Thread(target=lambda: answers.append(join(b, target)))
    asking.start()
    checks.check(lonely([a, b], KEPT_OUT), f"{what}: never gets in")
    asking.join(15)
    checks.check(answers and answers[0].exit == 9, f"{what}: exit 9")
    told = causes(answers[0]) if answers else []
    print(f"{what}: causes {sorted(set(told))}")
    checks.check(told and set(told) <= expected, f"{what}: cause {sorted(set(told))}, expected {sorted(expected)}")
    world.close()


def who_stays_out():
    lan_refuses_the_stranger()
    root = secrets.token_hex(32)
    by_address = lambda a, address: f"{address}:4747"
    stays_out("wrong psk", lambda w: ["--network-file", network_file(w, "one", root=root)[0]],
              lambda w: ["--network-file", network_file(w, "two", root=root)[0]], by_address, {"wrong_network"})
    stays_out("wrong network", private_flags, lambda w: ["--network-file", network_file(w, "two")[0]], by_address, {"wrong_network"})
    other_key = strangers_key()
    wrong_pin = lambda a, address: f"{other_key}@{address}:4747"
    mistyped = lambda a, address: f"{'y' * 52}@{address}:4747"  # no curve point: nobody can have it
    psk = secrets.token_hex(32)
    same = lambda w: ["--network-file", network_file(w, "same" + secrets.token_hex(2), root=root, psk=psk)[0]]
    stays_out("wrong key pin, private", same, same, wrong_pin, {"wrong_key"})
    stays_out("wrong key pin, public", public_flags, public_flags, wrong_pin, {"wrong_key"})
    stays_out("mistyped key pin, public", public_flags, public_flags, mistyped, {"wrong_key"})
    stays_out("unpinned, public", public_flags, public_flags, by_address, {"unpinned"})


# --- the bootstrap peer dies --------------------------------------------------------------------

def without_the_bootstrap_peer():
    world = World()
    try:
        routed = Routed(world)
        flags = private_flags(world)
        (seed_host, address), *places = [routed.host(f"h{i}") for i in range(4)]
        seed = world.daemon("seed", *flags, namespace=seed_host).start()
        until(seed.try_status, 5, "the seed serves")
        others = [world.daemon(f"n{i}", *flags, "--join", f"{address}:4747", namespace=host).start() for i, (host, _) in enumerate(places)]
        until(lambda: all_see([seed] + others), 15, "all see all")
        until(lambda: all_synced([seed] + others), 15, "all synced")
        seed.kill()
        until(lambda: all(d.state_of("seed") == "dead" for d in others), 10, "the seed is dead to all")
        checks.check(all_see(others, 3), "the others stay together")
        checks.check(value_travels(others[0], others[1], "after", b"the seed"), "they serve without it")
        others[2].kill()
        others[2].start()
        killed = until(lambda: all_see(others, 3), 10, "one killed and restarted finds the others without the seed")
        others[2].stop()
        others[2].start()
        stopped = until(lambda: all_see(others, 3), 10, "one restarted finds the others without the seed")
        for daemon in others:
            daemon.kill()
        for daemon in others:  # nobody is left who remembers, only their disks do
            daemon.start()
        power_cut = until(lambda: all_see(others, 3), 20, "all killed and restarted find each other without the seed")
        return killed, stopped, power_cut
    finally:
        world.close()


# --- lan networks that both hold records --------------------------------------------------------

def two_with_records():
    world = World()
    try:
        lan = Lan(world)
        hosts = [lan.host(f"h{i}", f"10.7.0.{i}/24", disable_v6=True, up=False) for i in (1, 2, 3)]
        daemons = [world.daemon(f"n{i}", namespace=host).start() for i, host in enumerate(hosts)]
        until(lambda: all(d.try_status() for d in daemons), 5, "all serve")
        a, b, c = daemons
        for daemon in (a, b):  # each alone, each with a record of its own
            put = daemon.request("PUT", f"/v1/kv/of-{daemon.name}", body=daemon.name.encode())
            checks.check(put.exit == 0, f"a lone node stores: {put.body}")
        for host in hosts:
            link(host, True)
        until(lambda: a.status().get("other_networks") and b.status().get("other_networks"), 10, "they show each other")
        until(lambda: c.status()["members"]["alive"] == 2, 10, "the one without records goes with a winner")
        checks.check(stay_apart(a, b, STAY_APART), "two lan networks that hold records stay apart")
        refused = join(a, "10.7.0.2:4747", timeout="3s")
        checks.check(refused.exit == 9 and causes(refused)[-1] == "other_lan", f"join without --adopt says why not: {refused.body}")
        start = time.monotonic()
        adopted = join(a, "10.7.0.2:4747", adopt=True)
        checks.check(adopted.exit == 0, f"join --adopt: {adopted.body}")
        until(lambda: a.get("/v1/kv/of-n1").body == b"n1", 10, "who adopted reads the other's record")
        took = time.monotonic() - start
        checks.check(a.get("/v1/kv/of-n0").exit == 3, "who adopts gives up its own records")
        until(lambda: not a.status().get("other_networks") and not b.status().get("other_networks") or c.state_of("n1") is None, 10,
              "nobody shows a network whose daemons came over")
        return took
    finally:
        world.close()


def stay_apart(a, b, seconds):
    def met():
        return a.state_of(b.name) or b.state_of(a.name)

    wait(seconds, met)
    return not met()


def main():
    need_root()
    who_gets_in()
    who_stays_out()
    runs = [without_the_bootstrap_peer() for _ in range(min(RUNS, 3))]
    for i, what in enumerate(("one killed and restarted", "one stopped and restarted", "all killed and restarted")):
        checks.check(figures(f"without the bootstrap peer, {what}", [times[i] for times in runs], LIMIT), what)
    figures("lan networks with records, adopted", [two_with_records() for _ in range(min(RUNS, 3))])
    checks.finish()


main()
