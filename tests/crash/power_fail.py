"""Power failures: a recorded daemon, and every state its disk may have been left in.

power_fail.py [images] [seed]    100 000 images is the long run

A kithd runs three lives under the recorder, from its first start, while a client puts and notes in
the same log what was acknowledged. crash_images then builds and checks the images; one in a hundred
is started by a real kithd, which must serve what was acknowledged."""
import os
import shutil
import subprocess
import sys
import tempfile
import time

from client import Gone, seeded
from life import Life
from recording import HTTP, Recording, adoptions, three_lives
from world import BUILD, Checks, World, own_network, skip

IMAGES = int(sys.argv[1]) if len(sys.argv) > 1 else 2500
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else int.from_bytes(os.urandom(4), "big")
PUTS = max(60, min(1000, IMAGES // 60))  # of each of three lives
HERE = os.path.join(BUILD, "tests", "crash")

checks = Checks()


def promised(marks):
    """What the marks add up to: key -> values it may hold, and the rest by name."""
    acked, tried, facts = {}, {}, {}
    for text, data in marks:
        what, of = text.split(" ", 1)
        if what in ("try", "drop"):
            tried.setdefault(of, []).append(data if what == "try" else None)
        elif what == "ack":
            acked[of] = tried.pop(of)[-1]
        else:
            facts[what] = of
    return {key: [acked.get(key), *tried.get(key, [])] for key in {*acked, *tried}}, facts


def start_real(world, marks, image):
    """A kithd on an image: what is wrong with it, or None."""
    keys, facts = promised(marks)
    life = Life(world.dir, os.path.join(image, "data"), *HTTP)
    try:
        connection = life.serving()
        if not connection:
            return f"it does not start: {life.complaint()}"
        who, incarnation = life.about(connection)
        if facts.get("id", who) != who or incarnation <= int(facts.get("incarnation", 0)):
            return f"{who} with incarnation {incarnation} after {facts}"
        for key, allowed in keys.items():
            _, code, body = connection.request("GET", "/v1/kv/" + key)
            if code not in (0, 3, 6) or (body if code == 0 else None) not in allowed:
                return f"{key}: exit {code}, {body[:60]}"
        connection.close()
        return None
    except Gone:
        return f"it went away: {life.complaint()}"
    finally:
        life.kill()


def check_images(recording, images, real_each):
    """The real ones started; crash_images' last line."""
    world, log, marks = recording.world, recording.log, recording.marks
    command = [os.path.join(HERE, "crash_images"), log, recording.root]
    options = ["--images", str(images), "--seed", str(SEED), "--real", str(real_each)]
    images = subprocess.Popen([*command, os.path.join(world.dir, "work"), *options],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    real, tally, kept = 0, "", None
    for line in images.stdout:
        what, *rest = line.strip().split(" ")
        if what == "real":
            where, count, image = rest
            real += 1
            wrong = start_real(world, marks.list[:int(count)], image)
            shutil.rmtree(image)
            images.stdin.write("\n")
            images.stdin.flush()
            what = "failed" if wrong else what
            rest = [where, wrong]
        if what == "failed":
            kept = kept or keep(log)
            checks.check(False, " ".join(str(word) for word in rest))
            if rest[0] != "end:0":
                print(f"  again: {command[0]} {kept} {command[2]} {kept}.work --seed {SEED} --only {rest[0]}")
        tally = line.strip() if what == "images" else tally
    checks.check(images.wait() == 0, f"crash_images: exit {images.returncode}")
    return real, tally.split(" ")


def keep(log):
    kept = os.path.join(tempfile.gettempdir(), f"kith-power-{SEED}-{os.path.basename(log)}")
    shutil.copy(log, kept)
    return kept


def try_out(recording, acknowledged, images, real_each):
    began = time.monotonic()
    real, tally = check_images(recording, images, real_each)
    took = time.monotonic() - began
    if len(tally) == 6:
        _, built, _, points, _, failed = tally
        print(f"figure: power failures, {os.path.basename(recording.root)}: {built} images of {points} calls and {acknowledged} acknowledged "
              f"writes (seed {SEED}), {real} started by a real kithd: {int(built) / took:.0f} images/s, {failed} failed")


def main():
    if not own_network():
        skip("needs root for a network namespace")
    if os.path.isdir("/dev/shm"):
        tempfile.tempdir = "/dev/shm"  # an image a few milliseconds: no disk is that fast
    world = World()
    tempfile.tempdir = None
    rng = seeded(SEED)
    recording = Recording(world, "lives", checks)
    try_out(recording, three_lives(recording, rng, PUTS), IMAGES * 9 // 10, 100)
    recording = Recording(world, "adoptions", checks)
    try_out(recording, adoptions(recording, rng, 30), IMAGES // 10, 0)
    checks.finish()


main()
