"""Who notices a death, and when. The time runs from the moment of the fault to `member.dead` in
each survivor's own event stream.

Among many, q = min(3, live observers) signed accusations decide: after 1 s when the dead one's port
refuses, after 3 s when it is only silent. Two alone have no witness: the survivor waits four such
windows (4 s, 12 s) before it says dead for itself alone, so N = 2 has limits of its own."""
import signal
import statistics
import subprocess
import sys
import time

from world import Checks, Lan, World, all_see, figures, link, need_root, p95, run, until, wait

RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 2
KILL_MEDIAN, KILL_MAX, SILENCE_MAX, LEFT_MAX = 2.5, 5.0, 7.0, 1.0
KILL_MAX_TWO, SILENCE_MAX_TWO = 6.0, 15.0  # up to 1 s until the next question, then the windows
PAUSE = 2.5

checks = Checks()


class Village:
    """Hosts on one LAN, a daemon on each, all seeing all; and what each daemon's events say."""

    def __init__(self, world, lan, number):
        self.world, self.lan = world, lan
        self.daemons = [world.daemon(f"r{number}n{i}", namespace=host).start() for i, host in enumerate(lan.hosts)]
        until(lambda: all_see(self.daemons), 15, "all see all")
        self.events = {d: d.follow() for d in self.daemons}
        self.victim, self.survivors = self.daemons[-1], self.daemons[:-1]

    def said(self, kind, by):
        """[(when, of whom)] of the member events of a kind in one daemon's stream."""
        self.events[by].read(0)
        return [(at, event["name"]) for at, event in self.events[by].seen if event["type"] == f"member.{kind}"]

    def times(self, kind, since, limit):
        """How long each survivor took to say it of the victim; the limit is only how long we wait."""
        def moments():
            return [at for by in self.survivors for at, name in self.said(kind, by) if name == self.victim.name]
        until(lambda: len(moments()) >= len(self.survivors), limit, f"all survivors say {kind}")
        return [at - since for at in moments()]

    def wrongly_dead(self, by=None, but=None):
        return [(d.name, name) for d in by or self.daemons for _, name in self.said("dead", d) if name != (but and but.name)]

    def marked_alone(self):
        """The `alone` field of the dead victim, as each survivor shows it."""
        return [m.get("alone", False) for by in self.survivors for m in by.members() if m["name"] == self.victim.name]

    def end(self):
        for events in self.events.values():
            events.close()
        self.world.end(*self.daemons)


def villages(count):
    world = World()
    lan = Lan(world)
    for i in range(count):
        lan.host(f"h{i}", f"10.7.0.{i + 1}/24", disable_v6=True)
    for number in range(RUNS):
        village = Village(world, lan, number)
        yield village
        village.end()
    world.close()


def judge(what, runs, limit, median=None):
    """A run is as slow as its last survivor; median and maximum are over every survivor of every run."""
    figures(f"{what}, last survivor", [max(times) for times in runs])
    every = sorted(t for times in runs for t in times)
    middle = statistics.median(every)
    print(f"figure: {what}, every survivor: median {middle:.2f} s, p95 {p95(every):.2f} s, max {every[-1]:.2f} s of {len(every)} (max {limit} s{f', median {median} s' if median else ''})")
    checks.check(every[-1] <= limit, f"{what}: max {every[-1]:.2f} s")
    checks.check(not median or middle <= median, f"{what}: median {middle:.2f} s")


def only_the_victim_died(village, what, count):
    """To the survivors: who is cut off may think of them what it likes."""
    wrong = village.wrongly_dead(village.survivors, but=village.victim)
    checks.check(not wrong, f"{what}: dead was said of others: {wrong}")
    alone = village.marked_alone()
    checks.check(all(alone) if count == 2 else not any(alone), f"{what}: `alone` is for a verdict without a witness: {alone}")


def killed(count):
    limit, what, runs = (KILL_MAX_TWO if count == 2 else KILL_MAX), f"kill -9, one of {count}", []
    for village in villages(count):
        at = village.victim.kill()
        runs.append(village.times("dead", at, limit * 4))
        only_the_victim_died(village, what, count)
    judge(what, runs, limit, KILL_MEDIAN if count > 2 else None)


def silent(count):
    """Its cable is pulled (even runs), or its host's packets go nowhere while the link stays (odd)."""
    limit, what, runs = (SILENCE_MAX_TWO if count == 2 else SILENCE_MAX), f"silent host, one of {count}", []
    for number, village in enumerate(villages(count)):
        bridge, port = village.lan.bridge, f"p{count - 1}"
        if number % 2 == 0:
            at = link(bridge, False, port)
        else:
            run("ip", "-n", bridge, "link", "set", port, "nomaster")
            at = time.monotonic()
        runs.append(village.times("dead", at, limit * 2))
        only_the_victim_died(village, what, count)
        run("ip", "-n", bridge, "link", "set", port, "master", "br0", "up")
    judge(what, runs, limit)


def paused(count):
    """Nobody is declared dead, neither while it sleeps nor later, by nobody: also not by itself."""
    ended = 0
    later = 13.0 if count == 2 else 8.0  # past every window
    for village in villages(count):
        village.victim.signal(signal.SIGSTOP)
        wait(PAUSE)
        village.victim.signal(signal.SIGCONT)
        wait(later, village.wrongly_dead)
        checks.check(not village.wrongly_dead(), f"SIGSTOP {PAUSE} s, one of {count}: dead was said: {village.wrongly_dead()}")
        checks.check(all_see(village.daemons), f"SIGSTOP {PAUSE} s, one of {count}: all see all again")
        ended += not village.wrongly_dead()
    print(f"figure: SIGSTOP {PAUSE} s, one of {count}: no member.dead in {ended} of {RUNS} runs")


def said_goodbye(count):
    what, runs = f"SIGTERM, one of {count}", []
    for village in villages(count):
        at = time.monotonic()
        village.victim.signal(signal.SIGTERM)
        runs.append(village.times("left", at, 10))
        checks.check(village.victim.process.wait(5) == 0, f"{what}: exit 0")
        wait(5.0, village.wrongly_dead)
        checks.check(not village.wrongly_dead(), f"{what}: dead was said: {village.wrongly_dead()}")
    judge(what, runs, LEFT_MAX)


def main():
    need_root()
    if len(sys.argv) <= 2:  # each size in a process of its own: most of the time is waiting
        children = [subprocess.Popen([sys.executable, __file__, str(RUNS), size]) for size in ("8", "3", "2")]
        sys.exit(max([child.wait() for child in children]))
    for fault in (killed, silent, said_goodbye, paused):
        fault(int(sys.argv[2]))
    checks.finish()


main()
