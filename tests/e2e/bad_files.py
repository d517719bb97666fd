"""Bad files, flags and environment: one clear line, and the right exit code.
2: something a person wrote. 1: the machine said no."""
import json
import os
import random
import shutil
import subprocess

from cluster import network_file
from world import KITHD, Checks, World, own_network, until

checks = Checks()


class Place:
    """A fresh data directory, and kithd run on it until it ends by itself or is ready."""

    def __init__(self, world, name):
        self.world = world
        self.dir = os.path.join(world.dir, name)
        self.data = os.path.join(self.dir, "data")
        os.makedirs(self.data, mode=0o700)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, contents):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(contents if isinstance(contents, bytes) else contents.encode())
        return path

    def used_before(self, *flags):
        """Runs it once, so that there are an identity and a database with a record."""
        daemon = self.world.daemon(os.path.basename(self.dir), "--listen", "127.0.0.1:0", "--no-lan", *flags)
        daemon.data = self.data
        daemon.start()
        until(lambda: (daemon.try_status() or {}).get("synced"), 10, "ready")
        daemon.request("PUT", "/v1/kv/kept", body=b"x" * 5000)
        daemon.request("PUT", "/v1/kv/small", body=b"y")
        daemon.stop()
        return daemon

    def run(self, *flags, environment=None, user=None, standard=True):
        flags = list(flags)
        if standard:
            flags = ["--data-dir", self.data, "--socket", self.path("s"), "--listen", "127.0.0.1:0", "--no-lan", *flags]
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("KITH_", "XDG_"))}
        clean.update({"HOME": self.dir, "XDG_CONFIG_HOME": self.path("config"), **(environment or {})})
        try:
            ended = subprocess.run([KITHD, *flags], capture_output=True, text=True, env=clean, timeout=5, user=user, cwd="/")
        except subprocess.TimeoutExpired as running:
            return None, (running.stderr or b"").decode(errors="replace"), ""
        return ended.returncode, ended.stderr, ended.stdout


def refused(place, what, code, *words, flags=(), **options):
    """It ends with that code and one line that names the thing."""
    got, said, out = place.run(*flags, **options)
    lines = [line for line in said.strip().splitlines() if line.startswith("kithd: ")]
    good = got == code and len(lines) == 1 and said.strip().splitlines()[-1] == lines[0] and out == "" and all(w in lines[0] for w in words)
    checks.check(good, f"{what}: exit {got} and not {code}, or not one line with {words}: {said!r}")
    if good:
        print(f"  {what}: {code}: {lines[0].replace(place.dir, '...')}")


def flags_and_environment(world):
    place = Place(world, "flags")
    network = network_file(world, "mine")
    cases = [
        ("an unknown flag", ["--netwrok", "x"], ["--netwrok"]), ("a flag without its value", ["--name"], ["--name"]),
        ("a bad instance", ["--instance", "No Capitals"], ["--instance", "a-z"]), ("a bad address", ["--listen", "localhost"], ["--listen", "ADDR:PORT"]),
        ("a scheme", ["--listen", "udp://127.0.0.1:1"], ["--listen"]), ("a port out of range", ["--listen", "127.0.0.1:70000"], ["--listen"]),
        ("a bad target", ["--join", "a b:c"], ["--join"]), ("a bad mode", ["--mode", "secret"], ["--mode", "private"]),
        ("private without a file", ["--mode", "private"], ["--mode", "kith network new"]), ("an API for everybody", ["--http", "0.0.0.0:80"], ["--http", "loopback"]),
        ("a tag without =", ["--tag", "x"], ["--tag", "K=V"]), ("a name with control characters", ["--name", "a\x1b[2J"], ["--name"]),
        ("a bad log level", ["--log-level", "loud"], ["--log-level", "debug"]), ("an empty network name", ["--network", ""], ["--network"]),
        ("another network than the file's", ["--network", "theirs", "--network-file", network], ["--network", "mine"]),
        ("the lan beside a network file", ["--network", "lan", "--network-file", network], ["--network", "mine"]),
        ("a public network file", ["--mode", "public", "--network-file", network], ["--mode", "private"]),
        ("a network file that is not there", ["--network-file", "/no/such"], ["/no/such", "kith network new"]),
        ("a configuration that is not there", ["--config", "/no/such.json"], ["/no/such.json"]),
        ("a socket path over 107 bytes", ["--socket", "/tmp/" + "x" * 120], ["107"]), ("a word too many", ["start"], ["start"]),
    ]
    for what, flags, words in cases:
        refused(place, what, 2, *words, flags=flags)
    for what, name, value, words in [("an environment variable", "KITH_MODE", "secret", ["KITH_MODE", "private"]), ("a list in the environment", "KITH_JOIN", "ok:1,a b:c", ["KITH_JOIN"]),
                                     ("a flag in the environment", "KITH_NO_LAN", "maybe", ["KITH_NO_LAN"]), ("a named configuration", "KITH_CONFIG", "/no/such.json", ["/no/such.json"])]:
        flags = ["--data-dir", place.data, "--socket", place.path("s"), "--listen", "127.0.0.1:0"]
        refused(place, what, 2, *words, flags=flags, environment={name: value}, standard=False)
    code, said, _ = place.run("--check-config", environment={"KITH_NETWROK": "x"})
    checks.check(code == 0 and "KITH_NETWROK" in said and "KITH_NETWORK" in said, f"an unknown KITH_ variable is a warning: {code} {said}")
    code, said, _ = place.run("--check-config", "--name", "a", "--name", "b")
    checks.check(code == 0, f"a repeated single flag: the last wins: {code} {said}")


def configuration_files(world):
    place = Place(world, "config")
    for what, text, line, column, *words in [
        ("a typo", '{\n  // a comment\n  "netwrok": "x"\n}\n', 3, 3, "/netwrok", 'did you mean "network"?'),
        ("an unknown key", '{"xyzzyx_plugh": 1}', 1, 2, "/xyzzyx_plugh"),
        ("a flag's spelling", '{"log-level": "info"}', 1, 2, "/log-level", 'did you mean "log_level"?'),
        ("a number for a string", '{\n "name": 7\n}', 2, 2, "/name", "string"), ("a string for a list", '{"join": "a"}', 1, 2, "/join", "array"),
        ("a string for a flag", '{"no_lan": "yes"}', 1, 2, "/no_lan", "true or false"), ("a bad value", '{"name": "a",\n"mode": "secret"}', 2, 1, "/mode", "private"),
        ("a bad element", '{"advertise": ["127.0.0.1:1",\n "nowhere"]}', 1, 2, "/advertise", "ADDR:PORT"), ("a missing brace", '{"name": "a"', 1, 13, "JSON"),
        ("a comma too many", '{"name": "a",}', 1, 14, "JSON"), ("not an object", '[1]', 1, 1, "object"), ("nothing", "", 1, 1, "JSON"),
        ("random bytes", random.randbytes(500), 1, None), ("a key hidden in a value", '{"name": "\\"mode\\":", "mode": 1}', 1, 23, "/mode"),
        ("a deep nest", "[" * 100000, 1, None),
    ]:
        path = place.write("kithd.json", text)
        where = f"{path}:{line}:{column}: " if column else path + ":"
        refused(place, "a configuration with " + what, 2, where, *words, flags=["--config", path])
    place.write("config/kith/kithd.json", '{"nmae": "x"}')
    refused(place, "the user's own file with a typo", 2, "kithd.json:1:2: /nmae", 'did you mean "name"?')
    os.unlink(place.path("config/kith/kithd.json"))
    path = place.write("good.json", '{\n // comment\n "name": "a", /* more */ "tag": ["k=v"], "no_lan": true\n}')
    code, said, _ = place.run("--config", path, "--check-config")
    checks.check(code == 0, f"a good configuration: {code} {said}")
    refused(place, "a configuration that is a directory", 2, place.dir, "not a file", flags=["--config", place.dir])


def network_files(world):
    place = Place(world, "network")
    with open(network_file(world, "good")) as file:
        good = json.load(file)
    bad = {"cut short": json.dumps(good)[:70], "empty": "", "not JSON": "hello", "random": random.randbytes(300), "a list": "[]", "another format": json.dumps({**good, "format": "kith-network/9"}),
           "no root": json.dumps({k: v for k, v in good.items() if k != "root"}), "a short psk": json.dumps({**good, "psk": "abcd"}), "a negative epoch": json.dumps({**good, "epoch": -1}),
           "a name with a slash": json.dumps({**good, "name": "a/b"}), "the admin's": json.dumps({"format": "kith-network-admin/1", "name": "x", "secret": "00" * 32}), "huge": "x" * 100000,
           "nested": '{"a":' * 30000}
    for what, contents in bad.items():
        path = place.write("n.network", contents)
        refused(place, f"a network file: {what}", 2, path, flags=["--network-file", path])
    refused(place, "a network file that is a directory", 2, place.dir, "not a file", flags=["--network-file", place.dir])


def data_directories(world):
    place = Place(world, "directory")
    file = place.write("file", "x")
    refused(place, "a data directory that is a file", 1, file, flags=["--data-dir", file])
    refused(place, "one below a file", 1, file, flags=["--data-dir", file + "/below"])
    refused(place, "one on a filesystem that takes none", 1, "/proc/kith", flags=["--data-dir", "/proc/kith"])
    if os.geteuid() == 0:
        os.chmod(world.dir, 0o755)
        os.chmod(place.dir, 0o755)
        os.chmod(place.data, 0o755)
        refused(place, "a data directory of somebody else", 1, place.data, user=65534, flags=["--socket", "/tmp/kith-e2e-nobody"])
    running = Place(world, "running")
    daemon = world.daemon("running-daemon", "--listen", "127.0.0.1:0", "--no-lan")
    daemon.data = running.data
    daemon.start()
    until(daemon.try_status, 10, "it runs")
    refused(running, "a data directory in use", 1, running.data, "in use", str(daemon.pid))
    refused(place, "a socket in use", 1, daemon.socket, flags=["--socket", daemon.socket])
    port = daemon.status()["listen"][0]
    refused(place, "a port in use", 1, port.rsplit(":", 1)[1], "--listen", flags=["--listen", port])
    refused(place, "an address that is not ours", 1, "203.0.113.7", flags=["--listen", "203.0.113.7:4747"])
    checks.check(daemon.try_status() is not None, "the running one was not disturbed")
    daemon.stop()


def damaged(world):
    """Identity, lan id and database: truncated, random, of somebody else."""
    def fresh(name, *flags):
        place = Place(world, name)
        place.used_before(*flags)
        return place

    place = fresh("identity")
    key = os.path.join(place.data, "identity.key")
    with open(key) as file:
        whole = file.read()
    for what, contents in {"empty": "", "cut short": whole[:40], "one digit changed": whole[:20] + ("0" if whole[20] != "0" else "1") + whole[21:], "random": random.randbytes(150), "huge": "x" * 10000}.items():
        place.write("data/identity.key", contents)
        refused(place, f"identity.key: {what}", 1, key)
    os.unlink(key)
    refused(place, "a database of another identity", 1, place.data, "another identity")
    os.unlink(key)
    os.mkdir(key)
    refused(place, "identity.key is a directory", 1, key, "not a file")

    place = fresh("lan")
    place.write("data/lan.id", "nonsense")
    refused(place, "a damaged lan.id", 1, "lan.id")
    place.write("data/lan.id", "00" * 16 + "\n")
    refused(place, "a database of another network", 1, place.data, "another network")
    refused(place, "a database of a lan in a private network", 1, place.data, "another network", flags=["--network-file", network_file(world)])

    place = fresh("database")
    database = os.path.join(place.data, "db", "data.mdb")
    with open(database, "rb") as file:
        whole = file.read()
    cases = {"empty": b"", "one page": whole[:4096], "cut in half": whole[:len(whole) // 2], "cut by a byte": whole[:-1], "random": random.randbytes(len(whole)), "zeros": bytes(len(whole)), "text": b"hello" * 3000,
             "both meta pages random": random.randbytes(8192) + whole[8192:]}
    for what, contents in cases.items():
        place.write("data/db/data.mdb", contents)
        if what == "empty":  # the first moment of a first start: it begins anew
            continue
        refused(place, f"a database: {what}", 1, database)
    # Any single page damaged: it refuses, or serves what is whole; it never crashes and never serves what is not.
    outcomes = {}
    for page in range(len(whole) // 4096):
        for _ in range(2):
            offset = page * 4096 + random.randrange(4096 - 64)
            place.write("data/db/data.mdb", whole[:offset] + random.randbytes(64) + whole[offset + 64:])
            shutil.copy(os.path.join(place.data, "db", "data.mdb"), place.path("before.mdb"))
            daemon = world.daemon("damaged", "--listen", "127.0.0.1:0", "--no-lan", "--http", "127.0.0.1:0")
            daemon.data = place.data
            daemon.start()
            until(lambda: daemon.process.poll() is not None or (daemon.try_status() or {}).get("synced"), 10,
                  f"it ends or serves with page {page} damaged at {offset}: {daemon.logged()[-400:]} {daemon.try_status()}")
            if daemon.alive():
                kept, small = daemon.get("/v1/kv/kept"), daemon.get("/v1/kv/small")
                checks.check(kept.exit in (3, 6) or kept.body == b"x" * 5000, f"page {page}: served something else")
                checks.check(small.exit in (3, 6) or small.body == b"y", f"page {page}: served something else")
                outcomes["served"] = outcomes.get("served", 0) + 1
                checks.check(daemon.stop() == 0, f"page {page}: stopped with {daemon.process.returncode}")
            else:
                outcomes["refused"] = outcomes.get("refused", 0) + 1
                checks.check(daemon.process.returncode == 1, f"page {page} at {offset}: ended with {daemon.process.returncode}: {daemon.logged()[-300:]}")
    print(f"figure: 64 random bytes in each page of the database, twice: {outcomes}, no crash, nothing wrong served")


def main():
    own_network()
    world = World()
    flags_and_environment(world)
    configuration_files(world)
    network_files(world)
    data_directories(world)
    damaged(world)
    checks.finish()


main()
