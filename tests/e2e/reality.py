"""The simulator against real daemons: the same scenario files, played by `kith-sim` and here, with the
delay and the commit time that `kith-bench machine` measured just before on this machine.

reality.py [runs]     100 unless told: 8 minutes. A healing takes any time up to two seconds, so the median of 20 is
                      uncertain by some 30 %, of 100 by 14. Not part of the suite: most of it is about
                      time, which a busy machine has less of.
"""
import json
import os
import random
import statistics
import subprocess
import sys
import threading
import time

from cluster import Bridges, network_file, put, settle
from world import BUILD, Checks, World, own_network, run, skip, wait

RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 100
CHILD = sys.argv[2:]  # the scene that this process plays, and its file
SALTS, HOSTS, SEEDS, PUTS = 20, 8, 3, 1000
EACH = max(4, RUNS // 10)  # runs a network: at most ten networks are side by side
LEFT = "0,2,4,6"  # one side of the cut
TURN = "CPU of one turn of a daemon's loop, in puts"
WITHIN, PUT_FACTOR = 0.15, 2.0

checks = Checks()


# --- what both worlds are told --------------------------------------------------------------------


def measured(bridges, directory):
    """The rows of `kith-bench machine` between two hosts of these bridges, by name."""
    here, *others = [bridges.machine("left" if i % 2 == 0 else "right")[0] for i in range(HOSTS)]
    peers = [word for other in others for word in ("--peer", other)]
    answer = run("ip", "netns", "exec", here, os.path.join(BUILD, "kith-bench"), "machine", "--json", *peers, "--directory", directory)
    rows = {row["what"]: row for row in json.loads(answer.stdout)["rows"]}
    for what, row in rows.items():
        q = row.get("quantiles", [row["value"]])
        print(f"measured: {what}: p10 {q[len(q) // 10]:.0f} us, p50 {row['value']:.0f} us, p90 {q[len(q) * 9 // 10]:.0f} us")
    return rows


def phases(seed):
    """RUNS numbers evenly over 0 to 1, in an order of chance."""
    out = [(i + 0.5) / RUNS for i in range(RUNS)]
    random.Random(seed).shuffle(out)
    return out


def events():
    """What befalls each network: (scene, length, lines). Kills and cuts begin evenly over the second between two
    probes, cuts end evenly over the two seconds between two announcements to the dead."""
    kills, cuts, ends = phases(1), phases(2), phases(3)
    for first in range(0, RUNS, EACH):
        dealt = list(enumerate(range(first, min(first + EACH, RUNS))))
        yield "kill", 15 + 11 * EACH, [f"{15 + 11 * i + kills[run]:.3f} kill {run % HOSTS} for 6" for i, run in dealt]
        yield "split", 15 + 20 * EACH, [f"{15 + 20 * i + cuts[run]:.3f} cut {LEFT} for {9 + 2 * ends[run]:.3f}" for i, run in dealt]
    yield "puts", 16 + PUTS // 50, [f"{15 + i / 50:.3f} put {i % HOSTS} amount {i} size 100" for i in range(PUTS)]


def scene_files(world, rows):
    """Writes the scenarios: scene -> the files of its networks."""
    times = {"latency": "delay of a datagram, to all others", "job": "a verification, at all", "disk": "a commit, at all"}
    settings = [f"hosts {HOSTS}", f"step {rows[TURN]['value'] / 1e6:.6f}"]
    settings += [f"{setting} " + " ".join(f"{micros / 1e6:.6f}" for micros in rows[what]["quantiles"]) for setting, what in times.items()]
    files = {}
    for scene, length, lines in events():
        path = os.path.join(world.dir, f"{scene}-{len(files.get(scene, []))}.scene")
        files.setdefault(scene, []).append(path)
        with open(path, "w") as file:
            file.write("\n".join(["kith scenario 1"] + settings + [f"length {length}", "0 start *"] + lines) + "\n")
    return files


def simulated(files):
    """What `kith-sim` measures in them, with many salts each."""
    out = []
    for path in files:
        for salt in range(1, SALTS + 1):
            out.append(json.loads(run(os.path.join(BUILD, "kith-sim"), "scene", path, "--salt", str(salt), "--measure").stdout))
            checks.check(not out[-1]["findings"], f"{path}, salt {salt}: {out[-1]['findings']}")
    return out


# --- the real world ---------------------------------------------------------------------------------


class Listener(threading.Thread):
    """What one daemon says of the others, with the moment it was read; through restarts."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.daemon_told, self.said, self.ended = daemon, [], False
        self.start()

    def run(self):
        while not self.ended:
            try:
                self.follow(self.daemon_told.follow())
            except OSError:
                wait(0.02)  # not up yet

    def follow(self, events):
        with events.socket as stream:
            for line in stream.makefile("rb"):
                now, line = time.monotonic(), line.strip()
                if line.startswith(b'{"'):
                    event = json.loads(line)
                    if event["type"].startswith("member."):
                        self.said.append((now, event["type"][7:], event.get("name", "")))


def know_each_other(namespace, places):
    """Link addresses are known for good, as they are to a router: else the kernel keeps what is sent over a cut for
    up to 3 s while it asks for them, and delivers it when the cut ends. The simulated cut loses it."""
    for other, ip in places:
        if other != namespace:
            mac = json.loads(run("ip", "-j", "-n", other, "link", "show", "eth0").stdout)[0]["address"]
            run("ip", "-n", namespace, "neighbour", "replace", ip, "lladdr", mac, "dev", "eth0", "nud", "permanent")


class Reality:
    """Eight daemons behind two bridges that play a scenario's events at their times."""

    def __init__(self, world, bridges, name):
        flags = ["--network-file", network_file(world, name), "--no-lan"]
        places = [bridges.machine("left" if str(i) in LEFT.split(",") else "right") for i in range(HOSTS)]
        self.bridges, self.daemons, self.moments = bridges, [], []
        for i, (namespace, ip) in enumerate(places):
            joins = [word for j in range(SEEDS) if j != i for word in ("--join", places[j][1] + ":4747")]
            self.daemons.append(world.daemon(f"{name}-{i}", "--listen", ip + ":4747", *joins, *flags, namespace=namespace))
        for namespace, _ in places:
            know_each_other(namespace, places)
        self.began = time.monotonic()
        for daemon in self.daemons:
            daemon.start()
        self.listeners = [Listener(daemon) for daemon in self.daemons]
        settle(self.daemons)

    def play(self, path):
        acts, length = [], 0
        for words in map(str.split, open(path)):
            if words[0] == "length":
                length = float(words[1])
            if not words[0][0].isdigit() or words[1] == "start":
                continue
            at, act, who = float(words[0]), words[1], words[2]
            acts.append((at, act, who))
            if "for" in words:
                acts.append((at + float(words[words.index("for") + 1]), "end " + act, who))
        for at, act, who in sorted(acts) + [(length, "", "")]:
            wait(max(0, self.began + at - time.monotonic()))
            if act:
                self.do(act, who)

    def do(self, act, who):
        if act == "kill":
            moment = self.daemons[int(who)].kill()
        elif act == "end kill":
            moment = self.daemons[int(who)].start().started
        elif act == "cut":
            moment = self.bridges.cut() or time.monotonic()
        elif act == "end cut":
            moment = self.bridges.heal() or time.monotonic()
        self.moments.append((moment, act, who))

    def end(self):
        for listener in self.listeners:
            listener.ended = True
        for daemon in self.daemons:
            daemon.kill()


def deaths(reality):
    """For each kill how long each survivor took to say so."""
    out = []
    for number, (at, act, who) in enumerate(reality.moments):
        if act != "kill":
            continue
        until_then = next((m for m, a, w in reality.moments[number:] if a == "end kill" and w == who), float("inf"))
        told = []
        for listener in reality.listeners:
            told += [t - at for t, kind, name in listener.said if at < t < until_then and kind == "dead" and name == reality.daemons[int(who)].name][:1]
        out.append(told)
    return out


def healings(reality):
    """For each cut how long after its end everybody said of everybody that it lives."""
    told = sorted((t, by, kind, name) for by, listener in enumerate(reality.listeners) for t, kind, name in listener.said)
    alive, out, ended = [set() for _ in range(HOSTS)], [], None
    marks = sorted([(m, -1, act, "") for m, act, _ in reality.moments if "cut" in act] + told)
    for t, by, kind, name in marks:
        if by < 0:
            ended = t if kind == "end cut" else None
        elif name != reality.daemons[by].name:
            (alive[by].add if kind == "alive" else alive[by].discard)(name)
        if ended and all(len(seen) == HOSTS - 1 for seen in alive):
            out.append(t - ended)
            ended = None
    return out


def totals(daemons):
    names = ("kith_store_commits_total", 'kith_udp_packets_total{dir="out"}')
    return [sum(daemon.metric(name) for daemon in daemons) for name in names]


def puts(reality, path):
    """The puts one after the other at their times, and what they cost together."""
    answers, client = [], []

    def ask(act, who):
        began = time.monotonic()
        answers.append(put(reality.daemons[int(who)], f"key-{len(answers)}", b"x" * 100).json)
        client.append((time.monotonic() - began) * 1e3)

    wait(max(0, reality.began + 14.5 - time.monotonic()))
    before, reality.do = totals(reality.daemons), ask
    reality.play(path)
    commits, datagrams = (b - a for a, b in zip(before, totals(reality.daemons)))
    applied = [a for a in answers if a.get("outcome") == "applied"]
    rounds = sum(a["rounds"] for a in applied)
    return {"client_ms": client, "ms": [a["duration_ms"] for a in applied], "rounds": rounds, "commits": commits, "datagrams": datagrams}


# --- the comparison ---------------------------------------------------------------------------------


def compare(what, sim, real, low, high, unit=""):
    ratio = real / sim if sim else float("inf")
    good = low <= ratio <= high
    limits = f"{low:.2f} to {high:.2f}" if high < float("inf") else "none"
    print(f"{what:<44} {sim:>9.3f} {real:>9.3f} {unit:<4} {ratio:>6.3f}  {limits:<13} {'ok' if good else 'NOT SO'}")
    checks.check(good, f"{what}: simulated {sim:.3f}, real {real:.3f}")


def table(sims, real):
    print(f"\n{'':<44} {'simulated':>9} {'real':>9} {'':<4} {'ratio':>6}  {'limits':<13}")
    near = (1 - WITHIN, 1 / (1 - WITHIN))
    for what, pick in (("last", max), ("median", statistics.median)):
        sim = statistics.median(pick(d["told_s"]) for s in sims["kill"] for d in s["deaths"])
        compare(f"kill one of {HOSTS}: the {what} survivor says dead", sim, statistics.median(map(pick, real["kill"])), *near, "s")
    sim = statistics.median(h["whole_s"] for s in sims["split"] for h in s["healings"])
    compare("split 4/4, healed: all see all", sim, statistics.median(real["split"]), *near, "s")
    puts = [s["puts"] for s in sims["puts"]]
    for what, allowed in (("rounds", 1.0), ("commits", 1.005)):
        a_put = statistics.median(p[what] / len(p["ms"]) for p in puts)
        compare(f"{what} a put", a_put, real["puts"][what] / len(real["puts"]["ms"]), 1 / allowed, allowed)
    a_put = statistics.median(p["datagrams"] / len(p["ms"]) for p in puts)
    compare("datagrams a put, all of the time's", a_put, real["puts"]["datagrams"] / len(real["puts"]["ms"]), *near)
    compare("put, p50", statistics.median(ms for p in puts for ms in p["ms"]), statistics.median(real["puts"]["ms"]), 1 / PUT_FACTOR, PUT_FACTOR, "ms")


def runs_of(what, values):
    print(f"{what}: " + " ".join(f"{v:.3f}" for v in values))


def child(scene, path):
    """Plays one scene in a network of its own; prints what it took."""
    world = World()
    reality = Reality(world, Bridges(world), scene)
    if scene == "puts":
        taken = puts(reality, path)
    else:
        reality.play(path)
        taken = deaths(reality) if scene == "kill" else healings(reality)
    reality.end()
    print(json.dumps(taken))


def played(files, scene):
    """What each network took with real daemons, side by side: most of the time is waiting."""
    children = [subprocess.Popen([sys.executable, __file__, str(RUNS), scene, path], stdout=subprocess.PIPE) for path in files]
    return [json.loads(child.communicate()[0]) for child in children]


def main():
    if not own_network():
        skip("needs root for network namespaces")
    if CHILD:
        return child(*CHILD)
    world = World()
    files = scene_files(world, measured(Bridges(world), world.dir))
    sims = {scene: simulated(files[scene]) for scene in files}
    taken = {scene: played(files[scene], scene) for scene in files}  # the networks of a scene side by side
    real = {"puts": taken["puts"][0]} | {scene: [one for network in taken[scene] for one in network] for scene in ("kill", "split")}
    runs_of("real, last survivor says dead after", [max(told, default=0) for told in real["kill"]])
    runs_of("real, all see all after", real["split"])
    print(f"figure: {len(real['puts']['ms'])} real puts applied; p50 {statistics.median(real['puts']['client_ms']):.2f} ms at the client, through the API")
    checks.check(len(real["kill"]) == RUNS and all(len(told) == HOSTS - 1 for told in real["kill"]), "every survivor said dead of every victim")
    checks.check(len(real["split"]) == RUNS, f"{len(real['split'])} of {RUNS} cuts healed in time")
    table(sims, real)
    checks.finish()


if __name__ == "__main__":
    main()
